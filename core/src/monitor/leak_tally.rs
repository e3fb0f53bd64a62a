//! What each place in the code has leaked.

use super::recent::Recent;
use super::{Change, Finding, LedgerSample, Subject};

/// What one place in the code was found to leak since the findings began.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LeakTally {
    /// The kind of resource.
    pub kind: String,
    /// Where in the code.
    pub site: String,
    /// How often a leak was found there: each opening of a finding counts.
    pub openings: u64,
    /// How many findings of it are open.
    pub open: u64,
    /// How many of its resources are suspect now.
    pub suspects: u64,
    /// The most of its resources that were ever suspect at once.
    pub most_suspects: u64,
    /// How many more are open an hour later, while their number grows.
    pub per_hour: Option<f64>,
}

/// Tallies of the places that leaked lately.
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
    /// The most places.
    pub(super) const MOST: usize = 512;

    pub(super) fn new() -> Self {
        Self {
            sites: Recent::of(Self::MOST),
        }
    }

    /// Takes what became of findings, and what is suspect now.
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

    /// All, those that leaked most often first; `per_hour` says how fast a site grows.
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
        Subject::Site { kind, site } => Some((kind.clone(), site.clone())),
        _ => None,
    }
}
