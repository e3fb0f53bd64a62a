//! Calls that may hang, made on threads where a hang can be abandoned and reported.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use crate::resource::Deadline;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for work. A thread that hangs is not among them and delays no other call.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// How many calls may hang at once before further ones are refused.
const MOST_THREADS: usize = 512;
/// How many threads are kept for the next call.
const MOST_IDLE: usize = 4;
/// Release code calls into drivers and C libraries: a whole stack, of which only what is touched
/// takes memory.
const STACK: usize = 1 << 20;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It did not return in time. Its thread keeps running, and no caller waits for it.
    #[error("did not return in time")]
    Hung,
    /// It panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// There is no thread to make it on.
    #[error("no thread available: {0}")]
    NoThread(String),
}

/// A call that is being made on a thread of its own.
#[derive(Debug)]
pub struct DeadlineCall<T>(Receiver<Result<T, String>>);

impl<T: Send + 'static> DeadlineCall<T> {
    /// Begins a call.
    ///
    /// # Errors
    /// There is no thread to make it on.
    pub fn begin(body: impl FnOnce() -> T + Send + 'static) -> Result<Self, CallError> {
        let (answer, answers) = bounded(1);
        submit(Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(body)).map_err(|panic| panic_text(&*panic));
            // No caller waits for it once the deadline has passed.
            let _ = answer.send(result);
        }))?;
        Ok(Self(answers))
    }

    /// Its answer; `None` if there is none by the deadline.
    #[must_use]
    pub fn answer(&self, deadline: Deadline) -> Option<Result<T, CallError>> {
        match self.0.recv_deadline(deadline.instant()) {
            Ok(Ok(value)) => Some(Ok(value)),
            Ok(Err(panic)) => Some(Err(CallError::Panicked(panic))),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(Err(CallError::NoThread("it ended early".into())))
            }
        }
    }
}

/// Makes a call that may hang, and waits for it until the deadline.
///
/// # Errors
/// It hung, panicked, or found no thread.
pub fn within<T: Send + 'static>(
    deadline: Deadline,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CallError> {
    DeadlineCall::begin(body)?
        .answer(deadline)
        .unwrap_or(Err(CallError::Hung))
}

fn submit(mut job: Job) -> Result<(), CallError> {
    loop {
        // Taken out of the list before it is used: two callers never share a thread.
        let Some(thread) = IDLE.lock().pop() else {
            break;
        };
        match thread.send(job) {
            Ok(()) => return Ok(()),
            // It ended while idle.
            Err(returned) => job = returned.0,
        }
    }
    // Relaxed: a bound, not a synchronisation.
    if RUNNING.fetch_add(1, Ordering::Relaxed) >= MOST_THREADS {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
        return Err(CallError::NoThread(format!(
            "{MOST_THREADS} releases are hanging already"
        )));
    }
    let started = std::thread::Builder::new()
        .name("backstop-release".into())
        .stack_size(STACK)
        .spawn(move || work(job));
    match started {
        Ok(_) => Ok(()),
        Err(error) => {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
            Err(CallError::NoThread(error.to_string()))
        }
    }
}

fn work(first: Job) {
    first();
    let (sender, jobs) = bounded::<Job>(1);
    loop {
        {
            let mut idle = IDLE.lock();
            if idle.len() >= MOST_IDLE {
                break;
            }
            idle.push(sender.clone());
        }
        match jobs.recv() {
            Ok(job) => job(),
            Err(_) => break,
        }
    }
    RUNNING.fetch_sub(1, Ordering::Relaxed);
}

/// What a panic said.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_answer_a_panic_and_a_hang_are_told_apart() {
        let soon = || Deadline::after(Duration::from_secs(30));
        assert_eq!(within(soon(), || 7), Ok(7));
        assert_eq!(
            within(soon(), || -> u8 { panic!("on purpose") }),
            Err(CallError::Panicked("on purpose".into()))
        );
        let (release, hold) = bounded::<()>(0);
        let hung = within(Deadline::after(Duration::from_millis(1)), move || {
            hold.recv().is_ok()
        });
        assert_eq!(hung, Err(CallError::Hung));
        drop(release);
    }
}
