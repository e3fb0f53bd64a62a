//! A way to wake a thread that waits for a descriptor.

use std::io::{self, PipeReader, PipeWriter};

/// The waiting side: it becomes readable once the waker was dropped.
pub(crate) struct Wake(PipeReader);

/// Wakes when it is dropped.
pub(crate) struct Waker {
    _end: PipeWriter,
}

/// The two ends.
pub(crate) fn wake() -> io::Result<(Waker, Wake)> {
    let (reader, writer) = io::pipe()?;
    Ok((Waker { _end: writer }, Wake(reader)))
}

#[cfg(unix)]
impl std::os::fd::AsFd for Wake {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
