//! Releasing resources: guards, the ladder, scopes, pools and shutdown.
//!
//! Takes resources and policies; returns guards that release exactly once, a verified outcome for each
//! release, and a bounded history of them. [`Backstop`] ties a ledger, the policies and the history of
//! one process together.

mod backstop;
mod tracked;

mod askers;
mod backtraces;
mod builder;
mod caches;
mod cancel;
mod clock;
mod deadline_call;
mod enforcement;
mod history;
mod inline_release;
mod intent;
mod ladder;
mod loan;
mod open_resource;
mod openings;
mod outside_record;
mod owned;
mod pool;
mod record;
mod release_all;
mod release_claim;
mod release_one;
mod scope;
mod selection;
pub mod shutdown;
mod slots;
mod tally;
mod tracked_state;
mod tracking;

pub use backstop::Backstop;
pub use backtraces::{BacktraceCounts, BacktraceSampling, SampledBacktrace, SiteBacktraces};
pub use builder::{Builder, Tracking};
pub use caches::{Caches, Registration, Shrink};
pub use cancel::{CancelToken, Cancelled};
pub use clock::{Clock, ManualClock};
pub use deadline_call::{CallError, DeadlineCall, panic_text, within};
pub use enforcement::Enforcement;
pub use history::{KindStatistics, Statistics};
pub use intent::{Intent, IntentDraft};
pub use loan::{Loan, PoolStatistics};
pub use open_resource::OpenResource;
pub use owned::{Owned, OwnedAccess};
pub use pool::{Borrowed, Pool, PoolOptions};
pub use record::{Cause, Outcome, Release};
pub use release_all::ReleaseReport;
pub use scope::{BulkError, End, Ended, Held, Scope, ScopeError};
pub use selection::{Candidate, ResourceStatus};
pub use tracked::{Revoked, Tracked};

pub(crate) use openings::{OpeningBook, Openings, StillOpen};
