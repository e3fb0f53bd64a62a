//! The health of a program: five indicators, each with its limit.

use std::fmt;

use serde::Serialize;

use super::account::{Account, FindingState};
use super::series::Measure;
use backstop_core::monitor::{ExpensiveReading, FindingKind, ProcessSample, Suggestion};
use backstop_core::resource::Bytes;
use backstop_core::text::counted;

/// The health of one program, as far as known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// One for each [`HealthKind`], in its order.
    pub indicators: Vec<HealthIndicator>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthIndicator {
    /// What is checked.
    pub kind: HealthKind,
    /// The result.
    pub verdict: HealthVerdict,
    /// The value, for people; if it is unknown, the reason.
    pub seen: String,
    /// The expected value, for people.
    pub limit: &'static str,
    /// What to do about it, where it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HealthKind {
    /// File descriptors: less than half of the limit.
    Handles,
    /// Memory growth: less than 10 MB per hour.
    Growth,
    /// No kind and no site whose resources keep growing in number.
    Pools,
    /// No leak in the period that is open, or was when its run ended.
    Leaks,
    /// More than 99 % of the releases succeeded.
    Releases,
    /// What findings are made of was read in at least half of the samples. If not, nothing failed, but
    /// leaks are found later.
    Readings,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthVerdict {
    /// Healthy.
    Well,
    /// There is no data.
    Unknown,
    /// Unhealthy.
    Failed,
}

impl Health {
    /// The maximum share of the limit of file descriptors.
    pub const HANDLES: f64 = 0.5;
    /// The maximum growth of memory per hour.
    pub const GROWTH: Bytes = Bytes::megabytes(10);
    /// The minimum share of releases that succeed.
    pub const RELEASES: f64 = 0.99;
    /// The readings that findings are made of, where those have a budget.
    pub const READINGS: [ExpensiveReading; 4] = [
        ExpensiveReading::Ledger,
        ExpensiveReading::Heap,
        ExpensiveReading::Children,
        ExpensiveReading::Handles,
    ];

    /// Checks a program by its current usage and its history, as far as available.
    #[must_use]
    pub fn of(now: Option<&ProcessSample>, account: Option<&Account>) -> Self {
        Self {
            indicators: vec![
                handles(now, account),
                growth(account),
                pools(account),
                leaks(account),
                releases(account),
                readings(account),
            ],
        }
    }

    /// The worst verdict.
    #[must_use]
    pub fn verdict(&self) -> HealthVerdict {
        let verdicts = self.indicators.iter().map(|indicator| indicator.verdict);
        verdicts.max().unwrap_or(HealthVerdict::Unknown)
    }
}

fn handles(now: Option<&ProcessSample>, account: Option<&Account>) -> HealthIndicator {
    let share = match now {
        Some(sample) => sample.handle_share(),
        None => account
            .and_then(|account| account.series(Measure::Handles))
            .and_then(|series| Some(series.last / series.limit?)),
    };
    let seen = share.map(|share| {
        (
            share < Health::HANDLES,
            format!("{:.1} % of the limit", 100.0 * share),
        )
    });
    HealthKind::Handles.judged(seen, "no data")
}

fn growth(account: Option<&Account>) -> HealthIndicator {
    let per_hour = account
        .and_then(|account| account.series(Measure::Memory))
        .and_then(|series| series.per_hour);
    let seen = per_hour.map(|rate| {
        let shown = Bytes(rate.abs() as u64);
        let sign = if rate < 0.0 { "-" } else { "" };
        (
            rate < Health::GROWTH.0 as f64,
            format!("{sign}{shown} per hour"),
        )
    });
    HealthKind::Growth.judged(seen, "no run in the history was long enough")
}

fn pools(account: Option<&Account>) -> HealthIndicator {
    let is_pool = |kind| matches!(kind, FindingKind::GrowingKind | FindingKind::GrowingSite);
    let growing = open_findings(account, is_pool);
    let seen = growing.map(|growing| match growing.is_empty() {
        true => (true, "none growing".to_owned()),
        false => (false, growing.join("; ")),
    });
    HealthIndicator {
        suggestions: suggested(account, is_pool),
        ..HealthKind::Pools.judged(seen, NO_HISTORY)
    }
}

fn leaks(account: Option<&Account>) -> HealthIndicator {
    let leaks = open_findings(account, FindingKind::is_leak);
    let seen = leaks.map(|leaks| match leaks.is_empty() {
        true => (true, "none".to_owned()),
        false => (false, leaks.join("; ")),
    });
    HealthIndicator {
        suggestions: suggested(account, FindingKind::is_leak),
        ..HealthKind::Leaks.judged(seen, NO_HISTORY)
    }
}

fn releases(account: Option<&Account>) -> HealthIndicator {
    let releases = account.and_then(|account| account.releases);
    let seen = releases.and_then(|releases| {
        let share = releases.success_share()?;
        let all = releases.succeeded + releases.failed;
        Some((
            share > Health::RELEASES,
            format!(
                "{:.2} % of {}",
                100.0 * share,
                counted(all, "release", "releases")
            ),
        ))
    });
    HealthKind::Releases.judged(seen, "no release in the history")
}

fn readings(account: Option<&Account>) -> HealthIndicator {
    let account = account.filter(|account| account.samples.count > 0);
    let Some(account) = account else {
        return HealthKind::Readings.judged(None, NO_HISTORY);
    };
    let mut rare = Vec::new();
    for reading in Health::READINGS {
        let tally = account.samples.readings.of(reading);
        if tally.taken < tally.left_out {
            rare.push(format!(
                "{reading} sampled {} of {} times",
                tally.taken,
                tally.due()
            ));
        }
    }
    if rare.is_empty() {
        return HealthKind::Readings.judged(Some((true, "enough".to_owned())), NO_HISTORY);
    }
    let unknown = format!("{}: readings cost more than their budget", rare.join(", "));
    HealthKind::Readings.judged(None, &unknown)
}

const NO_HISTORY: &str = "no history of this period";

/// The findings that are open, or were when their run ended; `None` if nothing was monitored.
fn open_findings(
    account: Option<&Account>,
    counts: impl Fn(FindingKind) -> bool,
) -> Option<Vec<String>> {
    let account = account.filter(|account| account.samples.count > 0)?;
    let list = account.findings.list.iter();
    Some(
        list.filter(|one| one.state != FindingState::Cleared && counts(one.finding.kind))
            .map(|one| format!("{} ({})", one.finding.kind, one.finding.subject))
            .collect(),
    )
}

/// What to do about the findings that [`open_findings`] lists.
fn suggested(account: Option<&Account>, counts: impl Fn(FindingKind) -> bool) -> Vec<Suggestion> {
    let list = account
        .into_iter()
        .flat_map(|account| &account.findings.list);
    list.filter(|one| one.state != FindingState::Cleared && counts(one.finding.kind))
        .flat_map(|one| one.suggestions.clone())
        .collect()
}

impl HealthKind {
    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handles => "handles",
            Self::Growth => "growth",
            Self::Pools => "pools",
            Self::Leaks => "leaks",
            Self::Releases => "releases",
            Self::Readings => "readings",
        }
    }

    const fn limit(self) -> &'static str {
        match self {
            Self::Handles => "less than 50 % of the limit",
            Self::Growth => "less than 10 MB per hour",
            Self::Pools => "no kind or site keeps growing",
            Self::Leaks => "none",
            Self::Releases => "more than 99 % succeed",
            Self::Readings => "at least half are taken",
        }
    }

    fn judged(self, seen: Option<(bool, String)>, unknown: &str) -> HealthIndicator {
        let (verdict, seen) = match seen {
            Some((true, seen)) => (HealthVerdict::Well, seen),
            Some((false, seen)) => (HealthVerdict::Failed, seen),
            None => (HealthVerdict::Unknown, unknown.to_owned()),
        };
        HealthIndicator {
            kind: self,
            verdict,
            seen,
            limit: self.limit(),
            suggestions: Vec::new(),
        }
    }
}

impl fmt::Display for HealthKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl fmt::Display for HealthVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Well => "healthy",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(now: Option<&ProcessSample>, kind: HealthKind) -> HealthVerdict {
        let health = Health::of(now, None);
        let mut indicators = health.indicators.iter();
        indicators.find(|one| one.kind == kind).unwrap().verdict
    }

    #[test]
    fn half_of_the_open_files_is_too_many() {
        let taken = |handles| ProcessSample {
            handles: Some(handles),
            handle_limit: Some(1000),
            ..ProcessSample::default()
        };
        assert_eq!(
            verdict_of(Some(&taken(499)), HealthKind::Handles),
            HealthVerdict::Well
        );
        assert_eq!(
            verdict_of(Some(&taken(500)), HealthKind::Handles),
            HealthVerdict::Failed
        );
    }

    #[test]
    fn without_data_the_result_is_unknown_and_not_healthy() {
        let health = Health::of(None, None);
        for indicator in &health.indicators {
            assert_eq!(indicator.verdict, HealthVerdict::Unknown, "{indicator:?}");
        }
    }
}
