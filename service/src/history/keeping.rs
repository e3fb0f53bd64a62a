//! How long and how much of a history is kept.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use jiff::civil::Date;
use serde::Serialize;

use super::day::{self, DayFile};
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::resource::Bytes;
use backstop_os::directory::Directory;
use backstop_os::files::OpenMode;

/// How long and how much of a history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    age: Duration,
    size: Bytes,
}

impl Default for Keeping {
    /// 30 days and 256 MB.
    fn default() -> Self {
        Self {
            age: Duration::from_secs(30 * 86_400),
            size: Bytes::megabytes(256),
        }
    }
}

impl Keeping {
    /// This maximum age, and this maximum total size.
    ///
    /// # Errors
    /// Less than a day, or less than a megabyte: today's file is always kept, and needs room.
    pub fn new(age: Duration, size: Bytes) -> Result<Self, Error> {
        let refuse = |message: &'static str| {
            Err(Error::new(
                ErrorKind::Configuration,
                Stage::Configure,
                message,
            ))
        };
        if age < Duration::from_secs(86_400) {
            return refuse("the age must be at least 1d: a history is pruned by whole days");
        }
        if size < Bytes::megabytes(1) {
            return refuse("the size must be at least 1MB: today's file is always kept");
        }
        Ok(Self { age, size })
    }

    /// The maximum age.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// The maximum total size.
    #[must_use]
    pub fn size(&self) -> Bytes {
        self.size
    }

    /// The first day that is kept.
    fn first(&self, today: Date) -> Date {
        let days = i64::try_from(self.age.as_secs() / 86_400).unwrap_or(i64::MAX);
        jiff::Span::new()
            .try_days(days)
            .and_then(|span| today.checked_sub(span))
            .unwrap_or(Date::MIN)
    }
}

/// What pruning did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Removed days.
    pub removed: Vec<DayFile>,
    /// Days that should have been removed but were kept, each with the reason.
    pub kept: Vec<KeptDay>,
}

/// A day that should have been removed but was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDay {
    /// The file.
    pub day: DayFile,
    /// The reason.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Remove,
    Rehearse,
}

pub(super) fn prune(
    path: &Path,
    keeping: &Keeping,
    today: Date,
    act: Act,
) -> Result<Pruned, Error> {
    let mut days = day::list(path)?;
    // A writer may be appending to the last one.
    days.pop();
    let mut pruned = Pruned::default();
    if days.is_empty() {
        return Ok(pruned);
    }
    let directory = Directory::open(path).map_err(|error| {
        Error::io(Stage::Read, "cannot open the history", error).with("path", path.display())
    })?;
    let last = std::fs::metadata(path.join(day::name_of(today))).map_or(0, |file| file.len());
    let mut total = days.iter().map(|day| day.bytes).sum::<u64>() + last;
    let first = keeping.first(today);
    for day in days {
        if day.date >= first && total <= keeping.size.0 {
            break;
        }
        if day.date == today {
            continue;
        }
        match remove(&directory, &day, act) {
            Ok(()) => {
                total -= day.bytes;
                pruned.removed.push(day);
            }
            Err(why) => pruned.kept.push(KeptDay { day, why }),
        }
    }
    Ok(pruned)
}

/// Removes a file with a day's name, if its content is that of a history.
fn remove(directory: &Directory, day: &DayFile, act: Act) -> Result<(), String> {
    const START: &[u8] = b"{\"schema\":\"backstop.";
    let name = day::name_of(day.date);
    let name = OsStr::new(&name);
    let mut start = Vec::new();
    directory
        .open_file_beneath(name, OpenMode::Read)
        .and_then(|file| file.take(START.len() as u64).read_to_end(&mut start))
        .map_err(|error| error.to_string())?;
    // A disk that was full when the day started leaves an empty file, or part of a line.
    if !START.starts_with(&start) {
        return Err("its content is not that of a history".into());
    }
    match act {
        Act::Rehearse => Ok(()),
        Act::Remove => directory
            .unlink_beneath(name)
            .map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn write(place: &Path, day: Date, bytes: usize) {
        let mut text = b"{\"schema\":\"backstop.event/1\"}\n".to_vec();
        text.resize(bytes.max(text.len()), b'\n');
        std::fs::write(place.join(day::name_of(day)), text).unwrap();
    }

    fn names(place: &Path) -> Vec<String> {
        let days = day::list(place).unwrap();
        days.iter().map(|day| day.date.to_string()).collect()
    }

    #[test]
    fn old_days_are_removed_and_recent_ones_kept() {
        let place = tempfile::tempdir().unwrap();
        for day in 1..=10 {
            write(place.path(), date(2026, 11, day), 100);
        }
        let keeping = Keeping::new(Duration::from_secs(3 * 86_400), Bytes::megabytes(1)).unwrap();
        let today = date(2026, 11, 10);
        let rehearsed = prune(place.path(), &keeping, today, Act::Rehearse).unwrap();
        assert_eq!(names(place.path()).len(), 10);
        let pruned = prune(place.path(), &keeping, today, Act::Remove).unwrap();
        assert_eq!(pruned, rehearsed);
        assert_eq!(
            names(place.path()),
            ["2026-11-07", "2026-11-08", "2026-11-09", "2026-11-10"]
        );
    }

    #[test]
    fn excess_is_removed_oldest_first_and_today_kept() {
        let place = tempfile::tempdir().unwrap();
        for day in 1..=4 {
            write(place.path(), date(2026, 11, day), 600_000);
        }
        let keeping = Keeping::new(Duration::from_secs(30 * 86_400), Bytes::megabytes(1)).unwrap();
        prune(place.path(), &keeping, date(2026, 11, 4), Act::Remove).unwrap();
        assert_eq!(names(place.path()), ["2026-11-04"]);
    }

    #[test]
    fn other_files_with_the_name_of_a_day_are_kept_and_listed() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), date(2026, 11, 20), 100);
        std::fs::write(place.path().join("2020-01-01.ndjson"), "my notes\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("2020-01-02.ndjson")).unwrap();
        std::fs::create_dir(place.path().join("2020-01-03.ndjson")).unwrap();
        let pruned = prune(
            place.path(),
            &Keeping::default(),
            date(2026, 11, 20),
            Act::Remove,
        )
        .unwrap();
        assert_eq!(pruned.removed, []);
        assert_eq!(pruned.kept.len(), 3, "{pruned:?}");
        assert_eq!(names(place.path()).len(), 4);
    }

    #[test]
    fn less_than_a_day_or_a_megabyte_is_refused() {
        Keeping::new(Duration::from_secs(3600), Bytes::megabytes(256)).unwrap_err();
        Keeping::new(Duration::from_secs(86_400), Bytes(5)).unwrap_err();
    }
}
