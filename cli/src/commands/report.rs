//! `backstop report`: a summary of a program's history.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use backstop_service::report::{Account, Machine, Request, View};
use clap::{Args, ValueEnum};

use super::history;
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema};
use crate::settings::{self, Settings};

/// Summarize a program's history
///
/// Peaks, growth, findings with suggestions, alerts, releases, and what is unknown.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    place: history::PlaceArguments,

    /// How far back [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = settings::positive_duration)]
    since: Option<Duration>,

    /// Output format [default: by FILE's extension, else text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,

    /// Print one JSON object, as --format json does
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Group by day, week or month [default: day]
    #[arg(long, value_enum, value_name = "PERIOD")]
    by: Option<By>,

    /// Write the report to FILE
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// Markdown, for an issue or a chat
    Md,
    /// One self-contained file with charts
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Week,
    Month,
}

impl ReportArguments {
    const SINCE: Duration = Duration::from_secs(7 * 86_400);

    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let (since, view, format) = self.read(settings)?;
        let history = self.place.history(settings)?;
        let request = Request::last(since).by(view);
        let account = Account::of(&history, &request)?.on(Machine::read());
        let text = render(&account, format)?;
        match &self.output {
            None => output::write(&text)?,
            Some(path) => write_whole(path, &text)
                .map_err(|error| Failure::usage(format!("--output {}: {error}", path.display())))?,
        }
        Ok(Exit::FINE)
    }

    /// Checks the flags and the settings, and reads no history.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.read(settings)?;
        self.place.check(settings)
    }

    fn read(&self, settings: &Settings) -> Result<(Duration, View, Format), Failure> {
        let since = settings.get("report.since", self.since, settings::positive_duration)?;
        let by = settings.get("report.by", self.by, one_of)?;
        let named = self.json.then_some(Format::Json).or(self.format);
        let format = match named.or_else(|| self.format_of_output()) {
            Some(format) => Some(format),
            None => settings.get("report.format", None, one_of)?,
        };
        let view = match by.unwrap_or(By::Day) {
            By::Day => View::Day,
            By::Week => View::Week,
            By::Month => View::Month,
        };
        Ok((
            since.unwrap_or(Self::SINCE),
            view,
            format.unwrap_or(Format::Text),
        ))
    }

    fn format_of_output(&self) -> Option<Format> {
        let ending = self.output.as_ref()?.extension()?.to_str()?;
        Some(match ending {
            "json" => Format::Json,
            "md" => Format::Md,
            "html" | "htm" => Format::Html,
            "txt" => Format::Text,
            _ => return None,
        })
    }
}

fn one_of<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let all: Vec<_> = T::value_variants()
            .iter()
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("invalid value `{text}` (expected: {})", all.join(", "))
    })
}

fn render(account: &Account, format: Format) -> std::io::Result<Vec<u8>> {
    Ok(match format {
        Format::Text => account.to_text().into_bytes(),
        Format::Md => account.to_markdown().into_bytes(),
        Format::Html => account.to_html().into_bytes(),
        Format::Json => {
            let mut text = serde_json::to_vec(&Schema::of("report", account))?;
            text.push(b'\n');
            text
        }
    })
}

/// Writes a file next to it and renames that: a reader, such as a web server, never sees a part of it.
fn write_whole(path: &std::path::Path, text: &[u8]) -> std::io::Result<()> {
    let is_special = std::fs::metadata(path).is_ok_and(|file| !file.is_file());
    if is_special {
        return std::fs::write(path, text);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}
