//! One sample of everything.

mod ledger;
mod process;
mod system;

use serde::{Deserialize, Serialize};

pub use ledger::{Holding, HoldingLimit, LedgerSample, LedgerTally, SiteTally};
pub use process::{HeapSample, ProcessSample};
pub use system::{CgroupSample, DiskSample, Pressure, SystemSample};

use super::moment::{Disturbance, Moment};
use super::readings::{ExpensiveReading, Readings};

/// The figures of one moment. A figure that could not be read is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was taken.
    pub at: Moment,
    /// What happened to the clocks since the previous sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbances: Vec<Disturbance>,
    /// Which expensive readings were left out, because earlier ones had cost more than their budget. Of a
    /// tree: those that were left out of at least one member, for which its last value stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<ExpensiveReading>,
    /// The process that is watched, or all of a tree added up.
    pub process: ProcessSample,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemSample>,
    /// The ledger of that process, if it has one and it was not left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerSample>,
}

impl ExpensiveReading {
    /// Whether a sample has it.
    pub(super) fn is_in(self, sample: &Sample) -> bool {
        let process = &sample.process;
        match self {
            Self::Ledger => sample.ledger.is_some(),
            Self::Heap => process.heap.is_some(),
            Self::Children => process.children.is_some(),
            Self::Proportional => process.proportional.is_some(),
            Self::Sockets => process.sockets.is_some(),
            Self::Handles => process.handles.is_some(),
            Self::HandleLimit => process.handle_limit.is_some(),
            Self::Peak => process.peak.is_some(),
        }
    }
}

impl Readings {
    /// Counts what a sample has, and what was left out of it.
    pub fn observe(&mut self, sample: &Sample) {
        for reading in ExpensiveReading::ALL {
            if sample.left_out.contains(&reading) {
                self.leave_out(reading);
            } else if reading.is_in(sample) {
                self.take(reading);
            }
        }
    }
}
