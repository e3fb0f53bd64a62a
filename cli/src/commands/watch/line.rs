//! The live line, and the findings below it.

use std::io::{self, Write};

use backstop_core::monitor::{Change, Sample};
use backstop_core::resource::Bytes;
use backstop_core::text::{printable, show_duration};

use super::suggested;
use crate::output;

/// Where samples are shown: on a terminal the line is overwritten, elsewhere each has its own.
pub(super) struct Screen {
    is_terminal: bool,
    width: usize,
    /// The last that is known: it is expensive, and not in every sample.
    proportional: Option<Bytes>,
}

/// What a change is called in JSON.
pub(super) fn name(change: &Change) -> &'static str {
    match change {
        Change::Opened(_) => "opened",
        Change::Severity(_) => "severity",
        Change::Cleared(_) => "cleared",
    }
}

impl Screen {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self {
            is_terminal,
            width: 0,
            proportional: None,
        }
    }

    pub(super) fn show(
        &mut self,
        sample: &Sample,
        previous: Option<&Sample>,
        changes: &[Change],
    ) -> io::Result<()> {
        let mut text = String::new();
        for change in changes {
            self.wipe(&mut text);
            text.push_str(&printable(&sentence(sample, change)));
            text.push('\n');
            for suggestion in suggested(sample, change) {
                let line = format!("          suggestion: {suggestion}");
                text.push_str(&printable(&line));
                text.push('\n');
            }
        }
        self.wipe(&mut text);
        self.proportional = sample.process.proportional.or(self.proportional);
        let mut line = line(sample, previous, self.proportional);
        if let Some(width) = self.columns() {
            // A line that wraps could not be written over.
            line = line.chars().take(width).collect();
        }
        self.width = line.chars().count();
        text.push_str(&line);
        if !self.is_terminal {
            text.push('\n');
        }
        output::write(text.as_bytes())?;
        io::stdout().flush()
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        match self.is_terminal && self.width > 0 {
            true => output::write(b"\n"),
            false => Ok(()),
        }
    }

    fn columns(&self) -> Option<usize> {
        let (columns, _) = terminal_size::terminal_size().filter(|_| self.is_terminal)?;
        Some(usize::from(columns.0).saturating_sub(1).max(1))
    }

    /// Returns to the start of the line, and clears it.
    fn wipe(&mut self, text: &mut String) {
        if self.is_terminal && self.width > 0 {
            text.push('\r');
            text.push_str("\x1b[2K");
        }
    }
}

fn line(sample: &Sample, previous: Option<&Sample>, proportional: Option<Bytes>) -> String {
    let process = &sample.process;
    let mut parts = vec![time(sample), format!("rss {}", process.resident)];
    if let Some(proportional) = proportional {
        parts.push(format!("pss {proportional}"));
    }
    parts.push(match (process.handles, process.handle_limit) {
        (Some(handles), Some(limit)) => format!("open files {handles}/{limit}"),
        (Some(handles), None) => format!("open files {handles}"),
        (None, _) => "open files ?".into(),
    });
    parts.push(format!("threads {}", process.threads));
    if process.processes > 1 {
        parts.push(format!("processes {}", process.processes));
    }
    if let Some(previous) = previous {
        let passed = sample.at.since(&previous.at).as_secs_f64();
        let busy = process
            .cpu
            .saturating_sub(previous.process.cpu)
            .as_secs_f64();
        if passed > 0.0 {
            parts.push(format!("cpu {:.0} %", 100.0 * busy / passed));
        }
    }
    if let Some(ledger) = &sample.ledger {
        parts.push(format!("resources {}", ledger.live()));
    }
    parts.join("  ")
}

fn sentence(sample: &Sample, change: &Change) -> String {
    match change {
        Change::Cleared(finding) => {
            let seen = finding.last_seen.since(&finding.first_seen);
            format!(
                "{}  cleared: {} ({}), after {}",
                time(sample),
                finding.kind,
                finding.subject,
                show_duration(seen)
            )
        }
        change => format!("{}  {}", time(sample), change.finding()),
    }
}

fn time(sample: &Sample) -> String {
    let zoned = sample.at.time.to_zoned(jiff::tz::TimeZone::system());
    zoned.strftime("%H:%M:%S").to_string()
}
