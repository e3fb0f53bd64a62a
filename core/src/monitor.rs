//! Samples of a process, the system and the ledger, and the leaks and limits found in them.
//!
//! Takes the figures of the operating system and the ledgers; returns [`Sample`]s at intervals, and
//! [`Finding`]s that open with evidence and clear again. It releases nothing and sends no alerts:
//! code that wants to act on an [`Observation`] implements [`Observer`].
//! wants to act on an [`Observation`] is an [`Observer`].
//!
//! A sample of the own process costs some ten microseconds and opens no files; readings that are
//! expensive (proportional memory, sockets, the ledger's entries one by one) have a CPU-time
//! budget. A program that is monitored from outside takes no lock and makes no call for it. A
//! program that monitors itself does so on the monitor's thread, which locks each open resource for
//! a moment while it counts them, and the allocator's arenas one after the other while it reads
//! their figures; a thread that needs such a lock at that moment waits for it.
//!
//! # Examples
//! ```
//! use backstop_core::monitor::{Moment, Monitor};
//!
//! let mut watch = Monitor::builder().build()?;
//! let observation = watch.observe(Moment::now()).expect("this process is running");
//! assert!(observation.sample.process.resident.0 > 0);
//! # Ok::<(), backstop_core::error::Error>(())
//! ```

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
mod point;
mod recent;
mod series;
mod trend;

mod background;
mod builder;
mod cost;
mod pace;
mod short_window;
mod target;
mod watch;

mod dumps;
mod leak_check;
mod operation;
mod own_snapshot;

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
pub use finding::{Evidence, Finding, FindingKind, FindingSubject, Severity, Sparse, Unit};
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
