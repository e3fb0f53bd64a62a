//! Two names that are exchanged as fast as possible.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Exchanges two names until it is dropped. Each exchange is one `renameat2`: there is no moment at
/// which a name is free.
#[derive(Debug)]
pub(super) struct Exchange {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    swaps: AtomicU64,
}

impl Exchange {
    /// # Errors
    /// One of them does not exist, or the file system cannot exchange names.
    pub(super) fn start(first: &Path, second: &Path) -> io::Result<Self> {
        // Once here, so that a file system that cannot is an error and not an attack that never was.
        exchange(first, second).and_then(|()| exchange(first, second))?;
        let shared = Arc::new(Shared::default());
        let thread = {
            let (first, second): (PathBuf, PathBuf) = (first.to_owned(), second.to_owned());
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("swapper".into())
                .spawn(move || {
                    // Relaxed: nothing is published with either.
                    while !shared.stop.load(Ordering::Relaxed) {
                        // One of the names may be missing just now: that is the point.
                        if exchange(&first, &second).is_ok() {
                            shared.swaps.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })?
        };
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn swaps(&self) -> u64 {
        self.shared.swaps.load(Ordering::Relaxed)
    }

    pub(super) fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only exchanges names and cannot panic.
            let _ = thread.join();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.stop();
    }
}

fn exchange(first: &Path, second: &Path) -> io::Result<()> {
    Ok(renameat_with(
        CWD,
        first,
        CWD,
        second,
        RenameFlags::EXCHANGE,
    )?)
}
