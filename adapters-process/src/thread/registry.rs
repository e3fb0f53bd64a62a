//! The registry of all running threads of this family.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::Shared;

static REGISTRY: Mutex<Vec<(u64, Arc<Shared>)>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// An entry of the registry, removed when it is dropped.
pub(super) struct Entry(u64);

pub(super) fn enter(shared: &Arc<Shared>) -> Entry {
    // Relaxed: only a unique number, no synchronisation.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    REGISTRY.lock().push((number, Arc::clone(shared)));
    Entry(number)
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut registry = REGISTRY.lock();
        if let Some(at) = registry.iter().position(|(number, _)| *number == self.0) {
            registry.swap_remove(at);
        }
    }
}

/// One running thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThreadView {
    /// Its name.
    pub name: String,
    /// What runs on it: `process.thread`, `process.timer` or `process.server`.
    pub kind: &'static str,
    /// Its thread ID (TID); 0 until it runs.
    pub number: u32,
    /// Where it was started.
    pub site: String,
    /// How long ago.
    pub age: Duration,
    /// Whether it was asked to stop.
    pub is_stopping: bool,
    /// Whether its release ended stuck: it is leaked until it ends.
    pub is_orphaned: bool,
}

/// The threads of this family that run in this process, the oldest first.
#[must_use]
pub fn workers() -> Vec<ThreadView> {
    let mut views: Vec<ThreadView> = REGISTRY
        .lock()
        .iter()
        .map(|(_, shared)| view(shared))
        .collect();
    views.sort_by_key(|view| std::cmp::Reverse(view.age));
    views
}

/// The threads whose release ended stuck and that still run; each is removed when it ends.
///
/// Threads cannot be killed: what is listed is leaked, with the place in the code where it was started.
#[must_use]
pub fn orphaned() -> Vec<ThreadView> {
    let mut views = workers();
    views.retain(|view| view.is_orphaned);
    views
}

fn view(shared: &Shared) -> ThreadView {
    ThreadView {
        name: shared.name.clone(),
        kind: shared.kind.name(),
        number: shared.number.load(Ordering::Relaxed),
        site: shared.site.to_string(),
        age: shared.started.elapsed(),
        is_stopping: shared.token().is_cancelled(),
        is_orphaned: shared.is_orphaned(),
    }
}
