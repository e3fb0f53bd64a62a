//! The contract of an adapter.

use std::borrow::Cow;

use super::{Footprint, Kind, Presence, Progress, Recipe, Step};
use crate::error::Error;

/// Something that must be released.
///
/// An implementation describes itself, releases on request and checks that it is gone. It decides
/// nothing: when to release, how long to wait, how often to retry and what to report is up to the
/// ladder and the policy.
///
/// # Guarantees
/// - [`release`](Self::release) is called until it is done or the ladder ends: first with
///   [`Rung::Ask`](super::Rung::Ask), then `Insist`, then `Force`, never after a verification found
///   the resource gone.
/// - At most one call runs at a time *unless a call outlives its deadline*: that call is abandoned
///   on its thread, and the next rung is called from another thread. An implementation that shares
///   state between rungs must tolerate that, which is why every method takes `&self`.
/// - In a forked child no method is called.
///
/// # Examples
/// ```
/// use std::borrow::Cow;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use backstop_core::error::Error;
/// use backstop_core::resource::{Kind, Presence, Progress, Step, TrackedResource};
///
/// struct Door(AtomicBool);
///
/// impl TrackedResource for Door {
///     fn kind(&self) -> Kind {
///         Kind::new("example.door")
///     }
///     fn label(&self) -> Cow<'static, str> {
///         "front".into()
///     }
///     fn release(&self, _: &Step) -> Result<Progress, Error> {
///         self.0.store(false, Ordering::Release);
///         Ok(Progress::Done)
///     }
///     fn verify(&self) -> Presence {
///         match self.0.load(Ordering::Acquire) {
///             true => Presence::present("the wind"),
///             false => Presence::Gone,
///         }
///     }
/// }
///
/// let door = backstop_core::track(Door(AtomicBool::new(true)));
/// assert!(door.release().outcome.is_released());
/// ```
pub trait TrackedResource: Send + Sync + 'static {
    /// Its kind, such as `tempfs.dir`.
    fn kind(&self) -> Kind;

    /// Identifies it for people: a path, a URL, a command. A `&'static str` costs nothing to track;
    /// an owned string is copied into the ledger.
    fn label(&self) -> Cow<'static, str>;

    /// What it occupies now. Called once, when it is tracked; report later changes with
    /// [`Tracked::set_footprint`](crate::release::Tracked::set_footprint).
    fn footprint(&self) -> Footprint {
        Footprint::default()
    }

    /// How another process can release it if this process is killed; `None` if it ends with the
    /// process.
    fn recipe(&self) -> Option<Recipe> {
        None
    }

    /// Whether a release can block. `Never` runs it on the releasing thread, without a deadline.
    fn blocking(&self) -> Blocking {
        Blocking::Possible
    }

    /// Releases it, as forcefully as `step.rung` says and no later than `step.deadline`.
    ///
    /// [`Progress::Pending`] means that the release is under way: the ladder then verifies until
    /// the rung's deadline.
    ///
    /// # Errors
    /// The release failed. After an error that [can be retried](Error::can_retry) it is retried on
    /// the same rung, otherwise on the next.
    fn release(&self, step: &Step) -> Result<Progress, Error>;

    /// Checks whether it is gone with a probe of its own, never by remembering the result of
    /// `release`.
    fn verify(&self) -> Presence;
}

/// Whether releasing a resource can block its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blocking {
    /// It waits for a disk, a process, a device or a peer. Runs on a thread with a deadline.
    #[default]
    Possible,
    /// It only accesses memory of this process, and takes no lock that is held for long.
    Never,
}
