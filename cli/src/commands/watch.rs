//! `backstop watch`: what any running program uses, and what of it keeps growing.

mod line;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use backstop_core::monitor::{
    Change, Finding, Moment, Monitor, MonitorBuilder, Observation, Sample, Suggestion, suggestions,
};
use backstop_core::resource::Bytes;
use backstop_core::text::counted;
use backstop_os::pinned::PinnedProcess;
use backstop_service::history::History;
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, note};
use crate::program;
use crate::settings::{self, Settings};

/// Monitor a running program: memory, file descriptors, threads; report what keeps growing
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WatchArguments {
    /// PID or program name
    #[arg(value_name = "PID|NAME", required_unless_present = "cgroup")]
    target: Option<String>,

    /// Monitor the members of the cgroup at DIR instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["target", "tree"])]
    cgroup: Option<PathBuf>,

    /// Include all descendants (sum)
    #[arg(long)]
    tree: bool,

    /// Time between samples [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    interval: Option<Duration>,

    /// Window for growth detection [default: two windows, of 16 intervals and of 10m
    /// (monitor.window)]
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,

    /// Report memory growth above SIZE per window [default: 50MB]
    #[arg(long, value_name = "SIZE", value_parser = settings::positive_size)]
    growth: Option<Bytes>,

    /// Report growth of open files, threads, children or resources above COUNT per window [default: 50]
    #[arg(long, value_name = "COUNT")]
    count_growth: Option<u64>,

    /// Stop after DURATION [default: when the program exits]
    #[arg(long = "for", value_name = "DURATION", value_parser = settings::positive_duration)]
    length: Option<Duration>,

    /// Also record a history in DIR, for `backstop report --history DIR`
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,

    /// Print one JSON object per line, with the sample and the findings
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Findings: growing.memory, growing.handles, growing.threads, growing.children, growing.kind,
growing.site, held.idle, held.over-lifetime, orphaned.resource, limit.handles, limit.memory,
limit.system-memory, failed.cleanup.

Exit codes: 0 no findings, 1 findings, 2 errors.";

/// The default interval: for a person who watches live.
const INTERVAL: Duration = Duration::from_secs(1);

/// The minimum interval: with less, sampling itself would be the load.
const FASTEST: Duration = Duration::from_millis(10);

/// One line of JSON.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    sample: &'a Sample,
    /// All that are open, the worst first.
    findings: &'a [Finding],
    /// What changed with this sample.
    changes: Vec<Changed<'a>>,
}

#[derive(Serialize)]
struct Changed<'a> {
    change: &'static str,
    finding: &'a Finding,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
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
        if interval < FASTEST {
            return Err(Failure::usage("--interval must be at least 10ms"));
        }
        let monitoring = self.settings(settings)?;
        let (target, pinned) = self.target()?;
        let mut monitor = target
            .interval(interval)
            .fastest(interval)
            .limits(monitoring.limits().clone());
        if self.window.is_none() {
            monitor = monitor.short_window();
        }
        if let Some(directory) = &self.history {
            let history = History::at(directory).keep(monitoring.keeping());
            let writer = history.writer().map_err(|error| {
                let directory = directory.display();
                Failure::usage(format!("--history {directory}: {}", error.chain()))
            })?;
            monitor = monitor.observer(writer);
        }
        let mut watch = monitor.build().map_err(|error| match &self.cgroup {
            Some(directory) => {
                Failure::usage(format!("{}: {}", directory.display(), error.chain()))
            }
            None => Failure::of(&error),
        })?;
        let mut screen = line::Screen::new(std::io::stdout().is_terminal() && !self.json);
        let began = Instant::now();
        let (mut samples, mut found) = (0_u64, 0_u64);
        let mut previous: Option<Sample> = None;
        let ended = loop {
            let Some(observation) = watch.observe(Moment::now()) else {
                break "the program has exited";
            };
            let Observation {
                sample,
                changes,
                open,
            } = observation;
            samples += 1;
            found += changes
                .iter()
                .filter(|change| matches!(change, Change::Opened(_)))
                .count() as u64;
            if self.json {
                output::write_json("watch", &Seen::of(&sample, &open, &changes))?;
            } else {
                screen.show(&sample, previous.as_ref(), &changes)?;
            }
            previous = Some(sample);
            // By the number of samples and not by the last: slow samples do not delay the rest.
            let next = interval.saturating_mul(u32::try_from(samples).unwrap_or(u32::MAX));
            if self.length.is_some_and(|length| next > length) {
                break "the duration has elapsed";
            }
            // A tree may outlive its root: then the next sample finds out.
            if wait(pinned.as_ref(), next.saturating_sub(began.elapsed())) && !self.tree {
                break "the program has exited";
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
            let samples = counted(samples, "sample", "samples");
            let findings = counted(found, "finding", "findings");
            note(&format!("{ended}: {samples}, {findings}"));
        }
        Ok(match found {
            0 => Exit::FINE,
            _ => Exit::FINDINGS,
        })
    }

    /// Checks the flags and the settings, and monitors nothing.
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
            // It has been running: what it uses now is what it starts from.
            ("monitor.warm-up", Some("0s".into())),
        ])
    }

    /// What to monitor, and the process whose exit ends it; a cgroup has none.
    fn target(&self) -> Result<(MonitorBuilder, Option<PinnedProcess>), Failure> {
        if let Some(directory) = &self.cgroup {
            return Ok((Monitor::builder().cgroup(directory), None));
        }
        let pid = program::find(self.target.as_deref().unwrap_or_default())?;
        let pinned = PinnedProcess::pin(pid)
            .map_err(|error| Failure::usage(format!("process {pid}: {error}")))?;
        let monitor = match self.tree {
            true => Monitor::builder().tree(pid),
            false => Monitor::builder().process(pid),
        };
        Ok((monitor, Some(pinned)))
    }
}

/// Waits, and not longer than the process lives. Whether it has exited.
fn wait(pinned: Option<&PinnedProcess>, longest: Duration) -> bool {
    match pinned {
        Some(pinned) => pinned.wait_exit(longest).unwrap_or(false),
        None => {
            std::thread::sleep(longest);
            false
        }
    }
}

impl<'a> Seen<'a> {
    fn of(sample: &'a Sample, findings: &'a [Finding], changes: &'a [Change]) -> Self {
        let changes = changes
            .iter()
            .map(|change| Changed {
                change: line::name(change),
                finding: change.finding(),
                suggestions: suggested(sample, change),
            })
            .collect();
        Self {
            sample,
            findings,
            changes,
        }
    }
}

/// What to do about a finding, while it is open.
fn suggested(sample: &Sample, change: &Change) -> Vec<Suggestion> {
    match change {
        Change::Cleared(_) => Vec::new(),
        change => suggestions(change.finding(), sample.ledger.as_ref()),
    }
}
