//! The contract of an adapter.

use std::borrow::Cow;

use super::{Footprint, Kind, Presence, Progress, Recipe, Step};
use crate::error::Error;

/// Something that must be released.
///
/// An implementation describes itself, lets go when told to, and looks whether it is gone. It decides
/// nothing: when to release, how long to wait, how often to try and what to report is the ladder's
/// and the policy's.
///
/// # Guarantees
/// - [`release`](Self::release) is called until it is done or the ladder ends: first with
///   [`Rung::Ask`](super::Rung::Ask), then `Insist`, then `Force`, never after a verification found
///   the resource gone.
/// - It is called at most once at a time *unless a call outlives its deadline*: that call is abandoned
///   on its thread, and the next rung is called from another. An implementation that shares state
///   between rungs must bear that, which is why every method takes `&self`.
/// - In a forked child nothing is called.
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
    /// What it is, such as `tempfs.dir`.
    fn kind(&self) -> Kind;

    /// Which one it is, for people: a path, a URL, a command. A `&'static str` costs nothing to
    /// track; an owned string is copied into the ledger.
    fn label(&self) -> Cow<'static, str>;

    /// What it occupies now. Asked for once, when it is tracked;
    /// [`Tracked::set_footprint`](crate::release::Tracked::set_footprint) tells of changes.
    fn footprint(&self) -> Footprint {
        Footprint::default()
    }

    /// How someone else can release it if this process is killed; `None` if it dies with the process.
    fn recipe(&self) -> Option<Recipe> {
        None
    }

    /// Whether a release can block. `Never` runs it on the releasing thread, without a deadline.
    fn blocking(&self) -> Blocking {
        Blocking::Possible
    }

    /// Lets go, as gently as `step.rung` says and no later than `step.deadline`.
    ///
    /// [`Progress::Pending`] means that it was asked to go and will: the ladder then verifies until
    /// the rung's deadline.
    ///
    /// # Errors
    /// The resource could not let go. An error that [can be retried](Error::can_retry) is tried again
    /// on the same rung, any other goes on to the next.
    fn release(&self, step: &Step) -> Result<Progress, Error>;

    /// Looks whether it is gone: by a probe of its own, never by remembering what `release` said.
    fn verify(&self) -> Presence;
}

/// Whether releasing a resource can block its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blocking {
    /// It waits for something: a disk, a process, a device, a peer. Runs on a watched thread.
    #[default]
    Possible,
    /// It only touches memory of this process, and takes no lock that is held for long.
    Never,
}
