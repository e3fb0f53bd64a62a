//! A log file with a maximum size.
//!
//! An own implementation: tracing-appender rotates by time only and prints its failures;
//! file-rotate panics if it cannot create the directory, and drops lines silently if it cannot open
//! the file.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use backstop_core::monitor::LimitError;
use backstop_core::resource::Bytes;

/// When a log file is rotated, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    size: Bytes,
    daily: bool,
    kept: u32,
}

impl Default for Rotation {
    /// At 10 MB, with five rotated files kept.
    fn default() -> Self {
        Self {
            size: Bytes::megabytes(10),
            daily: false,
            kept: 5,
        }
    }
}

impl Rotation {
    /// Rotates a file before it would exceed this size. Default: 10 MB. A file that is rotated
    /// daily keeps this limit too.
    ///
    /// # Errors
    /// It is less than a kilobyte.
    pub fn with_size(mut self, size: Bytes) -> Result<Self, LimitError> {
        if size.0 < 1000 {
            return Err(LimitError {
                name: "log file size",
                value: size.to_string(),
                rule: "at least 1 kB",
            });
        }
        self.size = size;
        Ok(self)
    }

    /// Also rotates a file each day, at midnight UTC.
    #[must_use]
    pub fn daily(mut self) -> Self {
        self.daily = true;
        self
    }

    /// How many rotated files are kept: `main.log.1` is the most recent one. Default: five.
    #[must_use]
    pub fn with_kept(mut self, files: u32) -> Self {
        self.kept = files;
        self
    }
}

/// One file, opened with the first write and again after a failure.
#[derive(Debug)]
pub(super) struct RotatedFile {
    path: PathBuf,
    rotation: Rotation,
    open: Option<Open>,
    /// A write failed, perhaps halfway: the next line must start on a new line.
    torn: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// `None`: it is not a regular file, and cannot be rotated.
    length: Option<u64>,
    day: Date,
}

impl RotatedFile {
    pub(super) fn new(path: PathBuf, rotation: Rotation) -> Self {
        Self {
            path,
            rotation,
            open: None,
            torn: false,
        }
    }

    /// Appends a line, given without a line end.
    pub(super) fn append(&mut self, line: &str, now: Timestamp) -> io::Result<()> {
        let today = day_of(now);
        // `None` after a failure: the directory may be a different one by then.
        let mut open = match self.open.take() {
            Some(open) => open,
            None => open_to_append(&self.path, today)?,
        };
        if let Some(length) = open.length.filter(|length| *length > 0) {
            let ends = 1 + u64::from(self.torn);
            let full = length + line.len() as u64 + ends > self.rotation.size.0;
            if full || self.rotation.daily && open.day != today {
                drop(open);
                self.put_aside()?;
                open = open_to_append(&self.path, today)?;
            }
        }
        let start = if self.torn && open.length > Some(0) {
            "\n"
        } else {
            ""
        };
        let text = format!("{start}{line}\n");
        self.torn = true;
        open.file.write_all(text.as_bytes())?;
        self.torn = false;
        open.length = open.length.map(|length| length + text.len() as u64);
        self.open = Some(open);
        Ok(())
    }

    /// Renames `x.4` to `x.5`, …, `x` to `x.1`; files beyond the number kept are removed.
    fn put_aside(&self) -> io::Result<()> {
        let mut oldest = self.rotation.kept;
        // An earlier setting may have kept more.
        while self.numbered(oldest).exists() {
            remove(&self.numbered(oldest))?;
            oldest += 1;
        }
        for number in (0..self.rotation.kept).rev() {
            match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name: OsString = self.path.clone().into();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open_to_append(path: &Path, today: Date) -> io::Result<Open> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let metadata = file.metadata()?;
    let written = metadata.modified().ok();
    let day = written.and_then(|time| Timestamp::try_from(time).ok());
    Ok(Open {
        length: metadata.is_file().then_some(metadata.len()),
        day: day.map_or(today, day_of),
        file,
    })
}

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    fn files(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_rotated_by_size_and_few_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let rotation = Rotation::default().with_size(Bytes(1000)).unwrap();
        let path = directory.path().join("a.log");
        let mut log = RotatedFile::new(path.clone(), rotation.with_kept(2));
        let now = Timestamp::now();
        for number in 0..100 {
            log.append(&format!("{number:0>99}"), now).unwrap();
        }
        assert_eq!(files(directory.path()), ["a.log", "a.log.1", "a.log.2"]);
        for name in files(directory.path()) {
            let text = std::fs::read_to_string(directory.path().join(name)).unwrap();
            assert!(text.len() <= 1000);
            assert!(text.lines().all(|line| line.len() == 99));
        }
        let last = std::fs::read_to_string(&path).unwrap();
        assert!(last.ends_with("99\n"));
        let before = std::fs::read_to_string(directory.path().join("a.log.1")).unwrap();
        assert!(before.ends_with("89\n"));
        // Fewer are kept from now on.
        let mut fewer = RotatedFile::new(path, rotation.with_kept(0));
        fewer.append(&"x".repeat(600), now).unwrap();
        fewer.append(&"y".repeat(600), now).unwrap();
        assert_eq!(files(directory.path()), ["a.log"]);
    }

    #[test]
    fn a_file_is_rotated_daily_even_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let rotation = Rotation::default().daily();
        let now = Timestamp::now();
        let mut log = RotatedFile::new(path.clone(), rotation);
        log.append("today", now).unwrap();
        log.append("today", now).unwrap();
        assert_eq!(files(directory.path()), ["a.log"]);
        let mut restarted = RotatedFile::new(path.clone(), rotation);
        let tomorrow = now + 24.hours();
        restarted.append("tomorrow", tomorrow).unwrap();
        assert_eq!(files(directory.path()), ["a.log", "a.log.1"]);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "tomorrow\n");
    }

    #[test]
    fn a_full_disk_is_an_error_each_time_and_nothing_else() {
        let mut log = RotatedFile::new("/dev/full".into(), Rotation::default());
        for _ in 0..3 {
            let error = log.append("line", Timestamp::now()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn a_log_continues_once_its_directory_exists() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("logs");
        std::fs::write(&place, "in the way").unwrap();
        let mut log = RotatedFile::new(place.join("a.log"), Rotation::default());
        let now = Timestamp::now();
        assert!(log.append("lost", now).is_err());
        std::fs::remove_file(&place).unwrap();
        log.append("kept", now).unwrap();
        let text = std::fs::read_to_string(place.join("a.log")).unwrap();
        assert_eq!(text, "kept\n");
    }
}
