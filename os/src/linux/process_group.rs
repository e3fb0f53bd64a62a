//! Sends signals to the process group of a leader that is held by its pidfd.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, kill_process_group, test_kill_process_group};

use super::pinned::PinnedProcess;
use crate::liveness::{Delivery, Liveness};
use crate::signal::Signal;

/// Sends a signal to all processes of the group that this process leads.
///
/// Only while the leader is not reaped: until then its PID, and with it the group's ID, is not
/// reused.
///
/// # Errors
/// The leader was reaped (`NotFound`), or permission for all processes of the group is missing.
pub fn signal_group(leader: &PinnedProcess, signal: Signal) -> io::Result<Delivery> {
    if leader.liveness()? == Liveness::Gone {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the group's leader was reaped, so its ID may be another group's",
        ));
    }
    let number = rustix::process::Signal::from_named_raw(signal.number()).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "only named signals can be sent to groups",
        )
    })?;
    match kill_process_group(number_of(leader)?, number) {
        Ok(()) => Ok(Delivery::Sent),
        Err(Errno::SRCH) => Ok(Delivery::AlreadyGone),
        Err(error) => Err(error.into()),
    }
}

/// Whether any process, including an exited leader, is in the group that this process leads or led.
///
/// # Errors
/// The PID is not valid.
pub fn is_inhabited(leader: &PinnedProcess) -> io::Result<bool> {
    match test_kill_process_group(number_of(leader)?) {
        Err(Errno::SRCH) => Ok(false),
        _ => Ok(true),
    }
}

fn number_of(leader: &PinnedProcess) -> io::Result<Pid> {
    // 1 would denote every process.
    Pid::from_raw(leader.pid())
        .filter(|_| leader.pid() > 1)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_group_is_signalled_until_its_leader_is_reaped() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 61 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = PinnedProcess::pin(child.id() as i32).unwrap();
        assert!(is_inhabited(&leader).unwrap());
        assert_eq!(signal_group(&leader, Signal::KILL).unwrap(), Delivery::Sent);
        assert!(leader.wait_exit(Duration::from_secs(20)).unwrap());
        child.wait().unwrap();
        assert_eq!(
            signal_group(&leader, Signal::KILL).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
