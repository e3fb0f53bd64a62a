//! Seeing it coming: samples of a process, the system and the ledger, and findings made of them.
//!
//! Takes what the operating system and the ledgers tell; gives [`Sample`]s at intervals, and
//! [`Finding`]s that open with evidence and clear again. It releases nothing, and alerts nobody: whoever
//! wants to act on an [`Observation`] is an [`Observer`].
//!
//! One look at oneself costs some ten microseconds and keeps its files open; what is dearer (the
//! proportional share of memory, sockets, the ledger's entries one by one) has a budget of time. A program
//! that is watched from outside takes no lock and makes no call for it. One that watches itself does so on
//! the monitor's thread; this holds the lock of each open resource for a moment while it counts them, and
//! the allocator's account locks one arena after the other, so that a thread that is there at that moment
//! waits for it.

mod moment;
mod sample;

mod finding;
mod observation;

mod limits;
mod price;
mod readings;
mod seconds;

mod sampler;

mod findings;

mod detect;
mod leak_tally;
mod open_findings;
mod recent;
mod series;
mod trend;

mod background;
mod builder;
mod cost;
mod pace;
mod short_window;
mod watch;
mod watched;

mod dumps;
mod leak_check;
mod operation;
mod standing;

mod backtraces;
mod program;
mod suggestion;

pub use background::Monitor;
pub use backtraces::backtraces_of;
pub use builder::MonitorBuilder;
pub use cost::MonitorCost;
pub use dumps::{
    Comparison, Dumps, KindChange, MeasureChange, MemoryState, SiteChange, compare, dump,
};
pub use finding::{Evidence, Finding, FindingKind, Severity, Sparse, Subject, Unit};
pub use findings::{Findings, Loss};
pub use leak_check::{Leak, LeakCheck, LeakReport, LeakScope, LeakSort, Reach};
pub use leak_tally::LeakTally;
pub use limits::{LimitError, Limits, Steps};
pub use moment::{Disturbance, Moment};
pub use observation::{Change, Observation, Observer};
pub use operation::{
    Measured, MemoryAccount, NameStatistics, Operation, OperationAccount, OperationStatistics,
    Operations, Peak, ResourceAccount, Spread, TimeSpread, operation,
};
pub use price::Price;
pub use program::running_programs;
pub use readings::{ExpensiveReading, ReadingTally, Readings};
pub use sample::{
    CgroupSample, DiskSample, HeapSample, Holding, HoldingLimit, LedgerSample, LedgerTally,
    Pressure, ProcessSample, Sample, SiteTally, SystemSample,
};
pub use sampler::{
    LedgerSampler, OtherSampler, OwnSampler, SystemSampler, TableSampler, TreeSampler,
};
pub use suggestion::{Rule, Suggestion, suggestions};
pub use watch::Watch;
