//! The statistics of operations, by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::OperationAccount;
use super::spread::{Measure, Spread, TimeSpread};
use crate::release::End;
use crate::resource::Bytes;

/// The statistics of operations.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperationStatistics {
    /// By name: the first [`OperationStatistics::NAMES`] names.
    pub names: BTreeMap<String, NameStatistics>,
    /// Number of operations with other names, which are not in the statistics.
    pub unlisted: u64,
}

/// The operations with one name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NameStatistics {
    /// How many ended.
    pub count: u64,
    /// How many of them failed, panicked or were cancelled.
    pub failed: u64,
    /// How long they took.
    pub took: TimeSpread,
    /// Peak resident memory.
    pub peak: Spread,
    /// The bytes that they left in use; negative where they freed more than they allocated.
    pub retained: Spread,
    /// Resources that they opened.
    pub opened: u64,
    /// Resources that they opened and that were still open at their end.
    pub left: u64,
}

/// The statistics of the listed names.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: BTreeMap<String, Measures>,
    unlisted: u64,
}

#[derive(Debug, Default)]
struct Measures {
    took: Measure,
    peak: Measure,
    retained: Measure,
    count: u64,
    failed: u64,
    opened: u64,
    left: u64,
}

impl OperationStatistics {
    /// The maximum number of names. A program that puts a request's number into a name soon exceeds
    /// it.
    pub const NAMES: usize = 256;
}

impl Names {
    pub(super) fn add(&mut self, account: &OperationAccount) {
        let is_full = self.names.len() >= OperationStatistics::NAMES;
        if is_full && !self.names.contains_key(&account.name) {
            self.unlisted += 1;
            return;
        }
        self.names
            .entry(account.name.clone())
            .or_default()
            .add(account);
    }

    pub(super) fn statistics(&self) -> OperationStatistics {
        OperationStatistics {
            names: self
                .names
                .iter()
                .map(|(name, measures)| (name.clone(), measures.statistics()))
                .collect(),
            unlisted: self.unlisted,
        }
    }
}

impl Measures {
    fn add(&mut self, account: &OperationAccount) {
        self.took.add(clipped(account.took.as_nanos()));
        self.peak.add(clipped(account.memory.peak.bytes.0.into()));
        self.retained.add(account.memory.retained());
        self.count += 1;
        self.failed += u64::from(account.end != End::Finished);
        self.opened += account.opened_count();
        self.left += account.left_count();
    }

    fn statistics(&self) -> NameStatistics {
        NameStatistics {
            count: self.count,
            failed: self.failed,
            took: TimeSpread::of_nanoseconds(self.took.spread()),
            peak: self.peak.spread(),
            retained: self.retained.spread(),
            opened: self.opened,
            left: self.left,
        }
    }
}

fn clipped(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl fmt::Display for OperationStatistics {
    /// One line for each name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, one) in &self.names {
            writeln!(
                formatter,
                "{name}: {} runs, {} failed; {:.1?} (95 % {:.1?}, longest {:.1?}); peak {}; \
                 {} B left in memory on average; {} resources opened, {} left",
                one.count,
                one.failed,
                one.took.mean,
                one.took.p95,
                one.took.max,
                Bytes(one.peak.max.unsigned_abs()),
                one.retained.mean,
                one.opened,
                one.left,
            )?;
        }
        if self.unlisted > 0 {
            writeln!(
                formatter,
                "{} operations with further names are not listed",
                self.unlisted
            )?;
        }
        Ok(())
    }
}
