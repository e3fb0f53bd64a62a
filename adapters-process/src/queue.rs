//! A worker with a bounded queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::release::{Backstop, Release, Tracked};
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded, select_biased};
use serde::Serialize;

use crate::thread::StopToken;
use crate::worker::Worker;

/// A worker thread that handles items of a bounded queue one after the other.
///
/// # Guarantees
/// Once it is stopping, the handler is not called again; [`stop`](Self::stop) returns the items that were
/// not handled. A panic of the handler is caught and counted, and its item is lost.
pub struct WorkerQueue<T: Send + 'static> {
    sender: Sender<T>,
    left: Receiver<T>,
    worker: Tracked<Worker>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    handled: AtomicU64,
    panics: AtomicU64,
}

/// Counters of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueStatistics {
    /// Queued items.
    pub waiting: usize,
    /// Maximum number of queued items.
    pub capacity: usize,
    /// Items that were handled.
    pub handled: u64,
    /// Items at which the handler panicked.
    pub panics: u64,
}

/// An item that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError<T> {
    /// The queue stayed full until the time limit.
    #[error("the queue is full")]
    Full(T),
    /// The worker has stopped.
    #[error("the worker has stopped")]
    Stopped(T),
}

/// The result of stopping a queue.
#[derive(Debug)]
#[must_use]
pub struct Stopped<T> {
    /// The release of the worker.
    pub release: Release,
    /// The items that were not handled, the oldest first.
    pub left: Vec<T>,
}

impl<T: Send + 'static> WorkerQueue<T> {
    /// Starts a worker with a queue of at most `capacity` items.
    ///
    /// # Errors
    /// The thread cannot be started.
    #[track_caller]
    pub fn start(
        backstop: &Backstop,
        name: impl Into<String>,
        capacity: usize,
        handler: impl FnMut(T) + Send + 'static,
    ) -> Result<Self, Error> {
        // A queue of none would make every push wait for the handler; that is a call, not a queue.
        let (sender, receiver) = bounded(capacity.max(1));
        let counts = Arc::<Counts>::default();
        let (items, counted) = (receiver.clone(), Arc::clone(&counts));
        let worker = Worker::start(backstop, name, None, move |stop| {
            work(stop, &items, &counted, handler);
        })?;
        Ok(Self {
            sender,
            left: receiver,
            worker,
            counts,
        })
    }

    /// Puts an item into the queue if there is room now.
    ///
    /// # Errors
    /// The queue is full, or the worker has stopped; the error returns the item.
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        if self.worker.get().is_err() || self.worker.end().is_some() {
            return Err(PushError::Stopped(item));
        }
        self.sender.try_send(item).map_err(|error| match error {
            TrySendError::Full(item) => PushError::Full(item),
            TrySendError::Disconnected(item) => PushError::Stopped(item),
        })
    }

    /// Puts an item into the queue, waiting for space at most this long.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    pub fn push(&self, item: T, timeout: Duration) -> Result<(), PushError<T>> {
        if self.worker.get().is_err() || self.worker.end().is_some() {
            return Err(PushError::Stopped(item));
        }
        self.sender
            .send_timeout(item, timeout)
            .map_err(|error| match error {
                SendTimeoutError::Timeout(item) => PushError::Full(item),
                SendTimeoutError::Disconnected(item) => PushError::Stopped(item),
            })
    }

    /// Its counters.
    #[must_use]
    pub fn statistics(&self) -> QueueStatistics {
        QueueStatistics {
            waiting: self.sender.len(),
            capacity: self.sender.capacity().unwrap_or(usize::MAX),
            // Relaxed: counters that are only reported.
            handled: self.counts.handled.load(Ordering::Relaxed),
            panics: self.counts.panics.load(Ordering::Relaxed),
        }
    }

    /// Stops the worker after its current item, and returns the queued items.
    pub fn stop(self) -> Stopped<T> {
        let release = self.worker.release();
        Stopped {
            release,
            left: self.left.try_iter().collect(),
        }
    }

    /// Waits until the queued items are handled, at most this long, and stops the worker.
    pub fn finish(self, timeout: Duration) -> Stopped<T> {
        let Self {
            sender,
            left,
            worker,
            ..
        } = self;
        // The worker ends by itself once no handle can push and no item waits.
        drop(sender);
        let _ = worker.wait(timeout);
        Stopped {
            release: worker.release(),
            left: left.try_iter().collect(),
        }
    }
}

fn work<T>(stop: &StopToken, items: &Receiver<T>, counts: &Counts, mut handler: impl FnMut(T)) {
    loop {
        let item = select_biased! {
            // First: an item that arrived at the same time stays in the queue, and is returned.
            recv(stop.stopped()) -> _ => return,
            recv(items) -> item => match item {
                Ok(item) => item,
                Err(_) => return,
            },
        };
        let mut item = Some(item);
        let handled = stop.callback(|| {
            let item = item.take();
            catch_unwind(AssertUnwindSafe(|| item.map(&mut handler)))
        });
        match handled {
            Some(Ok(_)) => counts.handled.fetch_add(1, Ordering::Relaxed),
            Some(Err(_)) => counts.panics.fetch_add(1, Ordering::Relaxed),
            None => return,
        };
    }
}
