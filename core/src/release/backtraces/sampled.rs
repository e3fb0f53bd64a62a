//! Backtraces that were captured without names, and the names when they are shown.

use std::backtrace::Backtrace;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::release::deadline_call::{CallError, within};
use crate::resource::{Deadline, Kind, Site};

/// A backtrace without names.
#[derive(Clone)]
pub struct SampledBacktrace {
    /// Which capture at its place it was, counted from 1.
    pub number: u64,
    pub(super) trace: Arc<Backtrace>,
}

/// What is kept of one place.
#[derive(Debug, Clone)]
pub struct SiteBacktraces {
    /// What was opened there.
    pub kind: Kind,
    /// Where.
    pub site: Site,
    /// How many backtraces were captured there.
    pub captured: u64,
    /// Those that are kept, the first one first and the last one last.
    pub kept: Vec<SampledBacktrace>,
}

/// What was captured, and what of it is not kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BacktraceCounts {
    /// Backtraces that were captured.
    pub captured: u64,
    /// Backtraces that were replaced by later ones of their place.
    pub replaced: u64,
    /// Backtraces that went with places that were not seen for longest.
    pub evicted: u64,
    /// Captures that were skipped because another thread's was being stored.
    pub passed_over: u64,
}

impl SampledBacktrace {
    /// The backtrace with names, which are looked up now, on a thread of their own. The first time in a
    /// process takes some 150 ms.
    ///
    /// # Errors
    /// It took longer than `patience`.
    pub fn shown(&self, patience: Duration) -> Result<String, CallError> {
        let trace = Arc::clone(&self.trace);
        within(Deadline::after(patience), move || trace.to_string())
    }
}

impl fmt::Debug for SampledBacktrace {
    /// Without names: looking them up is too expensive for a plain print.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SampledBacktrace({})", self.number)
    }
}
