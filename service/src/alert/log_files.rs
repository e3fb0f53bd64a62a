//! Log files by severity.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::level::Level;
use super::message::Alert;
use super::rotated_file::{RotatedFile, Rotation};
use super::sink::Sink;
use backstop_core::error::{Error, Stage};
use backstop_core::monitor::FindingKind;
use backstop_core::text::printable;

/// Three log files in a directory: everything, errors, performance. A handle that can be cloned.
///
/// A line is written whole or counted as lost; the text of a finding cannot start a new line. If
/// the disk is full or the directory is not writable, each line is an error, which
/// [`Alerts`](super::Alerts) counts and shows; the program continues, and so does the log when it
/// can.
/// # When it does not hold
/// Several programs with one directory rotate each other's files: use one directory per program.
#[derive(Debug, Clone)]
pub struct LogFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    files: [Mutex<RotatedFile>; LogFile::ALL.len()],
}

/// One of the log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFile {
    /// `main.log`: every alert and every remedy.
    Main,
    /// `errors.log`: alerts from [`Level::Error`] on.
    Errors,
    /// `performance.log`: alerts about memory and file descriptors near their limits or growing,
    /// and what each remedy freed.
    Performance,
}

impl LogFile {
    /// Every log file.
    pub const ALL: [Self; 3] = [Self::Main, Self::Errors, Self::Performance];

    /// The name of the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main.log",
            Self::Errors => "errors.log",
            Self::Performance => "performance.log",
        }
    }
}

impl LogFiles {
    /// Log files in this directory, which is created with the first line.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, rotation: Rotation) -> Self {
        let directory = directory.into();
        let file = |log: LogFile| RotatedFile::new(directory.join(log.name()), rotation);
        Self(Arc::new(Inner {
            files: LogFile::ALL.map(|log| Mutex::new(file(log))),
            directory,
        }))
    }

    /// Their directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Appends a line to these files, prefixed with the time.
    ///
    /// # Errors
    /// It could not be written to one of them; the others were written nevertheless.
    pub fn write(&self, files: &[LogFile], time: Timestamp, line: &str) -> Result<(), Error> {
        let line = one_line(time, line);
        let mut written = Ok(());
        for log in files {
            let appended = self.0.files[*log as usize].lock().append(&line, time);
            if let Err(error) = appended {
                let what = "cannot write to the log file";
                let path = self.0.directory.join(log.name());
                written = written.and(Err(
                    Error::io(Stage::Use, what, error).with("path", path.display())
                ));
            }
        }
        written
    }
}

impl Sink for LogFiles {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        let mut files = vec![LogFile::Main];
        if alert.level >= Level::Error {
            files.push(LogFile::Errors);
        }
        if is_performance(alert.finding.kind) {
            files.push(LogFile::Performance);
        }
        self.write(&files, alert.at.time, &alert.to_string())
    }
}

fn is_performance(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::GrowingMemory
            | FindingKind::RetainedMemory
            | FindingKind::NativeMemory
            | FindingKind::GrowingHandles
            | FindingKind::GrowingThreads
            | FindingKind::HandlesNearLimit
            | FindingKind::MemoryNearLimit
            | FindingKind::SystemMemoryNearLimit
    )
}

/// The time and the text with its control characters escaped: labels are untrusted.
fn one_line(time: Timestamp, text: &str) -> String {
    format!("{time:.3} {}", printable(text))
}
