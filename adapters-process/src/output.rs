//! The captured output of a child: read by threads, within limits.

mod reader;
mod ring;
mod wake;

use std::io;
use std::process::{ChildStderr, ChildStdout};
use std::sync::Arc;

use backstop_core::resource::Deadline;
use serde::Serialize;

use crate::config::CaptureLimits;
use reader::Reader;
pub use ring::Captured;
pub(crate) use wake::{Wake, Waker, wake};

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What is called with each line.
pub(crate) type LineCallback = Arc<dyn Fn(Stream, &[u8]) + Send + Sync>;

/// The readers of one child's output. Dropping it ends them, even if a process still holds the pipes.
pub(crate) struct Output {
    stdout: Option<Reader>,
    stderr: Option<Reader>,
}

impl Output {
    pub(crate) fn none() -> Self {
        Self {
            stdout: None,
            stderr: None,
        }
    }

    pub(crate) fn read(
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        limits: CaptureLimits,
        on_line: Option<&LineCallback>,
    ) -> io::Result<Self> {
        let start = |stream| move |pipe| Reader::start(stream, pipe, limits, on_line.cloned());
        Ok(Self {
            stdout: stdout
                .map(|pipe| start(Stream::Stdout)(reader::Pipe::from(pipe)))
                .transpose()?,
            stderr: stderr
                .map(|pipe| start(Stream::Stderr)(reader::Pipe::from(pipe)))
                .transpose()?,
        })
    }

    pub(crate) fn stdout(&self) -> Captured {
        self.stdout
            .as_ref()
            .map_or_else(Captured::default, Reader::so_far)
    }

    pub(crate) fn stderr(&self) -> Captured {
        self.stderr
            .as_ref()
            .map_or_else(Captured::default, Reader::so_far)
    }

    /// Waits until both streams have ended; one that has not by the deadline is abandoned.
    pub(crate) fn finish(&self, deadline: Deadline) -> (Captured, Captured) {
        let finish = |reader: &Option<Reader>| {
            reader
                .as_ref()
                .map_or_else(Captured::default, |reader| reader.finish(deadline))
        };
        (finish(&self.stdout), finish(&self.stderr))
    }
}
