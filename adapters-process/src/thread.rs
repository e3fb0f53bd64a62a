//! A thread that is asked to stop and waited for; one that does not stop is reported.

mod gate;
mod registry;
mod stop_token;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use backstop_core::release::CancelToken;
use backstop_core::resource::{Deadline, Kind, Presence, Progress, Rung, Site};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;

pub(crate) use gate::Gate;
pub use registry::{ThreadView, orphaned, workers};
pub use stop_token::StopToken;

/// How the body of a thread ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "end", content = "message")]
#[non_exhaustive]
pub enum ThreadEnd {
    /// It returned.
    Returned,
    /// It panicked, with this message.
    Panicked(String),
}

/// The state that a thread shares with its observers.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) site: Site,
    pub(crate) started: Instant,
    pub(crate) gate: Gate,
    token: CancelToken,
    /// The kernel's number of the thread; 0 until it runs.
    number: AtomicU32,
    /// Whether its release has reached the last rung, so that nothing is left to try.
    is_given_up: AtomicBool,
    end: Mutex<Option<ThreadEnd>>,
    ended: Condvar,
    /// Dropped when it is asked to stop, which wakes a receiver at the other end.
    stop_sender: Mutex<Option<Sender<()>>>,
    stopped: Receiver<()>,
}

/// A started thread. Dropping it asks the thread to stop and waits for nothing.
pub(crate) struct Thread {
    shared: Arc<Shared>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Thread {
    pub(crate) fn start(
        kind: Kind,
        name: &str,
        site: Site,
        body: impl FnOnce(&StopToken) + Send + 'static,
    ) -> io::Result<Self> {
        let (stop_sender, stopped) = bounded(0);
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            kind,
            site,
            started: Instant::now(),
            gate: Gate::default(),
            token: CancelToken::new(),
            number: AtomicU32::new(0),
            is_given_up: AtomicBool::new(false),
            end: Mutex::new(None),
            ended: Condvar::new(),
            stop_sender: Mutex::new(Some(stop_sender)),
            stopped,
        });
        let own = Arc::clone(&shared);
        // Registered before it runs: it removes itself at its end.
        let entry = registry::enter(&shared);
        let handle = std::thread::Builder::new()
            .name(printable(name))
            .spawn(move || {
                let _entry = entry;
                own.number
                    .store(backstop_os::thread::id(), Ordering::Relaxed);
                let token = StopToken::of(Arc::clone(&own));
                let ended = catch_unwind(AssertUnwindSafe(move || body(&token)));
                *own.end.lock() = Some(match ended {
                    Ok(()) => ThreadEnd::Returned,
                    Err(panic) => ThreadEnd::Panicked(panic_text(&*panic)),
                });
                own.ended.notify_all();
            })?;
        Ok(Self {
            shared,
            handle: Mutex::new(Some(handle)),
        })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// One rung: a thread can only be asked to stop.
    pub(crate) fn release(&self, rung: Rung) -> Progress {
        self.shared.ask_to_stop();
        if rung == Rung::Force {
            self.shared.is_given_up.store(true, Ordering::Relaxed);
        }
        Progress::Pending
    }

    /// Whether it has ended, and whether none of its callbacks runs.
    pub(crate) fn verify(&self) -> Presence {
        let mut handle = self.handle.lock();
        let has_ended = match &*handle {
            None => true,
            Some(running) => running.is_finished(),
        };
        if !has_ended {
            return Presence::present(self.shared.holder());
        }
        if let Some(finished) = handle.take() {
            // Its panics were caught; nothing is left to fail.
            let _ = finished.join();
        }
        if self.shared.gate.is_empty() {
            Presence::Gone
        } else {
            Presence::present(format!("a callback of {}", self.shared.holder()))
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.shared.ask_to_stop();
    }
}

impl Shared {
    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    pub(crate) fn stopped(&self) -> &Receiver<()> {
        &self.stopped
    }

    /// No callback begins after this.
    pub(crate) fn ask_to_stop(&self) {
        // The gate first: code that sees the token cancelled may rely on the gate.
        self.gate.close();
        self.token.cancel();
        drop(self.stop_sender.lock().take());
    }

    pub(crate) fn end(&self) -> Option<ThreadEnd> {
        self.end.lock().clone()
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> Option<ThreadEnd> {
        let mut end = self.end.lock();
        self.ended
            .wait_while_until(&mut end, |end| end.is_none(), deadline.instant());
        end.clone()
    }

    pub(crate) fn is_orphaned(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed) && self.end.lock().is_none()
    }

    fn holder(&self) -> String {
        let age = self.started.elapsed();
        // Whole milliseconds are precise enough for a message.
        let age = Duration::from_millis(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        format!(
            "thread {} (tid {}) started at {}, {age:?} ago",
            self.name,
            self.number.load(Ordering::Relaxed),
            self.site
        )
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

/// The system rejects a name with a zero byte.
fn printable(name: &str) -> String {
    name.replace('\0', "?")
}
