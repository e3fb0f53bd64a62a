//! What each site has leaked.

use super::recent::Recent;
use super::{Change, Finding, FindingSubject, LedgerSample};

/// What one site was found to leak since the monitor started.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LeakTally {
    /// The kind of resource.
    pub kind: String,
    /// The place in the code.
    pub site: String,
    /// How often a leak was found there: each opening of a finding counts.
    pub openings: u64,
    /// Number of open findings about it.
    pub open: u64,
    /// Number of its resources that are suspects now.
    pub suspects: u64,
    /// Maximum number of its resources that were suspects at the same time.
    pub most_suspects: u64,
    /// How many more resources are open each hour, while their number grows.
    pub per_hour: Option<f64>,
}

/// Tallies of the sites that leaked recently.
#[derive(Debug)]
pub(super) struct LeakTallies {
    sites: Recent<(String, String), Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    openings: u64,
    open: u64,
    suspects: u64,
    most_suspects: u64,
}

impl LeakTallies {
    /// Maximum number of sites.
    pub(super) const MOST: usize = 512;

    pub(super) fn new() -> Self {
        Self {
            sites: Recent::of(Self::MOST),
        }
    }

    /// Takes the changes of findings, and the current suspects.
    pub(super) fn take(&mut self, changes: &[Change], ledger: Option<&LedgerSample>) {
        for change in changes {
            let Some(key) = site_of(change.finding()) else {
                continue;
            };
            match change {
                Change::Opened(_) => {
                    let tally = self.sites.value(&key, Tally::default);
                    tally.openings += 1;
                    tally.open += 1;
                }
                Change::Cleared(_) => {
                    if let Some(tally) = self.sites.get_mut(&key) {
                        tally.open = tally.open.saturating_sub(1);
                    }
                }
                Change::Severity(_) => {}
            }
        }
        let Some(ledger) = ledger else { return };
        for (_, tally) in self.sites.iter_mut() {
            tally.suspects = 0;
        }
        for holding in &ledger.suspects {
            let key = (holding.kind.clone(), holding.site.clone());
            if let Some(tally) = self.sites.get_mut(&key) {
                tally.suspects += 1;
                tally.most_suspects = tally.most_suspects.max(tally.suspects);
            }
        }
    }

    /// All tallies, most openings first; `per_hour` returns how fast a site grows.
    pub(super) fn all(&self, per_hour: impl Fn(&str, &str) -> Option<f64>) -> Vec<LeakTally> {
        let tally = |((kind, site), tally): (&(String, String), &Tally)| LeakTally {
            kind: kind.clone(),
            site: site.clone(),
            openings: tally.openings,
            open: tally.open,
            suspects: tally.suspects,
            most_suspects: tally.most_suspects,
            per_hour: per_hour(kind, site),
        };
        let mut all: Vec<LeakTally> = self.sites.iter().map(tally).collect();
        all.sort_by_key(|tally| std::cmp::Reverse((tally.openings, tally.suspects)));
        all
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.sites.forgotten()
    }
}

fn site_of(finding: &Finding) -> Option<(String, String)> {
    match &finding.subject {
        FindingSubject::Site { kind, site } => Some((kind.clone(), site.clone())),
        _ => None,
    }
}
