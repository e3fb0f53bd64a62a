//! Letting go: guards, the ladder, scopes, pools and shutdown.
//!
//! Takes resources and policies; gives guards that release exactly once, a verified outcome for each
//! release, and a bounded history of them. [`Backstop`] ties a ledger, the policies and the history of
//! one process together.

mod backstop;
mod tracked;

mod backtraces;
mod births;
mod builder;
mod caches;
mod cancel;
mod cell;
mod clock;
mod deadline_call;
mod enforcement;
mod history;
mod intent;
mod ladder;
mod open_resource;
mod owned;
mod pool;
mod record;
mod release_all;
mod right;
mod scope;
mod selection;
mod shelves;
pub mod shutdown;
mod tally;

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
pub use open_resource::OpenResource;
pub use owned::{Owned, OwnedAccess};
pub use pool::{Borrowed, Loan, Pool, PoolOptions, PoolStatistics};
pub use record::{Cause, Outcome, Release};
pub use release_all::ReleaseReport;
pub use scope::{BulkError, End, Ended, Held, Scope, ScopeError};
pub use selection::{Candidate, Standing};
pub use tracked::{Revoked, Tracked};

pub(crate) use births::{BirthBook, Births, StillOpen};
