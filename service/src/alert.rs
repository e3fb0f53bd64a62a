//! Alerts and remedies: findings that crossed a threshold, the sinks that they are delivered to,
//! and the actions that they trigger.
//!
//! Takes the observations of a monitor; delivers [`Alert`]s to [`Sink`]s, throttled and with every
//! loss disclosed, and runs remedies with a record of the usage before and after. Nothing here runs
//! on a thread of the monitored program.

mod level;
mod message;
mod rules;

mod alerts;
mod episode;
mod triage;

mod event_sink;
#[cfg(feature = "heap-profile")]
mod heap_profiles;
mod log_files;
mod rotated_file;
mod sink;
mod sink_worker;

mod remedy;

pub use alerts::{AlertBuilder, AlertStatistics, Alerts};
pub use event_sink::EventSink;
#[cfg(feature = "heap-profile")]
pub use heap_profiles::HeapProfiles;
pub use level::Level;
pub use log_files::{LogFile, LogFiles};
pub use message::{Alert, Transition};
pub use remedy::{
    FreeMemory, MemoryStage, Remedies, RemediesBuilder, Remedy, RemedyRecord, RemedyRefused,
    RemedyRehearsal, RemedyRules, RemedyStatistics, RemedyTrigger, Shrinkage, StepAccount,
    StepOutcome, UsageSnapshot,
};
pub use rotated_file::Rotation;
pub use rules::AlertRules;
pub use sink::{ChannelSink, Sink};
pub use sink_worker::SinkStatistics;
