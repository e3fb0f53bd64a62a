//! Reports on a program's history, and their renderings.
//!
//! Takes a history; returns an [`Account`] of a period of it: peaks, growth, findings, alerts,
//! releases, and what is unknown and why, as text, Markdown, JSON or one HTML file.
//!
//! # Examples
//! ```
//! use backstop_core::monitor::{Observation, Observer};
//! use backstop_service::report::{Account, Request};
//! use backstop_service::history::History;
//! # use backstop_core::monitor::{Moment, Sample};
//! # let place = tempfile::tempdir()?;
//! # let directory = place.path().join("history");
//! # let sample = Sample {
//! #     at: Moment::now(),
//! #     disturbances: Vec::new(),
//! #     left_out: Vec::new(),
//! #     process: Default::default(),
//! #     system: None,
//! #     ledger: None,
//! # };
//!
//! let history = History::at(directory);
//! let mut writer = history.writer()?;
//! writer.observe(&Observation { sample, changes: Vec::new(), open: Vec::new() });
//! drop(writer);
//!
//! let account = Account::of(&history, &Request::last(std::time::Duration::from_secs(60)))?;
//! assert_eq!(account.samples.count, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod quantity;
mod series;

mod account;

mod health;

mod checkup;

mod machine;

mod render;

pub use account::{
    Account, EventCount, FindingAccount, FindingState, FindingsAccount, Gap, GapReason, Gaps,
    KindAccount, MinMeanMax, PeriodAccount, Releases, Request, RunAccount, RunState, Samples,
    SiteAccount, Span, Unknown, View,
};
pub use checkup::{CheckTarget, Checkup, ProgramHealth};
pub use health::{Health, HealthIndicator, HealthKind, HealthVerdict};
pub use machine::{Disk, Machine};
pub use series::{Measure, Point, Series};
