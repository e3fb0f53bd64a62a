//! Tracks resources that an allocator does not, releases each by a policy, verifies that it is
//! gone, and reclaims what a killed program left behind. **Nothing your program opens outlives
//! it.**
//!
//! The modules are in the order in which data flows, and import only from earlier ones: `error`,
//! `resource → ledger → policy → release → monitor → reclaim`, and `place` last. Alerts, histories, reports, settings
//! and the service that runs them are in `backstop-service`.
//!
//! # Examples
//! ```
//! use backstop_core::resource::Kind;
//!
//! let port = backstop_core::track_with(Kind::new("example.port"), "serial 1", 9600, |_speed| {
//!     Ok::<(), std::io::Error>(())
//! });
//! let release = port.release();
//! assert!(release.outcome.is_released());
//! ```

pub mod error;
#[doc(hidden)]
pub mod kill_point;
mod sync;

pub mod text;

pub mod resource;

pub mod ledger;

pub mod policy;

pub mod release;

pub mod monitor;

pub mod reclaim;

pub mod place;

pub mod tree;

pub use release::Backstop;

use std::borrow::Cow;

use reclaim::Reclaimers;
use release::{Owned, Tracked};
use resource::{Kind, TrackedResource};

/// Tracks a resource in this process's [`Backstop`].
#[track_caller]
pub fn track<R: TrackedResource>(resource: R) -> Tracked<R> {
    Backstop::global().track(resource)
}

/// Tracks any value with a function that releases it, in this process's [`Backstop`]: for values
/// that no adapter covers.
///
/// # Examples
/// ```
/// use backstop_core::resource::Kind;
///
/// let port = backstop_core::track_with(Kind::new("example.port"), "serial 1", 9600, |speed| {
///     assert_eq!(speed, 9600);
///     Ok::<(), std::io::Error>(())
/// });
/// assert_eq!(*port.lock()?, 9600);
/// assert!(port.release().outcome.is_released());
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[track_caller]
pub fn track_with<T: Send + 'static, E>(
    kind: Kind,
    label: impl Into<Cow<'static, str>>,
    value: T,
    release: impl FnOnce(T) -> Result<(), E> + Send + 'static,
) -> Tracked<Owned<T>>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Backstop::global().track_with(kind, label, value, release)
}

impl Reclaimers {
    /// The reclaimers of every form of recipe that core knows: of what is local to this machine, whichever
    /// adapter made it. Add those of the adapters that the program uses.
    ///
    /// # Examples
    /// ```
    /// use backstop_core::reclaim::{Reclaimers, Sweep};
    ///
    /// let reclaimers = Reclaimers::local();
    /// let report = Sweep::new(&reclaimers).rehearse(true).run();
    /// println!("{} leftovers", report.items.len());
    /// ```
    #[must_use]
    pub fn local() -> Self {
        Self::new()
            .with(tree::TreeReclaimer)
            .with(place::EntryReclaimer)
    }
}
