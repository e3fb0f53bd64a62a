//! Signals to process groups.

use std::io;

use super::pinned::PinnedProcess;
use crate::liveness::Delivery;
use crate::signal::Signal;

/// # Errors
/// Always: processes cannot be pinned on this system.
pub fn signal_group(_leader: &PinnedProcess, _signal: Signal) -> io::Result<Delivery> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: processes cannot be pinned on this system.
pub fn is_inhabited(_leader: &PinnedProcess) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
