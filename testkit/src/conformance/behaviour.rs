//! One promise, checked.

use super::fixture::Fixture;
use super::subject::Subject;

/// A behaviour by the name that its failure is reported with.
pub(super) struct Behaviour<S> {
    pub(super) name: &'static str,
    pub(super) run: fn(&Fixture<'_, S>) -> Ran,
}

/// Whether a behaviour was checked. One that does not hold panics.
pub(super) enum Ran {
    /// It was, and it holds.
    Held,
    /// This kind of resource has no such behaviour.
    NotApplicable(String),
    /// It cannot be checked on this machine.
    Skipped(String),
}

impl<S: Subject> Behaviour<S> {
    pub(super) fn new(name: &'static str, run: fn(&Fixture<'_, S>) -> Ran) -> Self {
        Self { name, run }
    }
}
