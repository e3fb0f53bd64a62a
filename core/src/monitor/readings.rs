//! Expensive readings: how often each was taken and left out.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A reading that has a budget, and is left out of a sample when it is over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExpensiveReading {
    /// The ledger, resource by resource.
    Ledger,
    /// The figures of the C library's allocator.
    Heap,
    /// The number of children.
    Children,
    /// The proportional share of memory.
    Proportional,
    /// Sockets.
    Sockets,
    /// Open files, of each member of a tree.
    Handles,
    /// The limit of open files.
    HandleLimit,
    /// The peak of memory.
    Peak,
}

/// How often an expensive reading was taken, and how often it was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingTally {
    /// How often it was taken.
    pub taken: u64,
    /// How often it was left out because earlier ones had cost more than their budget.
    pub left_out: u64,
}

/// How often each expensive reading was taken and left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "BTreeMap<ExpensiveReading, ReadingTally>",
    into = "BTreeMap<ExpensiveReading, ReadingTally>"
)]
pub struct Readings([ReadingTally; ExpensiveReading::ALL.len()]);

impl ExpensiveReading {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Ledger,
        Self::Heap,
        Self::Children,
        Self::Proportional,
        Self::Sockets,
        Self::Handles,
        Self::HandleLimit,
        Self::Peak,
    ];

    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Heap => "heap",
            Self::Children => "children",
            Self::Proportional => "proportional",
            Self::Sockets => "sockets",
            Self::Handles => "handles",
            Self::HandleLimit => "handle-limit",
            Self::Peak => "peak",
        }
    }
}

impl fmt::Display for ExpensiveReading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl ReadingTally {
    /// How often it was due.
    #[must_use]
    pub fn due(self) -> u64 {
        self.taken.saturating_add(self.left_out)
    }
}

impl Readings {
    /// Of one of them.
    #[must_use]
    pub fn of(&self, reading: ExpensiveReading) -> ReadingTally {
        self.0[reading as usize]
    }

    /// Those that were due, each with how often.
    pub fn iter(&self) -> impl Iterator<Item = (ExpensiveReading, ReadingTally)> + '_ {
        let all = ExpensiveReading::ALL.into_iter();
        all.map(|reading| (reading, self.of(reading)))
            .filter(|(_, tally)| tally.due() > 0)
    }

    pub(super) fn take(&mut self, reading: ExpensiveReading) {
        self.0[reading as usize].taken += 1;
    }

    pub(super) fn leave_out(&mut self, reading: ExpensiveReading) {
        self.0[reading as usize].left_out += 1;
    }

    /// Those that were left out, once each.
    pub(super) fn left_out(&self) -> Vec<ExpensiveReading> {
        let left_out = self.iter().filter(|(_, tally)| tally.left_out > 0);
        left_out.map(|(reading, _)| reading).collect()
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            sum.taken = sum.taken.saturating_add(more.taken);
            sum.left_out = sum.left_out.saturating_add(more.left_out);
        }
    }
}

impl From<BTreeMap<ExpensiveReading, ReadingTally>> for Readings {
    fn from(map: BTreeMap<ExpensiveReading, ReadingTally>) -> Self {
        let mut readings = Self::default();
        for (reading, tally) in map {
            readings.0[reading as usize] = tally;
        }
        readings
    }
}

impl From<Readings> for BTreeMap<ExpensiveReading, ReadingTally> {
    fn from(readings: Readings) -> Self {
        readings.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_place_and_its_name_is_the_one_in_json() {
        for (index, reading) in ExpensiveReading::ALL.into_iter().enumerate() {
            assert_eq!(reading as usize, index);
            let json = serde_json::to_string(&reading).unwrap();
            assert_eq!(json, format!("\"{reading}\""));
        }
    }

    #[test]
    fn tallies_survive_json_and_those_never_due_are_not_in_it() {
        let mut readings = Readings::default();
        readings.take(ExpensiveReading::Ledger);
        readings.leave_out(ExpensiveReading::Ledger);
        let json = serde_json::to_string(&readings).unwrap();
        assert_eq!(json, r#"{"ledger":{"taken":1,"left_out":1}}"#);
        assert_eq!(serde_json::from_str::<Readings>(&json).unwrap(), readings);
        assert_eq!(readings.left_out(), [ExpensiveReading::Ledger]);
    }
}
