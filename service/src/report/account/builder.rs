//! Builds a report from lines that arrive one by one.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use jiff::Timestamp;

use super::findings::Findings;
use super::gaps::{Gap, GapReason, Gaps, Pace};
use super::holdings::Holdings;
use super::periods::Periods;
use super::releases::Counting;
use super::runs::{Meaning, RunState, Runs};
use super::unknown::{Unknown, count};
use super::{Account, EventCount, Request, Samples, Span, name_of};
use crate::history::{Event, EventKind, FindingChange, Line, LossReason, Reading};
use crate::report::quantity;
use crate::report::series::{self, Collector, Measure, Series};
use backstop_core::monitor::{Disturbance, Moment, Sample, Severity};

/// A report under construction. Its size does not depend on the number of lines.
#[derive(Debug)]
pub(super) struct AccountBuilder<'a> {
    request: &'a Request,
    samples: Samples,
    runs: Runs,
    findings: Findings,
    event_counts: BTreeMap<(EventKind, Option<Severity>), u64>,
    events: VecDeque<Event>,
    releases: Counting,
    holdings: Holdings,
    gaps: Gaps,
    pace: Pace,
    periods: Periods,
    collectors: Vec<(Measure, Collector)>,
    handle_limit: Option<f64>,
    memory_limit: Option<f64>,
    /// The last sample, of any time.
    last: Option<Last>,
    stretch: u32,
    /// Whether the next sample belongs to another run than the last.
    is_other: bool,
    /// Since when no run is active.
    ended: Option<Timestamp>,
    losses: BTreeMap<LossReason, (u64, String)>,
    untracked: u64,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    at: Moment,
    pid: i32,
    cpu: f64,
}

impl<'a> AccountBuilder<'a> {
    pub(super) fn new(request: &'a Request) -> Self {
        let collector = |measure| (measure, Collector::new(Series::POINTS));
        Self {
            samples: Samples::default(),
            runs: Runs::default(),
            findings: Findings::default(),
            event_counts: BTreeMap::new(),
            events: VecDeque::new(),
            releases: Counting::default(),
            holdings: Holdings::default(),
            gaps: Gaps::default(),
            pace: Pace::default(),
            periods: Periods::new(request.zone.clone(), request.view),
            collectors: Measure::ALL.map(collector).into(),
            handle_limit: None,
            memory_limit: None,
            last: None,
            stretch: 0,
            is_other: true,
            ended: None,
            losses: BTreeMap::new(),
            untracked: 0,
            request,
        }
    }

    /// Takes a line. Lines before the period determine the state at its start.
    pub(super) fn take(&mut self, line: Line) {
        let at = line.at();
        if at > self.request.until {
            return;
        }
        let is_within = at >= self.request.from;
        match line {
            Line::Run(run) => match self.runs.take(&run) {
                Meaning::Same => {}
                Meaning::Another { began } => {
                    let seen = self.last.map_or(at, |last| last.at.time);
                    self.findings.run_ended(seen, self.request.from);
                    self.releases.restart(began && is_within);
                    self.is_other = true;
                }
                Meaning::Ended => {
                    self.findings.run_ended(at, self.request.from);
                    self.ended = Some(at);
                }
            },
            Line::Sample(sample) => self.sample(&sample, is_within),
            Line::Finding(finding) => {
                if is_within {
                    let period = self.periods.at(at);
                    period.opened += u64::from(finding.change == FindingChange::Opened);
                    period.cleared += u64::from(finding.change == FindingChange::Cleared);
                }
                self.findings.take(*finding, self.request.from);
            }
            Line::Event(event) if is_within => self.event(event),
            Line::Loss(loss) if is_within => {
                let known = self.losses.entry(loss.reason).or_default();
                known.0 += loss.lines;
                known.1 = loss.text;
            }
            Line::Event(_) | Line::Loss(_) => {}
        }
    }

    fn event(&mut self, event: Event) {
        let period = self.periods.at(event.at);
        period.alerts += u64::from(event.kind == EventKind::Alert);
        let key = (event.kind, event.severity);
        *self.event_counts.entry(key).or_default() += 1;
        if self.events.len() == Account::EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn sample(&mut self, sample: &Sample, is_within: bool) {
        let at = sample.at.time;
        self.runs.seen(at, is_within);
        let begins = self.begins(sample, is_within);
        let now = Last {
            at: sample.at,
            pid: sample.process.pid,
            cpu: sample.process.cpu.as_secs_f64(),
        };
        let before = self.last.replace(now);
        if is_within {
            let processor = before
                .filter(|_| !begins)
                .and_then(|before| processor_between(&before, &now));
            self.measure(sample, begins, processor);
        }
    }

    /// Whether there is no data before this sample; a gap is recorded.
    fn begins(&mut self, sample: &Sample, is_within: bool) -> bool {
        let Some(last) = self.last else {
            self.is_other = false;
            return true;
        };
        let is_other = std::mem::take(&mut self.is_other) || last.pid != sample.process.pid;
        let ended = self.ended.take();
        // A tree's leader may be another process without a new run.
        if is_other {
            self.stretch += 1;
        }
        let at = sample.at.time;
        let seconds = at.duration_since(last.at.time).as_secs_f64();
        let is_suspended = sample
            .disturbances
            .iter()
            .any(|what| matches!(what, Disturbance::Suspended { .. }));
        // A clock that was set back is no gap.
        let is_gap = seconds > 0.0 && self.pace.is_gap(seconds);
        if is_gap && is_within {
            self.gaps.push(Gap {
                from: last.at.time.max(self.request.from),
                until: at,
                reason: match () {
                    () if is_suspended => GapReason::Suspended,
                    () if is_other || ended.is_some() => GapReason::NotRunning,
                    () => GapReason::NoSamples,
                },
            });
        }
        is_gap || is_other
    }

    fn measure(&mut self, sample: &Sample, begins: bool, processor: Option<f64>) {
        let at = sample.at.time;
        self.samples.count += 1;
        self.samples.readings.observe(sample);
        self.samples.first = Some(self.samples.first.map_or(at, |first| first.min(at)));
        self.samples.last = Some(self.samples.last.map_or(at, |last| last.max(at)));
        self.samples.pid = Some(sample.process.pid);
        if self.samples.program.as_ref() != Some(&sample.process.name) {
            self.samples.program = Some(sample.process.name.clone());
        }
        let process = &sample.process;
        let ledger = sample.ledger.as_ref();
        let system = sample.system.as_ref();
        let stretch = self.stretch;
        let reading = |value| series::Reading { at, value, stretch };
        for (measure, collector) in &mut self.collectors {
            if begins {
                collector.interrupt();
            }
            let value = match measure {
                Measure::Memory => Some(process.resident.0 as f64),
                Measure::Handles => process.handles.map(|handles| handles as f64),
                Measure::Threads => Some(f64::from(process.threads)),
                Measure::Children => process.children.map(f64::from),
                Measure::Processor => processor,
                Measure::Resources => ledger.map(|ledger| ledger.live() as f64),
                Measure::SystemMemory => system.map(|system| system.memory_share() * 100.0),
            };
            if let Some(value) = value {
                collector.push(reading(value));
            }
        }
        let limit = process.handle_limit.map(|limit| limit as f64);
        self.handle_limit = limit.or(self.handle_limit);
        let ceiling = system.map(|system| system.memory_ceiling().0 as f64);
        self.memory_limit = ceiling.or(self.memory_limit);

        let period = self.periods.at(at);
        period.samples += 1;
        period.memory(reading(process.resident.0 as f64));
        let most = |known: Option<f64>, value: f64| Some(known.map_or(value, |k| k.max(value)));
        if let Some(handles) = process.handles {
            period.handles = most(period.handles, handles as f64);
        }
        period.threads = most(period.threads, f64::from(process.threads));
        if let Some(ledger) = ledger {
            let new = self.releases.take(ledger);
            period.releases.succeeded += new.succeeded;
            period.releases.failed += new.failed;
            self.holdings.take(ledger);
            self.untracked = ledger.untracked;
        }
    }

    pub(super) fn finish(mut self, history: &Path, reading: &Reading) -> Account {
        let request = self.request;
        if let Some(last) = self.runs.last()
            && last.state == RunState::GoesOn
        {
            let silent = request.until.duration_since(last.until).as_secs_f64();
            if !self.pace.goes_on(silent) {
                self.findings.run_ended(last.until, request.from);
                self.runs.vanish();
            }
        }
        self.samples.interval_seconds = self.pace.usual();
        let runs = self.runs.finish(request.from);
        let unknown = self.unknown(reading);
        let findings = std::mem::take(&mut self.findings).finish();
        let (handles, memory) = (self.handle_limit, self.memory_limit);
        let series = self
            .collectors
            .iter()
            // No chart for children if there never were any.
            .filter(|(measure, values)| {
                *measure != Measure::Children || values.peak().is_some_and(|peak| peak > 0.0)
            })
            .filter_map(|(measure, values)| {
                let limit = match measure {
                    Measure::Handles => handles,
                    Measure::Memory => memory,
                    Measure::SystemMemory => Some(100.0),
                    _ => None,
                };
                values.finish(*measure, limit)
            });
        Account {
            history: history.to_owned(),
            span: Span {
                from: request.from,
                until: request.until,
                zone: name_of(&request.zone, request.until),
            },
            series: series.collect(),
            machine: None,
            samples: self.samples,
            run_count: self.runs.count,
            runs,
            findings,
            event_counts: self
                .event_counts
                .into_iter()
                .map(|((kind, severity), count)| EventCount {
                    kind,
                    severity,
                    count,
                })
                .collect(),
            events: self.events.into(),
            releases: self.releases.total,
            kinds: self.holdings.kinds(),
            sites: self.holdings.sites(),
            gaps: self.gaps,
            view: request.view,
            periods: self.periods.finish(),
            unknown,
        }
    }

    fn unknown(&self, reading: &Reading) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        let mut say = |what: String, why: String| unknown.push(Unknown::new(what, why));
        match (self.samples.first, self.samples.count) {
            (_, 0) => say(
                "everything".into(),
                "the history has no samples of this period".into(),
            ),
            (Some(first), _) => {
                let seconds = first.duration_since(self.request.from).as_secs_f64();
                if seconds > self.pace.usual().unwrap_or(60.0) * 4.0 {
                    let why = "the history starts later";
                    let zone = self.request.zone.clone();
                    let shown = first.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string();
                    say(format!("the time before {shown}"), why.into());
                }
                if self
                    .collectors
                    .iter()
                    .any(|(measure, values)| *measure == Measure::Resources && values.is_empty())
                {
                    let why = "the monitored program has no ledger";
                    say("open resources and releases".into(), why.into());
                }
            }
            (None, _) => {}
        }
        if self.gaps.count > 0 {
            let what = quantity::seconds(self.gaps.seconds);
            let why = count(self.gaps.count, "gap", "gaps");
            say(
                format!("{what} of the period"),
                format!("{why} between samples"),
            );
        }
        if self.runs.vanished > 0 {
            let what = count(self.runs.vanished, "run", "runs");
            let why = "terminated unexpectedly: killed, or the machine went down";
            say(format!("how {what} ended"), why.into());
        }
        for (reason, (lines, text)) in &self.losses {
            let what = match reason {
                LossReason::Failed => count(*lines, "line", "lines"),
                LossReason::Thinned => count(*lines, "sample", "samples"),
            };
            say(what, format!("not written: {text}"));
        }
        for place in &reading.unreadable {
            say(
                format!("{}{}", place.path.display(), line_of(place.line)),
                place.why.clone(),
            );
        }
        if reading.other_unreadable > 0 {
            let what = count(reading.other_unreadable, "more place", "more places");
            say(what, "also unreadable".into());
        }
        for day in &reading.days {
            let path = day.day.path.display();
            if day.torn {
                let why = "cut off by a kill or a full disk";
                say(format!("the last line of {path}"), why.into());
            }
            if day.unknown > 0 {
                let what = count(day.unknown, "line", "lines");
                let why = "schema unknown to this version";
                say(format!("{what} of {path}"), why.into());
            }
        }
        if self.untracked > 0 {
            let what = count(self.untracked, "resource", "resources");
            say(what, "no space in the ledger".into());
        }
        if self.holdings.omitted > 0 {
            let what = count(self.holdings.omitted, "kind", "kinds");
            say(what, "beyond the number listed".into());
        }
        unknown
    }
}

fn line_of(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}

/// Processor time between two samples of one process, in percent of a core.
fn processor_between(before: &Last, now: &Last) -> Option<f64> {
    let seconds = now.at.since(&before.at).as_secs_f64();
    let spent = now.cpu - before.cpu;
    (seconds > 0.0 && spent >= 0.0).then(|| spent / seconds * 100.0)
}
