//! What one operation took.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::monitor::sample::ProcessSample;
use crate::monitor::{seconds, standing};
use crate::release::{End, Ended, Openings, Release};
use crate::resource::Bytes;

/// What one operation took.
#[derive(Debug, Clone, Serialize)]
pub struct OperationAccount {
    /// Its name.
    pub name: String,
    /// How it ended.
    #[serde(serialize_with = "end_name")]
    pub end: End,
    /// How long it took, its releases included.
    #[serde(rename = "took_seconds", serialize_with = "seconds::serialize")]
    pub took: Duration,
    /// The memory of the process.
    pub memory: MemoryAccount,
    /// The file descriptors of the process before it and after it.
    pub handles: Option<(u64, u64)>,
    /// What its thread opened, by kind and place.
    pub opened: Vec<ResourceAccount>,
    /// What its thread opened and what is still open after its end, by kind and place.
    pub left: Vec<ResourceAccount>,
    /// Resources that its thread opened and that no ledger has: nobody can say whether they are open.
    pub untracked: u64,
    /// Resources that are in neither list: they list so many places and no more.
    pub unlisted: u64,
    /// The releases of what it held, in the order in which they were made. A panic leaves none: they
    /// are in the history of the [`Backstop`](crate::Backstop).
    #[serde(skip)]
    pub releases: Vec<Release>,
    /// The callbacks that panicked, by name, with what they said.
    pub failed_callbacks: Vec<(&'static str, String)>,
}

/// The memory of the process during an operation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct MemoryAccount {
    /// Resident before it.
    pub before: Bytes,
    /// Resident after it.
    pub after: Bytes,
    /// The most that was resident.
    pub peak: Peak,
    /// Handed out by the allocator and not given back, before it and after it; `None` if the program's
    /// allocator is not the C library's.
    pub in_use: Option<(Bytes, Bytes)>,
}

/// The most memory that was resident during an operation.
///
/// The kernel keeps the highest mark of a process's whole life, which is told without a look at any
/// page. If the mark rose meanwhile, the peak is the new mark. If it did not, the peak is below the
/// mark, and at least the highest of all looks: one before, one after, and each
/// [`look`](super::Operation::look) in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Peak {
    /// The most that was seen.
    pub bytes: Bytes,
    /// Whether it was exactly that much, and not possibly more between two looks.
    pub is_exact: bool,
}

/// Resources of one kind from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceAccount {
    /// The kind.
    pub kind: String,
    /// Where in the code.
    pub site: String,
    /// How many.
    pub count: u64,
    /// What they occupy, as far as they are open.
    pub bytes: Bytes,
    /// How many handles, as far as they are open.
    pub handles: u64,
    /// Which one the first of them is, for people; only of those that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// The state before an operation.
pub(super) struct Began {
    pub(super) name: String,
    at: Instant,
    before: ProcessSample,
    in_use: Option<Bytes>,
    /// The most that was resident at any look.
    pub(super) highest: Bytes,
}

impl Began {
    pub(super) fn now(name: String) -> Self {
        let before = standing::now();
        Self {
            name,
            in_use: standing::heap_in_use(&before),
            highest: before.resident,
            before,
            // Last: the looks before it are not the operation's time.
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
        let after = standing::now();
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
                in_use: self.in_use.zip(standing::heap_in_use(&after)),
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
                // The mark is brought up to date now and then only.
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

/// What is still open, by kind and place, the most numerous first.
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
    /// What the operation left in memory, in bytes; less than zero if it gave back more than it took.
    ///
    /// By what the allocator handed out, where that is known: memory that was freed and that the
    /// allocator keeps is not in it. Else by what is resident.
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
