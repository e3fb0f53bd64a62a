//! The contents of a ledger, counted, and the few holdings that may be leaks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::monitor::seconds;
use crate::resource::{Bytes, ResourceId};

/// A ledger's live resources, counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerSample {
    /// By kind.
    pub kinds: BTreeMap<String, LedgerTally>,
    /// By site, those with most resources; at most [`LedgerSample::SITES`].
    pub sites: Vec<SiteTally>,
    /// The sum of all further sites.
    pub other_sites: LedgerTally,
    /// Resources that could not be recorded in the ledger.
    pub untracked: u64,
    /// Resources held idle, beyond their lifetime, or by a thread that has ended; oldest first, at
    /// most [`LedgerSample::HOLDINGS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Holding>,
    /// Number of further suspects.
    #[serde(default)]
    pub other_suspects: u64,
    /// Releases since the program started that were verified or needed no verification.
    #[serde(default)]
    pub released: u64,
    /// Releases since the program started that ended stuck.
    #[serde(default)]
    pub stuck: u64,
}

/// Resources, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerTally {
    /// How many are open.
    pub live: u64,
    /// What they occupy.
    pub bytes: Bytes,
    /// Number of file descriptors.
    pub handles: u64,
}

/// The resources of one kind that were opened at one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteTally {
    /// The kind.
    pub kind: String,
    /// The place in the code.
    pub site: String,
    /// The open resources.
    #[serde(flatten)]
    pub tally: LedgerTally,
    /// The age of the oldest.
    #[serde(rename = "oldest_seconds", with = "seconds")]
    pub oldest: Duration,
}

/// One resource that may be a leak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// Its identifier in its process.
    #[serde(skip)]
    pub id: Option<ResourceId>,
    /// The kind.
    pub kind: String,
    /// Its label, for people.
    pub label: String,
    /// Where in the code it was opened.
    pub site: String,
    /// How long it has been open.
    #[serde(rename = "age_seconds", with = "seconds")]
    pub age: Duration,
    /// How long it has been untouched.
    #[serde(rename = "idle_seconds", with = "seconds")]
    pub idle: Duration,
    /// The thread that opened it.
    pub thread: u32,
    /// Whether that thread has ended.
    pub thread_ended: bool,
    /// The limit that it has exceeded: its policy's, or else the monitor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<HoldingLimit>,
    /// What it occupies.
    pub bytes: Bytes,
}

/// A limit for holdings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HoldingLimit {
    /// How long it may be open.
    #[serde(rename = "lifetime_seconds", with = "seconds")]
    Lifetime(Duration),
    /// How long it may be open untouched.
    #[serde(rename = "idle_seconds", with = "seconds")]
    Idle(Duration),
}

impl LedgerSample {
    /// The maximum number of sites in a sample.
    pub const SITES: usize = 64;
    /// The maximum number of holdings in a sample.
    pub const HOLDINGS: usize = 256;

    /// Number of open resources.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.kinds.values().map(|tally| tally.live).sum()
    }

    /// The share of releases that succeeded, from 0 to 1; `None` before the first.
    #[must_use]
    pub fn success_share(&self) -> Option<f64> {
        let all = self.released + self.stuck;
        (all > 0).then(|| self.released as f64 / all as f64)
    }
}
