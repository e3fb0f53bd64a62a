//! Detects a fork without exec.
#![expect(
    unsafe_code,
    reason = "madvise(MADV_WIPEONFORK) and pthread_atfork have no safe form"
)]

use std::cell::Cell;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags};

/// A byte that the kernel zeroes in every forked child, whichever code or call forked it.
static MARK: OnceLock<Option<&'static AtomicU8>> = OnceLock::new();

/// Whether this process is still the one that called this first.
///
/// One load after the first call. A child that shares memory (`vfork`, `posix_spawn`) counts as the
/// same process until it executes.
#[must_use]
#[inline]
pub fn is_original_process() -> bool {
    match MARK.get_or_init(wiped_page) {
        // Relaxed: the byte is written once before it is published and afterwards only by the
        // kernel at a fork, which orders everything.
        Some(mark) => mark.load(Ordering::Relaxed) != 0,
        None => true,
    }
}

fn wiped_page() -> Option<&'static AtomicU8> {
    let length = 4096;
    // SAFETY: a fresh private anonymous mapping at an address of the kernel's choice aliases
    // nothing.
    let page = unsafe {
        rustix::mm::mmap_anonymous(
            std::ptr::null_mut(),
            length,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    }
    .ok()?;
    // SAFETY: the range is exactly the mapping made above.
    unsafe { rustix::mm::madvise(page, length, Advice::LinuxWipeOnFork) }.ok()?;
    // SAFETY: the page is mapped, zeroed, aligned, never unmapped, and only touched through this
    // atomic and by the kernel.
    let mark = unsafe { &*page.cast::<AtomicU8>() };
    mark.store(1, Ordering::Relaxed);
    Some(mark)
}

/// Slots for descriptors that a forked child must not keep. A fixed array, because the handler runs
/// in the child of a possibly multithreaded process, where only async-signal-safe calls are
/// allowed.
static CLOSED_IN_CHILD: [AtomicI32; 64] = [const { AtomicI32::new(-1) }; 64];

/// Prevents forked children from inheriting one descriptor, until dropped.
#[derive(Debug)]
#[must_use = "children inherit the descriptor again once this is dropped"]
pub struct ClosedInChild(usize);

/// Closes `descriptor` in every child that the C library forks.
///
/// Returns `None` when 64 descriptors are registered already. A child created by a raw `clone`
/// inherits it nevertheless.
pub fn close_in_child(descriptor: BorrowedFd<'_>) -> Option<ClosedInChild> {
    static HANDLER: OnceLock<bool> = OnceLock::new();
    let installed = *HANDLER.get_or_init(|| {
        // SAFETY: the handler calls only close(2), which is async-signal-safe, on atomics.
        unsafe { libc::pthread_atfork(None, None, Some(close_all)) == 0 }
    });
    let number = descriptor.as_raw_fd();
    installed.then_some(())?;
    CLOSED_IN_CHILD
        .iter()
        // Release pairs with the handler's Acquire; the fork orders the rest.
        .position(|entry| {
            entry
                .compare_exchange(-1, number, Ordering::Release, Ordering::Relaxed)
                .is_ok()
        })
        .map(ClosedInChild)
}

thread_local! {
    /// Whether children that this thread forks are about to execute a program. Constant and without
    /// a destructor, so that the handler may read it in the child.
    static ABOUT_TO_EXECUTE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`, which starts a program: its forked child keeps even the registered descriptors
/// until it executes the program and the kernel closes them.
///
/// Until it executes the program, a child cannot be found through its environment. Because it holds
/// its owner's lease in the meantime, no process can sweep before the child can be found.
pub fn executing<T>(body: impl FnOnce() -> T) -> T {
    let before = ABOUT_TO_EXECUTE.replace(true);
    let answer = body();
    ABOUT_TO_EXECUTE.set(before);
    answer
}

impl Drop for ClosedInChild {
    fn drop(&mut self) {
        if is_original_process() {
            CLOSED_IN_CHILD[self.0].store(-1, Ordering::Release);
        }
    }
}

extern "C" fn close_all() {
    if ABOUT_TO_EXECUTE.get() {
        return;
    }
    for entry in &CLOSED_IN_CHILD {
        let descriptor: RawFd = entry.swap(-1, Ordering::Acquire);
        if descriptor >= 0 {
            // SAFETY: the descriptor is this child's own copy of one the parent registered; nothing
            // in the child uses it, because every use first checks `is_original_process`.
            unsafe { libc::close(descriptor) };
        }
    }
}
