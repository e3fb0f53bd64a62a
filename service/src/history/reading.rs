//! Reads days line by line; unreadable places are skipped and listed.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Serialize;

use super::day::DayFile;
use super::line::{self, Line, Parsed};
use backstop_core::error::Error;

/// What was read, and what could not be read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reading {
    /// The days, oldest first.
    pub days: Vec<DayReading>,
    /// The first unreadable places, at most [`Reading::PLACES`].
    pub unreadable: Vec<Place>,
    /// Number of further unreadable lines and days.
    pub other_unreadable: u64,
}

/// Counts of one day file.
#[derive(Debug, Clone, Serialize)]
pub struct DayReading {
    /// The file.
    #[serde(flatten)]
    pub day: DayFile,
    /// Samples in it.
    pub samples: u64,
    /// Findings that were opened.
    pub findings: u64,
    /// Events.
    pub events: u64,
    /// Unreadable lines.
    pub unreadable: u64,
    /// Whether the last line was cut off, as by a kill or a full disk.
    pub torn: bool,
    /// Lines with a schema that this version does not know.
    pub unknown: u64,
}

/// An unreadable place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; `None` for the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Why.
    pub why: String,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}", self.why)
    }
}

impl Reading {
    /// The maximum number of places listed.
    pub const PLACES: usize = 32;
    /// The maximum length of a line in bytes; no writer writes more.
    pub const LINE: usize = 1 << 20;

    /// Number of all unreadable places.
    #[must_use]
    pub fn unreadable_count(&self) -> u64 {
        self.unreadable.len() as u64 + self.other_unreadable
    }

    fn name(&mut self, path: &Path, line: Option<u64>, why: String) {
        if self.unreadable.len() < Self::PLACES {
            let path = path.to_owned();
            self.unreadable.push(Place { path, line, why });
        } else {
            self.other_unreadable += 1;
        }
    }
}

pub(super) fn read(
    days: Vec<DayFile>,
    first: Date,
    last: Date,
    mut take: impl FnMut(Line),
) -> Result<Reading, Error> {
    let mut reading = Reading::default();
    for day in days {
        if day.date < first || day.date > last {
            continue;
        }
        let path = day.path.clone();
        let mut of_day = DayReading {
            day,
            samples: 0,
            findings: 0,
            events: 0,
            unreadable: 0,
            torn: false,
            unknown: 0,
        };
        if let Err(error) = read_day(&path, &mut of_day, &mut reading, &mut take) {
            of_day.unreadable += 1;
            reading.name(&path, None, format!("day skipped: {error}"));
        }
        reading.days.push(of_day);
    }
    Ok(reading)
}

fn read_day(
    path: &Path,
    of_day: &mut DayReading,
    reading: &mut Reading,
    take: &mut impl FnMut(Line),
) -> io::Result<()> {
    // Reading a pipe or a device with that name could block for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut lines = Lines::new(File::open(path)?);
    let mut number = 0;
    while let Some(text) = lines.next()? {
        number += 1;
        let parsed = match text {
            Text::Whole(text) if text.trim_ascii().is_empty() => continue,
            Text::Whole(text) => line::parse(text).map_err(|error| explain(&error)),
            // It may be complete except for its line end.
            Text::Last(text) => match line::parse(text) {
                Ok(parsed) => Ok(parsed),
                Err(_) => {
                    of_day.torn = true;
                    continue;
                }
            },
            Text::TooLong => Err(format!("the line is longer than {} bytes", Reading::LINE)),
        };
        match parsed {
            Ok(Parsed::Line(line)) => {
                match &line {
                    Line::Sample(_) => of_day.samples += 1,
                    Line::Finding(finding) if finding.change == super::FindingChange::Opened => {
                        of_day.findings += 1;
                    }
                    Line::Event(_) => of_day.events += 1,
                    _ => {}
                }
                take(line);
            }
            Ok(Parsed::Unknown) => of_day.unknown += 1,
            Err(why) => {
                of_day.unreadable += 1;
                reading.name(path, Some(number), why);
            }
        }
    }
    Ok(())
}

/// The line in the file is reported next to it, so the parser's own "line 1" would be misleading.
fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) if error.line() <= 1 => {
            format!("{}, at column {}", &text[..end], error.column())
        }
        _ => text,
    }
}

enum Text<'a> {
    Whole(&'a [u8]),
    /// The last one, without a line end.
    Last(&'a [u8]),
    TooLong,
}

/// Lines of a file, of any length, read with a bounded buffer.
struct Lines {
    file: BufReader<File>,
    text: Vec<u8>,
}

impl Lines {
    fn new(file: File) -> Self {
        Self {
            file: BufReader::with_capacity(64 << 10, file),
            text: Vec::new(),
        }
    }

    fn next(&mut self) -> io::Result<Option<Text<'_>>> {
        self.text.clear();
        let limit = Reading::LINE as u64 + 1;
        let read = (&mut self.file)
            .take(limit)
            .read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(None);
        }
        if self.text.last() == Some(&b'\n') {
            self.text.pop();
            return Ok(Some(Text::Whole(&self.text)));
        }
        if read as u64 == limit {
            self.file.skip_until(b'\n')?;
            return Ok(Some(Text::TooLong));
        }
        Ok(Some(Text::Last(&self.text)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::History;
    use super::*;

    fn reading_of(text: &[u8]) -> (Vec<Line>, Reading) {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("2026-11-21.ndjson"), text).unwrap();
        let day = date(2026, 11, 21);
        let mut lines = Vec::new();
        let reading = History::at(place.path())
            .read(day, day, |line| lines.push(line))
            .unwrap();
        (lines, reading)
    }

    const EVENT: &str =
        r#"{"schema":"backstop.event/1","at":"2026-11-21T10:00:00Z","kind":"note","text":"here"}"#;

    #[test]
    fn a_malformed_line_is_listed_with_file_and_line_and_the_rest_is_read() {
        let text = format!("{EVENT}\nnot json\n{EVENT}\n{{\"schema\":\"other/1\"}}\n");
        let (lines, reading) = reading_of(text.as_bytes());
        assert_eq!(lines.len(), 2);
        let named: Vec<_> = reading.unreadable.iter().map(Place::to_string).collect();
        assert_eq!(named.len(), 2);
        assert!(named[0].contains("2026-11-21.ndjson:2: "), "{named:?}");
        assert!(
            named[1].contains(".ndjson:4: `other/1` is not a schema"),
            "{named:?}"
        );
    }

    #[test]
    fn a_last_line_that_was_cut_at_any_byte_is_skipped() {
        for cut in 0..EVENT.len() {
            let text = format!("{EVENT}\n{}", &EVENT[..cut]);
            let (lines, reading) = reading_of(text.as_bytes());
            assert_eq!((lines.len(), reading.unreadable_count()), (1, 0), "{cut}");
            assert_eq!(reading.days[0].torn, cut > 0);
        }
        let (lines, reading) = reading_of(format!("{EVENT}\n{EVENT}").as_bytes());
        assert_eq!((lines.len(), reading.days[0].torn), (2, false));
    }

    #[test]
    fn a_newer_schema_is_counted_and_not_an_error() {
        let newer = EVENT.replace("event/1", "event/2");
        let (lines, reading) = reading_of(format!("{newer}\n{EVENT}\n").as_bytes());
        assert_eq!((lines.len(), reading.days[0].unknown), (1, 1));
        assert_eq!(reading.unreadable_count(), 0);
    }

    #[test]
    fn endless_lines_need_bounded_memory() {
        let mut text = vec![b'['; 3 * Reading::LINE];
        text.push(b'\n');
        text.extend(b"x\n".repeat(1000));
        text.extend(EVENT.as_bytes());
        let (lines, reading) = reading_of(&text);
        assert_eq!(lines.len(), 1);
        assert!(reading.unreadable[0].why.contains("longer than"));
        assert_eq!(reading.unreadable.len(), Reading::PLACES);
        assert_eq!(reading.unreadable_count(), 1001);
    }

    #[test]
    fn an_unreadable_day_is_skipped_and_listed() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("2026-11-20.ndjson")).unwrap();
        std::fs::write(place.path().join("2026-11-21.ndjson"), EVENT).unwrap();
        let mut count = 0;
        let reading = History::at(place.path())
            .read(Date::MIN, Date::MAX, |_| count += 1)
            .unwrap();
        assert_eq!(count, 1);
        let named = reading.unreadable[0].to_string();
        assert!(named.contains("2026-11-20.ndjson: day skipped"), "{named}");
    }
}
