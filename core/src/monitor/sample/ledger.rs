//! What a ledger holds, counted, and the few holdings that deserve a look.

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
    /// By site, those with the most resources; at most [`LedgerSample::SITES`].
    pub sites: Vec<SiteTally>,
    /// Sites beyond those, and what they have.
    pub other_sites: LedgerTally,
    /// Resources that could not be written into the ledger.
    pub untracked: u64,
    /// Resources held idle, over their time, or by a thread that has ended; the oldest first, at most
    /// [`LedgerSample::HOLDINGS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Holding>,
    /// Suspects beyond those.
    #[serde(default)]
    pub other_suspects: u64,
    /// Releases since the program began that ended verified or were not to be verified.
    #[serde(default)]
    pub released: u64,
    /// Releases since the program began that ended stuck.
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
    /// How many handles.
    pub handles: u64,
}

/// The resources of one kind that were opened at one place in the code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteTally {
    /// The kind.
    pub kind: String,
    /// Where in the code.
    pub site: String,
    /// What is open.
    #[serde(flatten)]
    pub tally: LedgerTally,
    /// The age of the oldest.
    #[serde(rename = "oldest_seconds", with = "seconds")]
    pub oldest: Duration,
}

/// One resource that deserves a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    /// Which one in its process.
    #[serde(skip)]
    pub id: Option<ResourceId>,
    /// The kind.
    pub kind: String,
    /// Which one, for people.
    pub label: String,
    /// Where in the code it was opened.
    pub site: String,
    /// How long it has been open.
    #[serde(rename = "age_seconds", with = "seconds")]
    pub age: Duration,
    /// How long nobody has touched it.
    #[serde(rename = "idle_seconds", with = "seconds")]
    pub idle: Duration,
    /// The thread that opened it.
    pub thread: u32,
    /// Whether that thread has ended.
    pub thread_ended: bool,
    /// Which limit it has passed: its policy's, or else the monitor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<HoldingLimit>,
    /// What it occupies.
    pub bytes: Bytes,
}

/// A limit for holdings, and how long it allows.
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
    /// The most sites that a sample lists.
    pub const SITES: usize = 64;
    /// The most holdings that a sample lists.
    pub const HOLDINGS: usize = 256;

    /// All resources that are open.
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
