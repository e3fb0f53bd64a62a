//! The thread that reads one stream.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ChildStderr, ChildStdout};
use std::sync::Arc;

use backstop_core::resource::Deadline;
use parking_lot::{Condvar, Mutex};

use super::ring::{Captured, Ring};
use super::wake::{Wake, Waker, wake};
use super::{LineCallback, Stream};
use crate::config::CaptureLimits;
use crate::thread::Gate;

/// Reads one stream to its end on a separate thread. Dropping it ends the thread, even if another process
/// holds the other end of the pipe, and no callback runs afterwards.
pub(super) struct Reader {
    stream: Stream,
    shared: Arc<Shared>,
    waker: Mutex<Option<Waker>>,
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
    gate: Gate,
}

struct State {
    ring: Ring,
    cut_lines: u64,
    callback_panics: u64,
    has_ended: bool,
    abandoned: Option<String>,
}

/// The end of a pipe to read from.
pub(super) enum Pipe {
    Stdout(ChildStdout),
    Stderr(ChildStderr),
}

impl Reader {
    pub(super) fn start(
        stream: Stream,
        pipe: Pipe,
        limits: CaptureLimits,
        on_line: Option<LineCallback>,
    ) -> io::Result<Self> {
        let (waker, wake) = wake()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                ring: Ring::new(limits),
                cut_lines: 0,
                callback_panics: 0,
                has_ended: false,
                abandoned: None,
            }),
            ended: Condvar::new(),
            gate: Gate::default(),
        });
        let own = Arc::clone(&shared);
        let name = match stream {
            Stream::Stdout => "backstop-stdout",
            Stream::Stderr => "backstop-stderr",
        };
        std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let mut lines = Lines::new(stream, limits.line, on_line);
                read_to_end(pipe, &wake, &own, &mut lines);
                lines.finish(&own);
                own.state.lock().has_ended = true;
                own.ended.notify_all();
            })?;
        Ok(Self {
            stream,
            shared,
            waker: Mutex::new(Some(waker)),
        })
    }

    pub(super) fn so_far(&self) -> Captured {
        let state = self.shared.state.lock();
        Captured {
            cut_lines: state.cut_lines,
            callback_panics: state.callback_panics,
            abandoned: state.abandoned.clone(),
            ..state.ring.captured()
        }
    }

    pub(super) fn finish(&self, deadline: Deadline) -> Captured {
        {
            let mut state = self.shared.state.lock();
            self.shared.ended.wait_while_until(
                &mut state,
                |state| !state.has_ended,
                deadline.instant(),
            );
            if !state.has_ended {
                let stream = self.stream;
                state.abandoned = Some(format!(
                    "another process still holds the other end of {stream:?}, and it was not waited for"
                ));
            }
        }
        self.abandon();
        self.so_far()
    }

    fn abandon(&self) {
        self.shared.gate.close();
        drop(self.waker.lock().take());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn read_to_end(mut pipe: Pipe, wake: &Wake, shared: &Shared, lines: &mut Lines) {
    let mut buffer = vec![0; 64 << 10];
    while pipe.wait(wake) {
        match pipe.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                shared.state.lock().ring.push(&buffer[..count]);
                lines.push(&buffer[..count], shared);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                shared.state.lock().abandoned = Some(format!("it cannot be read: {error}"));
                break;
            }
        }
    }
}

impl Pipe {
    /// Waits until there is something to read; false if it is to be abandoned.
    #[cfg(unix)]
    fn wait(&self, wake: &Wake) -> bool {
        use backstop_os::readiness::wait_readable;
        use std::os::fd::AsFd;

        let own = match self {
            Self::Stdout(pipe) => pipe.as_fd(),
            Self::Stderr(pipe) => pipe.as_fd(),
        };
        match wait_readable(&[own, wake.as_fd()], None) {
            // Abandoned comes first: a process that never stops writing must not keep the thread.
            Ok(ready) => ready.get(1) != Some(&true),
            // This system cannot wait for it: the read blocks instead.
            Err(error) => error.kind() == io::ErrorKind::Unsupported,
        }
    }

    #[cfg(not(unix))]
    fn wait(&self, _wake: &Wake) -> bool {
        true
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(pipe) => pipe.read(buffer),
            Self::Stderr(pipe) => pipe.read(buffer),
        }
    }
}

impl From<ChildStdout> for Pipe {
    fn from(pipe: ChildStdout) -> Self {
        Self::Stdout(pipe)
    }
}

impl From<ChildStderr> for Pipe {
    fn from(pipe: ChildStderr) -> Self {
        Self::Stderr(pipe)
    }
}

/// Bytes made into lines for a callback.
struct Lines {
    stream: Stream,
    longest: usize,
    callback: Option<LineCallback>,
    begun: Vec<u8>,
    is_cut: bool,
}

impl Lines {
    fn new(stream: Stream, longest: usize, callback: Option<LineCallback>) -> Self {
        Self {
            stream,
            longest: longest.max(1),
            callback,
            begun: Vec::new(),
            is_cut: false,
        }
    }

    fn push(&mut self, bytes: &[u8], shared: &Shared) {
        if self.callback.is_none() {
            return;
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            for piece in text.chunks(self.longest) {
                if self.begun.len() + piece.len() > self.longest {
                    self.is_cut = true;
                    self.store(shared);
                }
                self.begun.extend_from_slice(piece);
            }
            if is_whole {
                self.end_line(shared);
            }
        }
    }

    fn finish(&mut self, shared: &Shared) {
        if !self.begun.is_empty() {
            self.end_line(shared);
        }
    }

    fn end_line(&mut self, shared: &Shared) {
        self.store(shared);
        if std::mem::take(&mut self.is_cut) {
            shared.state.lock().cut_lines += 1;
        }
    }

    fn store(&mut self, shared: &Shared) {
        let line = std::mem::take(&mut self.begun);
        let Some(callback) = &self.callback else {
            return;
        };
        let called = shared
            .gate
            .pass(|| catch_unwind(AssertUnwindSafe(|| callback(self.stream, &line))));
        if let Some(Err(_)) = called {
            shared.state.lock().callback_panics += 1;
        }
    }
}
