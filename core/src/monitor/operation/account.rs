//! The record of one operation.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::monitor::sample::ProcessSample;
use crate::monitor::{own_snapshot, seconds};
use crate::release::{End, Ended, Openings, Release};
use crate::resource::Bytes;

/// The record of one operation.
#[derive(Debug, Clone, Serialize)]
pub struct OperationAccount {
    /// Its name.
    pub name: String,
    /// How it ended.
    #[serde(serialize_with = "end_name")]
    pub end: End,
    /// How long it took, including its releases.
    #[serde(rename = "took_seconds", serialize_with = "seconds::serialize")]
    pub took: Duration,
    /// The memory of the process.
    pub memory: MemoryAccount,
    /// The process's open file descriptors before and after it.
    pub handles: Option<(u64, u64)>,
    /// What its thread opened, by kind and site.
    pub opened: Vec<ResourceAccount>,
    /// What its thread opened and is still open after its end, by kind and site.
    pub left: Vec<ResourceAccount>,
    /// Resources that its thread opened without a place in a ledger: whether they are open is
    /// unknown.
    pub untracked: u64,
    /// Resources beyond the maximum number of sites in both lists.
    pub unlisted: u64,
    /// The releases of what it held, in order. After a panic this is empty: they are in the history
    /// of the [`Backstop`](crate::Backstop).
    #[serde(skip)]
    pub releases: Vec<Release>,
    /// The callbacks that panicked, by name, with their messages.
    pub failed_callbacks: Vec<(&'static str, String)>,
}

/// The memory of the process during an operation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MemoryAccount {
    /// Resident memory before it.
    pub before: Bytes,
    /// Resident memory after it.
    pub after: Bytes,
    /// Peak resident memory.
    pub peak: Peak,
    /// Memory in use in the allocator, before and after it; `None` if the program's allocator is
    /// not the C library's.
    pub in_use: Option<(Bytes, Bytes)>,
}

/// Peak resident memory during an operation.
///
/// The kernel keeps the high-water mark of a process's whole life, which is read without visiting
/// any page. If the mark rose in the meantime, the peak is the new mark. If it did not, the peak is
/// below the mark, and at least the highest of all samples: one before, one after, and each
/// [`sample_memory`](super::Operation::sample_memory) in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Peak {
    /// The highest value sampled.
    pub bytes: Bytes,
    /// Whether it is exact, or may have been higher between two samples.
    pub is_exact: bool,
}

/// Resources of one kind from one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceAccount {
    /// The kind.
    pub kind: String,
    /// The place in the code.
    pub site: String,
    /// How many.
    pub count: u64,
    /// What the open ones of them occupy.
    pub bytes: Bytes,
    /// File descriptors of the open ones of them.
    pub handles: u64,
    /// The label of the first of them; only if it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// The state before an operation.
pub(super) struct Began {
    pub(super) name: String,
    at: Instant,
    before: ProcessSample,
    in_use: Option<Bytes>,
    /// The highest resident memory in any sample.
    pub(super) highest: Bytes,
}

impl Began {
    pub(super) fn now(name: String) -> Self {
        let before = own_snapshot::now();
        Self {
            name,
            in_use: own_snapshot::heap_in_use(&before),
            highest: before.resident,
            before,
            // Last: the samples before it are not part of the operation's time.
            at: Instant::now(),
        }
    }

    /// Must be called when the scope has ended. `ended` is `None` after a panic.
    pub(super) fn account(
        &self,
        ended: Option<Ended<()>>,
        openings: &Openings,
    ) -> OperationAccount {
        let took = self.at.elapsed();
        let after = own_snapshot::now();
        let (end, releases, failed_callbacks) = match ended {
            Some(ended) => (ended.end, ended.releases, ended.failed_callbacks),
            None => (End::Panicked, Vec::new(), Vec::new()),
        };
        OperationAccount {
            name: self.name.clone(),
            end,
            took,
            memory: MemoryAccount {
                before: self.before.resident,
                after: after.resident,
                peak: self.peak(&after),
                in_use: self.in_use.zip(own_snapshot::heap_in_use(&after)),
            },
            handles: self.before.handles.zip(after.handles),
            opened: opened(openings),
            left: left(openings),
            untracked: openings.untracked,
            unlisted: openings.unlisted,
            releases,
            failed_callbacks,
        }
    }

    fn peak(&self, after: &ProcessSample) -> Peak {
        let highest = self.highest.max(after.resident);
        match (self.before.peak, after.peak) {
            (Some(before), Some(mark)) if mark > before => Peak {
                // The kernel updates the mark only now and then.
                bytes: mark.max(highest),
                is_exact: true,
            },
            _ => Peak {
                bytes: highest,
                is_exact: false,
            },
        }
    }
}

fn opened(openings: &Openings) -> Vec<ResourceAccount> {
    let accounts = openings.opened.iter().map(|opened| ResourceAccount {
        kind: opened.kind.to_string(),
        site: opened.site.to_string(),
        count: opened.count,
        bytes: Bytes(0),
        handles: 0,
        example: None,
    });
    let mut accounts: Vec<_> = accounts.collect();
    accounts.sort_by_key(|account| Reverse(account.count));
    accounts
}

/// What is still open, by kind and site, most numerous first.
pub(in crate::monitor) fn left(openings: &Openings) -> Vec<ResourceAccount> {
    let mut accounts = BTreeMap::new();
    for left in &openings.left {
        let place = (left.kind.to_string(), left.site.to_string());
        let account = accounts
            .entry(place)
            .or_insert_with_key(|(kind, site)| ResourceAccount {
                kind: kind.clone(),
                site: site.clone(),
                count: 0,
                bytes: Bytes(0),
                handles: 0,
                example: Some(left.label.clone()),
            });
        account.count += 1;
        account.bytes += left.footprint.bytes;
        account.handles += u64::from(left.footprint.handles);
    }
    let mut accounts: Vec<_> = accounts.into_values().collect();
    accounts.sort_by_key(|account| Reverse(account.count));
    accounts
}

fn end_name<S: serde::Serializer>(end: &End, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match end {
        End::Finished => "finished",
        End::Failed => "failed",
        End::Panicked => "panicked",
        End::Cancelled => "cancelled",
    })
}

impl MemoryAccount {
    /// The memory that the operation left in use, in bytes; negative if it freed more than it
    /// allocated.
    ///
    /// Based on the allocator's memory in use, where that is known: freed memory that the allocator
    /// keeps is not included. Otherwise based on resident memory.
    #[must_use]
    pub fn retained(&self) -> i64 {
        let (before, after) = self.in_use.unwrap_or((self.before, self.after));
        let signed = |bytes: Bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX);
        signed(after) - signed(before)
    }
}

impl OperationAccount {
    /// How many resources its thread opened.
    #[must_use]
    pub fn opened_count(&self) -> u64 {
        self.opened.iter().map(|account| account.count).sum::<u64>() + self.unlisted
    }

    /// How many of those are still open.
    #[must_use]
    pub fn left_count(&self) -> u64 {
        self.left.iter().map(|account| account.count).sum()
    }
}

impl fmt::Display for ResourceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} from {}", self.count, self.kind, self.site)?;
        match &self.example {
            Some(label) => write!(formatter, " ({label})"),
            None => Ok(()),
        }
    }
}
