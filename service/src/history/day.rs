//! The files of a history, by name.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;

use backstop_core::error::{Error, Stage};

const ENDING: &str = ".ndjson";

/// A file of a history, not read yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayFile {
    /// Its day, in UTC.
    pub date: Date,
    /// Its path.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
}

pub(super) fn name_of(date: Date) -> String {
    format!("{date}{ENDING}")
}

/// The day that a file's name denotes; `None` for any other name.
pub(super) fn date_of(name: &str) -> Option<Date> {
    let date: Date = name.strip_suffix(ENDING)?.parse().ok()?;
    // The parser accepts other forms of a date too; the writer uses only this one.
    (name_of(date) == name).then_some(date)
}

pub(super) fn list(directory: &Path) -> Result<Vec<DayFile>, Error> {
    let failed = |error| {
        Error::io(Stage::Read, "cannot read the history", error).with("path", directory.display())
    };
    let mut days = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(date) = entry.file_name().to_str().and_then(date_of) else {
            continue;
        };
        days.push(DayFile {
            date,
            path: entry.path(),
            // A file that disappears in the meantime is reported when it is read.
            bytes: entry.metadata().map_or(0, |metadata| metadata.len()),
        });
    }
    days.sort_by_key(|day| day.date);
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_days_are_accepted() {
        assert_eq!(
            date_of("2026-11-21.ndjson"),
            Some(jiff::civil::date(2026, 11, 21))
        );
        for name in [
            "2026-02-30.ndjson",
            "20261121.ndjson",
            "2026-11-21.ndjson.gz",
            "notes.ndjson",
            "+002026-11-21.ndjson",
            ".ndjson",
        ] {
            assert_eq!(date_of(name), None, "{name}");
        }
    }
}
