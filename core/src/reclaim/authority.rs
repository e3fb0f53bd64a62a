//! The right to reclaim.

use std::marker::PhantomData;

use backstop_os::claim::Claim;

use crate::ledger::Lease;

/// The right to delete or kill for a dead owner, which every function that does so takes as an argument.
/// It exists only while the lock that proves it is held.
///
/// There are two ways to get one, and a search for their names finds every place that destroys: a
/// [`Sweep`](super::Sweep) makes one from the lease of a dead owner's ledger, which it has won, and hands
/// it to a [`Reclaimer`](super::Reclaimer); and an adapter's rule makes one [by its
/// claim](Self::by_claim). An owner that releases its own resource needs none.
///
/// # When it does not hold
/// It says that nothing uses what is reclaimed, not that it is the recorded one: that is for the function
/// that takes it to prove. The calls of the operating system beneath, in `backstop_os`, take none.
///
/// # Examples
/// Without a lock there is none:
/// ```compile_fail
/// let authority = backstop_core::reclaim::Authority::default();
/// ```
#[derive(Debug)]
pub struct Authority<'a>(PhantomData<&'a ()>);

impl<'a> Authority<'a> {
    /// For a sweep that won the lease of a dead owner's ledger.
    pub(super) fn of_sweep(_won: &'a Lease) -> Self {
        Self(PhantomData)
    }

    /// For an adapter's rule that claimed the entry it judges: the claim is the proof that no process uses
    /// that entry, and holds its lock where it can have one.
    ///
    /// # Examples
    /// ```
    /// use std::ffi::OsStr;
    ///
    /// use backstop_core::reclaim::Authority;
    /// use backstop_os::claim::Claims;
    /// use backstop_os::directory::Directory;
    ///
    /// # let place = tempfile::tempdir()?;
    /// # std::fs::create_dir(place.path().join("job-1"))?;
    /// # let path = place.path();
    /// let directory = Directory::open(path)?;
    /// if let Ok(claim) = Claims::new().claim(&directory, OsStr::new("job-1"), None) {
    ///     let authority = Authority::by_claim(&claim);
    ///     // …
    ///     # drop(authority);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn by_claim(_won: &'a Claim) -> Self {
        Self(PhantomData)
    }
}
