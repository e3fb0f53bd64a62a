//! For how long and how much is kept.

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
use backstop_os::files::Access;

/// For how long and how much is kept.
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
    /// So long, and so much in all.
    ///
    /// # Errors
    /// Less than a day, or less than a megabyte: today's file is always kept, and has to have room.
    pub fn new(age: Duration, size: Bytes) -> Result<Self, Error> {
        let refuse = |message: &'static str| {
            Err(Error::new(
                ErrorKind::Configuration,
                Stage::Configure,
                message,
            ))
        };
        if age < Duration::from_secs(86_400) {
            return refuse("a history is kept for at least 1d: it is pruned by whole days");
        }
        if size < Bytes::megabytes(1) {
            return refuse("a history may be 1MB at least: today's file is always kept");
        }
        Ok(Self { age, size })
    }

    /// For how long.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// How much in all.
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
    /// Days that are removed.
    pub removed: Vec<DayFile>,
    /// Days that should go and stay, each with the reason.
    pub kept: Vec<KeptDay>,
}

/// A day that should go and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDay {
    /// The file.
    pub day: DayFile,
    /// Why it stays.
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
    // A writer may be writing to the last.
    days.pop();
    let mut pruned = Pruned::default();
    if days.is_empty() {
        return Ok(pruned);
    }
    let directory = Directory::open(path).map_err(|error| {
        Error::io(Stage::Read, "the history cannot be opened", error).with("path", path.display())
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

/// Removes a file that has a day's name, if what is in it is a history's.
fn remove(directory: &Directory, day: &DayFile, act: Act) -> Result<(), String> {
    const START: &[u8] = b"{\"schema\":\"backstop.";
    let name = day::name_of(day.date);
    let name = OsStr::new(&name);
    let mut start = Vec::new();
    directory
        .open_file_beneath(name, Access::Read)
        .and_then(|file| file.take(START.len() as u64).read_to_end(&mut start))
        .map_err(|error| error.to_string())?;
    // A disk that was full when the day began leaves an empty file, or a part of a line.
    if !START.starts_with(&start) {
        return Err("it does not begin as a day of a history does".into());
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
    fn old_days_go_and_young_ones_stay() {
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
    fn too_much_goes_oldest_first_and_today_stays() {
        let place = tempfile::tempdir().unwrap();
        for day in 1..=4 {
            write(place.path(), date(2026, 11, day), 600_000);
        }
        let keeping = Keeping::new(Duration::from_secs(30 * 86_400), Bytes::megabytes(1)).unwrap();
        prune(place.path(), &keeping, date(2026, 11, 4), Act::Remove).unwrap();
        assert_eq!(names(place.path()), ["2026-11-04"]);
    }

    #[test]
    fn what_only_has_the_name_of_a_day_is_kept_and_named() {
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
