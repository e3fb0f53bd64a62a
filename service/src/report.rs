//! The account of what was seen and done: the history that it is made from, and its renderings.
//!
//! Takes what a monitor observes and what alerts, remedies and releases tell; gives day files that anyone
//! can read, and of a span of them an [`Account`]: peaks, growth, findings, alerts, releases, and what is
//! not known and why, as text, Markdown, JSON or one HTML file. Nothing here is needed for the program to
//! go on: a disk that is full costs history, and the loss is counted and shown.
//!
//! # Examples
//! ```
//! use backstop_core::monitor::{Observation, Observer};
//! use backstop_service::report::{Account, Request};
//! use crate::history::History;
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

mod series;

mod account;

mod health;

mod checkup;

mod machine;

mod render;

pub use account::{
    Account, EventCount, FindingAccount, FindingState, FindingsAccount, Gap, GapReason, Gaps,
    KindAccount, PeriodAccount, Releases, Request, RunAccount, RunState, Samples, SiteAccount,
    Span, Spread, Unknown, View,
};
pub use checkup::{CheckTarget, Checkup, ProgramHealth};
pub use health::{Health, HealthIndicator, HealthKind, HealthVerdict};
pub use machine::{Disk, Machine};
pub use series::{Measure, Point, Series};
