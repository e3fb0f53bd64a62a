//! Receives signals by reading them instead of being interrupted.
#![expect(
    unsafe_code,
    reason = "signal masks, signalfd and raise have no safe form"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::signal::{Received, Signal};

/// A set of signals that this thread reads instead of having them delivered.
///
/// Threads that are started afterwards inherit the mask; a thread that already existed still
/// receives the signals. So block them at the start of `main`, before any thread.
///
/// Dropping it leaves the signals blocked, because unblocking would deliver pending ones at an
/// arbitrary time; [`SignalSource::restore`] does that on purpose.
pub struct SignalSource {
    descriptor: OwnedFd,
    original: libc::sigset_t,
}

impl SignalSource {
    /// Blocks the signals for this thread and opens a source for them.
    ///
    /// # Errors
    /// No file descriptor is available. `SIGKILL` and `SIGSTOP` cannot be blocked and never arrive.
    pub fn block(signals: &[Signal]) -> io::Result<Self> {
        let set = set_of(signals);
        let mut original = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both pointers are valid for the call, which fills `original` on success.
        let result = unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, original.as_mut_ptr())
        };
        if result != 0 {
            return Err(io::Error::from_raw_os_error(result));
        }
        // SAFETY: the call above succeeded and has filled it.
        let original = unsafe { original.assume_init() };
        // SAFETY: the set is valid for the call; -1 asks for a new descriptor.
        let number =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if number < 0 {
            let error = io::Error::last_os_error();
            set_mask(&original)?;
            return Err(error);
        }
        // SAFETY: the descriptor was just opened and has no other owner.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        Ok(Self {
            descriptor,
            original,
        })
    }

    /// Reads the next signal that has arrived, without waiting for one.
    ///
    /// Several of one kind that arrive before they are read are merged, as always with signals.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub fn next(&self) -> io::Result<Option<Received>> {
        loop {
            let mut information = MaybeUninit::<libc::signalfd_siginfo>::uninit();
            let size = size_of::<libc::signalfd_siginfo>();
            // SAFETY: the buffer is as long as stated; the kernel writes one whole record or
            // nothing.
            let count = unsafe {
                libc::read(
                    self.descriptor.as_raw_fd(),
                    information.as_mut_ptr().cast(),
                    size,
                )
            };
            if count == size as isize {
                // SAFETY: the whole record was written.
                return Ok(received(&unsafe { information.assume_init() }));
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(None),
                io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            }
        }
    }

    /// A function for a child to call between fork and exec, so that it starts with the mask from
    /// before [`SignalSource::block`]; makes one async-signal-safe call.
    pub fn unblocked_in_child(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        let original = self.original;
        move || set_mask(&original)
    }

    /// Restores this thread's earlier mask; pending signals are delivered at once.
    ///
    /// # Errors
    /// None that the kernel documents.
    pub fn restore(self) -> io::Result<()> {
        set_mask(&self.original)
    }
}

impl AsFd for SignalSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl std::fmt::Debug for SignalSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SignalSource")
            .field("descriptor", &self.descriptor)
            .finish()
    }
}

/// Sends a signal to the calling thread.
///
/// # Errors
/// None that the kernel documents for a valid signal.
pub fn raise(signal: Signal) -> io::Result<()> {
    // SAFETY: takes a number only.
    if unsafe { libc::raise(signal.number()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn set_of(signals: &[Signal]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset fills the set it is given.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    for signal in signals {
        // SAFETY: the set was filled above; the number is that of a signal.
        unsafe { libc::sigaddset(&raw mut set, signal.number()) };
    }
    set
}

fn set_mask(mask: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the mask is valid for the call and was filled by the kernel.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(result))
    }
}

fn received(information: &libc::signalfd_siginfo) -> Option<Received> {
    let signal = Signal::from_number(i32::try_from(information.ssi_signo).ok()?)?;
    let code = information.ssi_code;
    // The field is a PID only for signals sent by processes and about children; it is 0 for a
    // sender in a pid namespace that this process cannot see.
    let has_sender = code <= 0 || signal == Signal::CHLD;
    let sender = i32::try_from(information.ssi_pid).ok();
    Some(Received {
        signal,
        code,
        sender: sender.filter(|pid| has_sender && *pid > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    #[test]
    fn a_blocked_signal_is_read_with_its_sender() {
        let source = SignalSource::block(&[Signal::USR1, Signal::USR2]).unwrap();
        assert_eq!(source.next().unwrap(), None);
        raise(Signal::USR2).unwrap();
        let received = source.next().unwrap().unwrap();
        assert_eq!(received.signal, Signal::USR2);
        assert_eq!(received.sender, Some(std::process::id() as i32));
        assert!(!received.is_from_kernel());
        assert_eq!(source.next().unwrap(), None);
        source.restore().unwrap();
    }

    #[test]
    fn a_child_starts_with_the_mask_from_before() {
        let source = SignalSource::block(&[Signal::USR1]).unwrap();
        let unblock = source.unblocked_in_child();
        let mut command = Command::new("sh");
        command.args(["-c", "kill -USR1 $$; exit 0"]);
        // SAFETY: the closure makes one async-signal-safe call.
        unsafe { command.pre_exec(unblock) };
        assert_eq!(
            command.status().unwrap().signal(),
            Some(Signal::USR1.number())
        );
        source.restore().unwrap();
    }
}
