//! jemalloc's heap profiling, in programs that use jemalloc.
#![expect(
    unsafe_code,
    reason = "jemalloc's controls read and write plain memory"
)]

use std::ffi::CStr;
use std::hint::black_box;
use std::io;

pub use tikv_jemallocator::Jemalloc;

use tikv_jemalloc_ctl::{Error, profiling, raw, thread};

/// Whether profiling was switched on when the program started.
///
/// # Errors
/// jemalloc was built without profiling.
pub fn is_profiling() -> io::Result<bool> {
    profiling::prof::read().map_err(plain)
}

/// Whether allocations are being sampled now.
///
/// # Errors
/// jemalloc was built without profiling.
pub fn is_sampling() -> io::Result<bool> {
    // SAFETY: `prof.active` is a bool.
    unsafe { raw::read(b"prof.active\0") }.map_err(plain)
}

/// Whether jemalloc is this program's allocator.
#[must_use]
pub fn is_the_programs() -> bool {
    let allocated = || {
        thread::allocatedp::read()
            .map(thread::ThreadLocal::get)
            .ok()
    };
    let before = allocated();
    drop(black_box(Box::new([0_u8; 64])));
    before.is_some() && before != allocated()
}

/// Writes the sampled live allocations, grouped by stack, in jemalloc's text format.
///
/// # Errors
/// Profiling is off, or the file cannot be written.
pub fn dump(path: &CStr) -> io::Result<()> {
    // SAFETY: `prof.dump` takes a pointer to a text that ends with a zero byte and reads it before
    // it returns.
    unsafe { raw::write(b"prof.dump\0", path.as_ptr()) }.map_err(plain)
}

/// jemalloc's error codes are the system's error numbers.
fn plain(error: Error) -> io::Error {
    io::Error::other(error)
}
