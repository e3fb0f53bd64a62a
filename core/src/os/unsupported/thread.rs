//! Threads.

/// Zero: this system's thread numbers are not known.
#[must_use]
pub fn id() -> u32 {
    0
}

/// # Errors
/// Always: this system's thread numbers are not known.
pub fn is_alive(_pid: i32, _thread: u32) -> std::io::Result<bool> {
    Err(std::io::ErrorKind::Unsupported.into())
}
