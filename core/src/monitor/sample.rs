//! One look at everything.

mod ledger;
mod process;
mod system;

use serde::{Deserialize, Serialize};

pub use ledger::{Holding, HoldingLimit, LedgerSample, LedgerTally, SiteTally};
pub use process::{HeapSample, ProcessSample};
pub use system::{CgroupSample, DiskSample, Pressure, SystemSample};

use super::moment::{Disturbance, Moment};

/// What was seen at one moment. What could not be told is `None`, and never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Moment,
    /// What happened to the clocks since the sample before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disturbances: Vec<Disturbance>,
    /// The process that is watched, or all of a tree added up.
    pub process: ProcessSample,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemSample>,
    /// The ledger of that process, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerSample>,
}
