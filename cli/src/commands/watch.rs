//! `backstop watch`: what any running program takes, and what of it grows.

mod findings;
mod line;
mod target;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use backstop_core::monitor::{Change, Finding, Observation, Observer, Sample};
use backstop_core::resource::Bytes;
use backstop_service::history::History;
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;
use crate::span;
use findings::WatchFindings;
pub(crate) use target::find;
use target::{Target, Wanted};

/// Watches any running program: what it takes, live, and what of it grows
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WatchArguments {
    /// A process number, or a program's name
    #[arg(value_name = "PID|NAME", required_unless_present = "cgroup")]
    target: Option<String>,

    /// Watches the members of a control group instead, by its directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["target", "tree"])]
    cgroup: Option<PathBuf>,

    /// Watches the process and all of its descendants, added up
    #[arg(long)]
    tree: bool,

    /// How often to look [default: 1s]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    interval: Option<Duration>,

    /// Over how long growth is looked at [default: both 16 intervals and monitor.window, which is 10m]
    #[arg(long, value_name = "SPAN")]
    window: Option<String>,

    /// How much memory must grow within a window to be a finding [default: 50MB]
    #[arg(long, value_name = "SIZE")]
    growth: Option<Bytes>,

    /// By how many handles, threads, children or resources must grow within a window [default: 50]
    #[arg(long, value_name = "COUNT")]
    count_growth: Option<u64>,

    /// Ends after this long [default: when the program does]
    #[arg(long = "for", value_name = "SPAN", value_parser = span::parse)]
    length: Option<Duration>,

    /// Also writes a history into this directory, from which `backstop report --history DIR` makes
    /// charts
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,

    /// Prints one JSON object a line, with the sample and the findings
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Names of findings: growing.memory, growing.handles, growing.threads, growing.children, growing.kind,
growing.site, held.idle, held.over-lifetime, orphaned.resource, limit.handles, limit.memory,
limit.system-memory, failed.cleanup.

Exit codes: 0 nothing was found, 1 something was, 2 wrong usage.";

/// The default interval: for somebody who looks on.
const INTERVAL: Duration = Duration::from_secs(1);

/// One line of JSON.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    sample: &'a Sample,
    /// All that are open, the worst first.
    findings: &'a [Finding],
    /// What changed by this sample.
    changes: Vec<Changed<'a>>,
}

#[derive(Serialize)]
struct Changed<'a> {
    change: &'static str,
    finding: &'a Finding,
}

/// The line of JSON after the last sample.
#[derive(Serialize)]
struct Ended {
    ended: &'static str,
    samples: u64,
    found: u64,
}

impl WatchArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let interval = self.interval.unwrap_or(INTERVAL);
        if interval < Duration::from_millis(10) {
            return Err(Failure::usage(
                "--interval: at least 10ms: a look that is always on would itself be the load",
            ));
        }
        let monitoring = self.settings(settings)?;
        let limits = monitoring.limits().clone();
        let mut history = match &self.history {
            Some(directory) => {
                let history = History::at(directory).keep(monitoring.keeping());
                Some(history.writer().map_err(|error| {
                    Failure::usage(format!(
                        "--history {}: {}",
                        directory.display(),
                        error.chain()
                    ))
                })?)
            }
            None => None,
        };
        let mut target = Target::of(&self.wanted()?, &limits)?;
        let window = self.window.is_some().then(|| limits.window());
        let mut findings = WatchFindings::new(limits, interval, window)?;
        let mut screen = line::Screen::new(std::io::stdout().is_terminal() && !self.json);
        let begun = Instant::now();
        let (mut samples, mut found) = (0_u64, 0_u64);
        let mut previous: Option<Sample> = None;
        let ended = loop {
            let Some(sample) = target.sample(previous.as_ref()) else {
                break "the program has ended";
            };
            let changes = findings.observe(&sample);
            samples += 1;
            found += changes
                .iter()
                .filter(|change| matches!(change, Change::Opened(_)))
                .count() as u64;
            if self.json {
                output::write_json("watch", &Seen::of(&sample, findings.open(), &changes))?;
            } else {
                screen.show(&sample, previous.as_ref(), &changes)?;
            }
            if let Some(history) = &mut history {
                history.observe(&Observation {
                    sample: sample.clone(),
                    changes,
                    open: findings.open().to_vec(),
                });
            }
            previous = Some(sample);
            // By the number of samples and not by the last: slow looks do not push the rest back.
            let next = interval.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX));
            if self.length.is_some_and(|length| next > length) {
                break "the time is over";
            }
            let left = next.saturating_sub(begun.elapsed());
            if target.wait_end(left) && target.is_gone() {
                break "the program has ended";
            }
        };
        if self.json {
            let ended = Ended {
                ended,
                samples,
                found,
            };
            output::write_json("watch", &ended)?;
        } else {
            screen.end()?;
            // Nobody reads it, nobody misses it.
            let _ = writeln!(
                std::io::stderr(),
                "backstop: {ended}; {samples} samples, {found} findings"
            );
        }
        Ok(match found {
            0 => Exit::FINE,
            _ => Exit::FINDINGS,
        })
    }

    /// Checks what the flags and the settings mean, and watches nothing.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.settings(settings).map(drop)
    }

    fn settings(&self, settings: &Settings) -> Result<backstop_service::config::Settings, Failure> {
        settings.monitoring(&[
            ("monitor.window", self.window.clone()),
            ("monitor.growth", self.growth.map(|size| size.0.to_string())),
            (
                "monitor.count-growth",
                self.count_growth.map(|count| count.to_string()),
            ),
            // It has been running: what it takes now is what it starts from.
            ("monitor.warm-up", Some("0s".into())),
        ])
    }

    fn wanted(&self) -> Result<Wanted, Failure> {
        if let Some(directory) = &self.cgroup {
            return Ok(Wanted::Cgroup(directory.clone()));
        }
        let text = self.target.as_deref().unwrap_or_default();
        let pid = find(text)?;
        Ok(match self.tree {
            true => Wanted::Tree(pid),
            false => Wanted::Process(pid),
        })
    }
}

impl<'a> Seen<'a> {
    fn of(sample: &'a Sample, findings: &'a [Finding], changes: &'a [Change]) -> Self {
        let changes = changes
            .iter()
            .map(|change| Changed {
                change: line::name(change),
                finding: change.finding(),
            })
            .collect();
        Self {
            sample,
            findings,
            changes,
        }
    }
}
