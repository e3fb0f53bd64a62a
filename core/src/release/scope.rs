//! A named piece of work that owns resources and releases them in reverse order.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::backstop::Backstop;
use super::cancel::{CancelToken, Cancelled};
use super::deadline_call::panic_text;
use super::record::{Cause, Outcome, Release};
use super::tracked::{Revoked, Tracked};
use super::tracked_state::{AnyShare, TrackedState};
use crate::ledger::{NewEntry, OpenEntry, Share, State};
use crate::resource::{Footprint, Kind, ResourceId, Rung, Site, TrackedResource};

/// A piece of work. What it holds is released when it ends, the last first, however it ends: by
/// [`finish`](Self::finish), by an error that drops it, by a panic, or because it was cancelled.
///
/// # Guarantees
/// Every release and every callback runs, even if earlier ones fail or panic. A failed or cancelled
/// scope runs its [`on_failure`](Self::on_failure) callbacks too, so that partial data goes and the
/// state is as before; a finished one does not.
///
/// # Examples
/// ```
/// use backstop_core::release::{Backstop, Tracking};
/// # use backstop_core::resource::Kind;
///
/// let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
/// let ended = backstop.scope("import").run(|scope| {
///     let connection = scope.hold(backstop.track_with(
///         Kind::new("example.connection"), "main", 7, |_| Ok::<_, std::io::Error>(()),
///     ));
///     scope.check()?;
///     Ok::<_, Box<dyn std::error::Error>>(42)
/// });
/// assert_eq!(ended.into_result().unwrap(), 42);
/// ```
#[must_use = "a scope ends when it is dropped"]
pub struct Scope {
    backstop: Backstop,
    name: Cow<'static, str>,
    entry: Option<OpenEntry>,
    token: CancelToken,
    steps: Vec<Step>,
}

/// What a scope does at its end, in reverse.
enum Step {
    Release(AnyShare),
    Callback(&'static str, When, Box<dyn FnOnce(End) + Send>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    Failure,
}

/// How a scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Its work was finished.
    Finished,
    /// It was dropped before its work was finished: an error, an early return.
    Failed,
    /// Its thread panicked.
    Panicked,
    /// Its token was cancelled.
    Cancelled,
}

/// A resource that a scope holds. Using it is all that can be done; the scope releases it.
#[derive(Clone)]
pub struct Held<R: TrackedResource>(Share<TrackedState, R>);

/// The result of a scope: the value of its body, and each release. Neither hides the other.
#[derive(Debug)]
#[must_use]
pub struct Ended<T> {
    /// The value of the body.
    pub value: T,
    /// How the scope ended.
    pub end: End,
    /// Its releases, in the order in which they were made.
    pub releases: Vec<Release>,
    /// The callbacks that panicked, by name, with what they said.
    pub failed_callbacks: Vec<(&'static str, String)>,
}

/// Why a scope has no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError<E> {
    /// Its body failed.
    #[error("the scope's body failed")]
    Body(#[source] E),
    /// It was cancelled before it ended.
    #[error("the scope was cancelled")]
    Cancelled,
}

impl Backstop {
    /// Begins a scope.
    #[track_caller]
    pub fn scope(&self, name: impl Into<Cow<'static, str>>) -> Scope {
        Scope::begin(*self, name.into(), None, CancelToken::new(), Site::caller())
    }
}

impl Scope {
    /// The kind of a scope's own entry in the ledger.
    pub const KIND: Kind = Kind::new("scope");

    fn begin(
        backstop: Backstop,
        name: Cow<'static, str>,
        parent: Option<ResourceId>,
        token: CancelToken,
        site: Site,
    ) -> Self {
        let entry = backstop.ledger().and_then(|ledger| {
            ledger.enter(&NewEntry {
                state: State::Live,
                kind: Self::KIND,
                site,
                label: &name,
                recipe: None,
                footprint: Footprint::default(),
                parent,
                now: backstop.now(),
            })
        });
        Self {
            backstop,
            name,
            entry,
            token,
            steps: Vec::new(),
        }
    }

    /// Begins a scope within this one: cancelled with it, and ended before it.
    #[track_caller]
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        let token = self.token.child();
        Self::begin(self.backstop, name.into(), self.id(), token, Site::caller())
    }

    /// Its place in the ledger, for resources that belong to it; `None` if it is untracked.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.entry.as_ref().map(OpenEntry::id)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The token by which it is cancelled.
    #[must_use]
    pub fn token(&self) -> CancelToken {
        self.token.clone()
    }

    /// For use with `?` between the steps of the work.
    ///
    /// # Errors
    /// The scope was cancelled.
    pub fn check(&self) -> Result<(), Cancelled> {
        self.token.check()
    }

    /// Holds a resource until the end.
    pub fn hold<R: TrackedResource>(&mut self, resource: Tracked<R>) -> Held<R> {
        let state = resource.into_state();
        self.steps.push(Step::Release(state.clone().into_any()));
        Held(state)
    }

    /// Opens one resource for each item, all or none: if one cannot be opened, or the scope is
    /// cancelled on the way, those opened before are released, the last first.
    ///
    /// # Errors
    /// The item at which it ended, what went wrong, and the releases that followed.
    pub fn hold_all<I, R, E>(
        &mut self,
        items: impl IntoIterator<Item = I>,
        mut open: impl FnMut(I) -> Result<Tracked<R>, E>,
    ) -> Result<Vec<Held<R>>, BulkError<E>>
    where
        R: TrackedResource,
    {
        let before = self.steps.len();
        let mut held = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let opened = match self.check() {
                Ok(()) => open(item).map_err(ScopeError::Body),
                Err(Cancelled) => Err(ScopeError::Cancelled),
            };
            match opened {
                Ok(resource) => held.push(self.hold(resource)),
                Err(error) => {
                    drop(held);
                    let mut ending = Ending::default();
                    ending.run(self.steps.split_off(before), End::Failed);
                    return Err(BulkError {
                        index,
                        error,
                        releases: ending.releases,
                    });
                }
            }
        }
        Ok(held)
    }

    /// Runs a callback at the end, in its turn among the releases.
    pub fn on_end(&mut self, name: &'static str, callback: impl FnOnce(End) + Send + 'static) {
        self.steps
            .push(Step::Callback(name, When::Always, Box::new(callback)));
    }

    /// Runs a callback at the end unless the work was finished: to undo what was begun.
    pub fn on_failure(&mut self, name: &'static str, callback: impl FnOnce(End) + Send + 'static) {
        self.steps
            .push(Step::Callback(name, When::Failure, Box::new(callback)));
    }

    /// Runs the work and ends the scope: finished if the body returned a value, failed if it returned an
    /// error, cancelled if the token was cancelled by then, whatever the body returned.
    ///
    /// A panic of the body ends the scope and is resumed.
    pub fn run<T, E>(
        mut self,
        body: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Ended<Result<T, ScopeError<E>>> {
        let value = match catch_unwind(AssertUnwindSafe(|| body(&mut self))) {
            Ok(value) => value,
            Err(panic) => {
                self.end(End::Panicked);
                std::panic::resume_unwind(panic);
            }
        };
        let (value, end) = match value {
            Err(error) => (Err(ScopeError::Body(error)), End::Failed),
            // Its value is partial data, and is dropped.
            Ok(_) if self.token.is_cancelled() => (Err(ScopeError::Cancelled), End::Cancelled),
            Ok(value) => (Ok(value), End::Finished),
        };
        let end = if self.token.is_cancelled() {
            End::Cancelled
        } else {
            end
        };
        let ending = self.end(end);
        Ended {
            value,
            end,
            releases: ending.releases,
            failed_callbacks: ending.failed_callbacks,
        }
    }

    /// Ends the scope with its work finished, unless it was cancelled.
    pub fn finish(mut self) -> Ended<()> {
        let end = if self.token.is_cancelled() {
            End::Cancelled
        } else {
            End::Finished
        };
        let ending = self.end(end);
        Ended {
            value: (),
            end,
            releases: ending.releases,
            failed_callbacks: ending.failed_callbacks,
        }
    }

    fn end(&mut self, end: End) -> Ending {
        let mut ending = Ending::default();
        ending.run(std::mem::take(&mut self.steps), end);
        // Work in a child scope or on another thread sees that it is over.
        self.token.cancel();
        if let Some(entry) = self.entry.take() {
            entry.close();
        }
        ending
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.entry.is_none() && self.steps.is_empty() {
            return;
        }
        let end = if std::thread::panicking() {
            End::Panicked
        } else if self.token.is_cancelled() {
            End::Cancelled
        } else {
            End::Failed
        };
        for (name, panic) in self.end(end).failed_callbacks {
            tracing::warn!(scope = %self.name, name, panic, "a callback panicked");
        }
    }
}

/// The end of a scope, as far as it has come.
#[derive(Default)]
struct Ending {
    releases: Vec<Release>,
    failed_callbacks: Vec<(&'static str, String)>,
}

impl Ending {
    fn run(&mut self, steps: Vec<Step>, end: End) {
        for step in steps.into_iter().rev() {
            match step {
                Step::Release(state) => {
                    self.releases
                        .push(Backstop::release_one(state, Cause::ScopeEnded, Rung::Ask));
                }
                Step::Callback(_, When::Failure, _) if end == End::Finished => {}
                Step::Callback(name, _, callback) => {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| callback(end))) {
                        self.failed_callbacks.push((name, panic_text(&*panic)));
                    }
                }
            }
        }
    }
}

/// Opening many ended at one of them.
#[derive(Debug, thiserror::Error)]
#[error("opening ended at item {index}")]
pub struct BulkError<E> {
    /// The item, counted from 0.
    pub index: usize,
    /// What went wrong.
    #[source]
    pub error: ScopeError<E>,
    /// The releases of those opened before.
    pub releases: Vec<Release>,
}

impl<T> Ended<T> {
    /// Whether everything that it held is gone and every callback ran.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failed_callbacks.is_empty()
            && !self
                .releases
                .iter()
                .any(|release| release.outcome.is_stuck())
    }

    /// The releases that ended stuck.
    pub fn stuck(&self) -> impl Iterator<Item = &Release> {
        self.releases
            .iter()
            .filter(|release| matches!(release.outcome, Outcome::Stuck { .. }))
    }
}

impl<T, E> Ended<Result<T, ScopeError<E>>> {
    /// The value of the body. Stuck releases are in the history, and were logged.
    ///
    /// # Errors
    /// The body failed, or the scope was cancelled.
    pub fn into_result(self) -> Result<T, ScopeError<E>> {
        self.value
    }
}

impl<R: TrackedResource> Held<R> {
    /// The resource, unless its release has begun.
    ///
    /// # Errors
    /// It was released: by the end of the scope, or before it by another caller.
    pub fn get(&self) -> Result<&R, Revoked> {
        if self.0.is_open() {
            Ok(&self.0.resource)
        } else {
            Err(Revoked {
                kind: self.0.kind,
                site: self.0.site,
            })
        }
    }

    /// Notes that it is in use.
    pub fn touch(&self) {
        let now = self.0.backstop.now();
        self.0.touch(now);
    }
}

impl<R: TrackedResource> Deref for Held<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.0.resource
    }
}

impl<R: TrackedResource> fmt::Debug for Held<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Held({} at {})", self.0.kind, self.0.site)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Scope({}, {} steps)",
            self.name,
            self.steps.len()
        )
    }
}
