//! `backstop history`: the day files that reports are made of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::error::ErrorKind;
use backstop_core::resource::Bytes;
use backstop_core::text::counted;
use backstop_service::history::{DayReading, History, Keeping, Pruned, Reading};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, add_row, note};
use crate::settings::{self, Settings};

/// List and prune the day files of a program's history
#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    #[command(flatten)]
    place: PlaceArguments,

    /// How far back [default: all]
    #[arg(long, value_name = "DURATION", value_parser = settings::positive_duration)]
    since: Option<Duration>,

    /// Delete days beyond the retention limits
    #[arg(long)]
    prune: bool,

    /// With --prune: show what would be deleted, without deleting it
    #[arg(long, requires = "prune")]
    dry_run: bool,

    /// Maximum age of a day [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = settings::positive_duration)]
    keep: Option<Duration>,

    /// Maximum total size [default: 256MB]
    #[arg(long, value_name = "SIZE", value_parser = settings::positive_size)]
    keep_size: Option<Bytes>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Which history.
#[derive(Debug, Args)]
pub(super) struct PlaceArguments {
    /// Program whose history to read; optional if there is only one
    #[arg(value_name = "NAME", conflicts_with = "history")]
    name: Option<String>,

    /// Directory of the history
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Listing<'a> {
    directory: &'a Path,
    #[serde(flatten)]
    reading: Reading,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<Pruned>,
    dry_run: bool,
}

impl HistoryArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let keeping = self.keeping(settings)?;
        let history = self.place.history(settings)?.keep(keeping);
        let pruned = match (self.prune, self.dry_run) {
            (false, _) => None,
            (true, true) => Some(history.rehearse_prune()?),
            (true, false) => Some(history.prune()?),
        };
        let reading = history.read_last(self.since, |_| {})?;
        let listing = Listing {
            directory: history.directory(),
            bytes: reading.days.iter().map(|day| day.day.bytes).sum(),
            reading,
            pruned,
            dry_run: self.dry_run,
        };
        for place in &listing.reading.unreadable {
            note(&format!("skipped: {place}"));
        }
        if listing.reading.other_unreadable > 0 {
            let more = counted(listing.reading.other_unreadable, "more line", "more lines");
            note(&format!("skipped: {more}"));
        }
        if self.json {
            output::write_json("history", &listing)?;
        } else {
            listing.print()?;
        }
        listing.note_pruned();
        Ok(match listing.reading.unreadable_count() {
            0 => Exit::FINE,
            _ => Exit::FINDINGS,
        })
    }

    /// Checks the flags and the settings, and reads no history.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.keeping(settings)?;
        self.place.check(settings)
    }

    fn keeping(&self, settings: &Settings) -> Result<Keeping, Failure> {
        let given = (
            settings.get("history.keep", self.keep, settings::positive_duration)?,
            settings.get("history.keep-size", self.keep_size, settings::positive_size)?,
        );
        let default = Keeping::default();
        let age = given.0.unwrap_or(default.age());
        Keeping::new(age, given.1.unwrap_or(default.size()))
            .map_err(|error| Failure::usage(error.chain()))
    }
}

impl PlaceArguments {
    /// The history that is meant: the one that is named, or the only one.
    pub(super) fn history(&self, settings: &Settings) -> Result<History, Failure> {
        if let Some(name) = &self.name {
            return existing(History::of(name).map_err(|error| Failure::usage(error.chain()))?);
        }
        if let Some(directory) = self.directory(settings)? {
            return existing(History::at(directory));
        }
        let home = History::home().map_err(|error| Failure::usage(error.chain()))?;
        let mut names = names_in(&home);
        match names.len() {
            0 => Err(Failure::usage(format!(
                "no history in {}: record one with `backstop watch --history DIR`, or pass --history DIR",
                home.display()
            ))),
            1 => Ok(History::at(home.join(names.remove(0)))),
            _ => {
                names.truncate(10);
                Err(Failure::usage(format!(
                    "several histories in {}: name one of {}",
                    home.display(),
                    names.join(", ")
                )))
            }
        }
    }

    pub(super) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.directory(settings).map(drop)
    }

    fn directory(&self, settings: &Settings) -> Result<Option<PathBuf>, Failure> {
        let path = |text: &str| Ok(PathBuf::from(text));
        settings.get("history.directory", self.history.clone(), path)
    }
}

fn existing(history: History) -> Result<History, Failure> {
    match history.days() {
        Ok(_) => Ok(history),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::usage(format!(
            "no history at {}",
            history.directory().display()
        ))),
        Err(error) => Err(Failure::usage(error.chain())),
    }
}

fn names_in(home: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(home) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

impl Listing<'_> {
    fn print(&self) -> std::io::Result<()> {
        if self.reading.days.is_empty() {
            note(&format!("no days in {}", self.directory.display()));
            return Ok(());
        }
        let mut table = output::table(&[
            "DAY", "SIZE", "SAMPLES", "FINDINGS", "EVENTS", "SKIPPED", "FILE",
        ]);
        for day in &self.reading.days {
            let cells = [
                day.day.date.to_string(),
                Bytes(day.day.bytes).to_string(),
                day.samples.to_string(),
                day.findings.to_string(),
                day.events.to_string(),
                not_read(day),
                day.day.path.display().to_string(),
            ];
            add_row(&mut table, cells);
        }
        output::write_table(&table)
    }

    fn note_pruned(&self) {
        let Some(pruned) = &self.pruned else {
            return;
        };
        for kept in &pruned.kept {
            note(&format!("kept: {}: {}", kept.day.path.display(), kept.why));
        }
        let verb = if self.dry_run {
            "would be deleted"
        } else {
            "deleted"
        };
        let bytes = pruned.removed.iter().map(|day| day.bytes).sum();
        for day in &pruned.removed {
            note(&format!("{verb}: {}", day.path.display()));
        }
        note(&format!(
            "{} {verb} ({})",
            counted(pruned.removed.len() as u64, "day", "days"),
            Bytes(bytes)
        ));
    }
}

fn not_read(day: &DayReading) -> String {
    let mut parts = Vec::new();
    if day.unreadable > 0 {
        parts.push(day.unreadable.to_string());
    }
    if day.torn {
        parts.push("last line cut off".into());
    }
    if day.unknown > 0 {
        parts.push(format!("{} of a newer schema", day.unknown));
    }
    match parts.is_empty() {
        true => "-".into(),
        false => parts.join(", "),
    }
}
