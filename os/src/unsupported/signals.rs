//! Receives signals by reading them instead of being interrupted.

use std::convert::Infallible;
use std::io;

use crate::signal::{Received, Signal};

/// A source of signals: there is none on this system.
#[derive(Debug)]
pub struct SignalSource(Infallible);

impl SignalSource {
    /// # Errors
    /// Always: signals cannot be read on this system.
    pub fn block(_signals: &[Signal]) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Never called.
    pub fn next(&self) -> io::Result<Option<Received>> {
        match self.0 {}
    }

    /// Never called.
    #[expect(
        unreachable_code,
        reason = "the opaque type needs a value to be named after"
    )]
    pub fn unblocked_in_child(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        match self.0 {}
        || Ok(())
    }

    /// # Errors
    /// Never called.
    pub fn restore(self) -> io::Result<()> {
        match self.0 {}
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for SignalSource {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self.0 {}
    }
}

/// # Errors
/// Always: signals are not sent on this system.
pub fn raise(_signal: Signal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
