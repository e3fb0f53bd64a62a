//! Any value, with the function that releases it.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::backstop::Backstop;
use super::tracked::Tracked;
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{Footprint, Kind, Presence, Progress, Site, Step, TrackedResource};

type Cause = Box<dyn std::error::Error + Send + Sync>;
type ReleaseFunction<T> = Box<dyn FnOnce(T) -> Result<(), Cause> + Send>;
type Probe = Box<dyn Fn() -> Presence + Send + Sync>;

/// A value of any type with the function that releases it: the resource behind
/// [`track_with`](crate::track_with).
///
/// The value is behind a lock, so that a release from another thread never takes it from its user: it
/// waits until the user is done, and the next use is answered with an error.
pub struct Owned<T> {
    kind: Kind,
    label: Cow<'static, str>,
    footprint: Footprint,
    held: Mutex<Option<(T, ReleaseFunction<T>)>>,
    released: AtomicBool,
    probe: Option<Probe>,
}

/// The value in use; it is not released meanwhile.
#[must_use]
pub struct OwnedAccess<'a, T>(MutexGuard<'a, Option<(T, ReleaseFunction<T>)>>);

impl Backstop {
    /// Tracks any value with the function that releases it, for what no adapter covers.
    ///
    /// The value is reached by [`lock`](Tracked::lock), which answers with an error once it was
    /// released. The result cannot be verified: the outcome is `released-unverified`, unless
    /// [`Owned::with_probe`] sets a probe.
    #[track_caller]
    pub fn track_with<T: Send + 'static, E>(
        &self,
        kind: Kind,
        label: impl Into<std::borrow::Cow<'static, str>>,
        value: T,
        release: impl FnOnce(T) -> Result<(), E> + Send + 'static,
    ) -> Tracked<Owned<T>>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.track(Owned::new(kind, label, value, release))
    }
}

impl<T: Send + 'static> Owned<T> {
    /// A value with the function that releases it.
    pub fn new<E: Into<Cause>>(
        kind: Kind,
        label: impl Into<Cow<'static, str>>,
        value: T,
        release: impl FnOnce(T) -> Result<(), E> + Send + 'static,
    ) -> Self {
        let release: ReleaseFunction<T> = Box::new(|value| release(value).map_err(Into::into));
        Self {
            kind,
            label: label.into(),
            footprint: Footprint::default(),
            held: Mutex::new(Some((value, release))),
            released: AtomicBool::new(false),
            probe: None,
        }
    }

    /// Sets the probe that checks whether it is gone.
    #[must_use]
    pub fn with_probe(mut self, probe: impl Fn() -> Presence + Send + Sync + 'static) -> Self {
        self.probe = Some(Box::new(probe));
        self
    }

    /// Sets its footprint.
    #[must_use]
    pub fn with_footprint(mut self, footprint: Footprint) -> Self {
        self.footprint = footprint;
        self
    }
}

impl<T: Send + 'static> Tracked<Owned<T>> {
    /// The value, until the access is dropped.
    ///
    /// # Errors
    /// It was released before this use.
    pub fn lock(&self) -> Result<OwnedAccess<'_, T>, Error> {
        let revoked = |site: Site| {
            Error::new(
                ErrorKind::Revoked,
                Stage::Use,
                "it was released before this use",
            )
            .with("opened at", site)
        };
        let held = self.held.lock();
        if held.is_none() {
            return Err(revoked(self.site()).of(format!("{} {}", self.kind, self.label)));
        }
        Ok(OwnedAccess(held))
    }
}

impl<T: Send + 'static> TrackedResource for Owned<T> {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn label(&self) -> Cow<'static, str> {
        self.label.clone()
    }

    fn footprint(&self) -> Footprint {
        self.footprint
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        let Some(mut held) = self.held.try_lock_until(step.deadline.instant()) else {
            return Err(Error::new(ErrorKind::Held, Stage::Release, "it is in use"));
        };
        let Some((value, release)) = held.take() else {
            return Ok(Progress::Done);
        };
        drop(held);
        release(value).map_err(|cause| {
            Error::new(ErrorKind::Io, Stage::Release, "its release function failed")
                .retry(crate::error::Retry::Never)
                .with_source(cause)
        })?;
        self.released.store(true, Ordering::Release);
        Ok(Progress::Done)
    }

    fn verify(&self) -> Presence {
        if let Some(probe) = &self.probe {
            return probe();
        }
        if self.released.load(Ordering::Acquire) {
            return Presence::unknown("its release function returned and no probe is set");
        }
        match self.held.try_lock() {
            None => Presence::present("its user"),
            Some(held) if held.is_some() => Presence::Present { holder: None },
            Some(_) => Presence::Present {
                holder: Some("its release function, which failed or has not returned".into()),
            },
        }
    }
}

impl<T> Deref for OwnedAccess<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        let (value, _) = self.0.as_ref().expect("an access is made of a held value");
        value
    }
}

impl<T> DerefMut for OwnedAccess<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let (value, _) = self.0.as_mut().expect("an access is made of a held value");
        value
    }
}
