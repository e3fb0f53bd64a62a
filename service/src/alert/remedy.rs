//! What can be done about an alert, and the record of it.

mod remedies;
mod rules;

mod account;
mod act;
mod free_memory;
mod rate_limit;
mod record;
mod shrink_and_trim;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use backstop_core::monitor::FindingKind;

pub use account::{StepAccount, StepOutcome, UsageSnapshot};
pub use free_memory::{FreeMemory, MemoryStage};
pub use record::{RemedyRecord, RemedyRefused, RemedyRehearsal, RemedyTrigger};
pub use remedies::{Remedies, RemediesBuilder, RemedyStatistics};
pub use rules::RemedyRules;

/// What can be done about an alert, from the mildest to the harshest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Returns the memory that the C library's allocator caches to the kernel.
    Trim,
    /// Shrinks the registered caches.
    ShrinkCaches(Shrinkage),
    /// Releases what its policy requires.
    EnforcePolicies,
    /// Releases resources that were untouched for longer than this, unless their policy calls them
    /// critical.
    ReleaseIdle {
        /// The duration.
        longer_than: Duration,
    },
    /// Releases resources that are open for longer than this, unless their policy calls them
    /// critical.
    ReleaseOverAge {
        /// The duration.
        longer_than: Duration,
    },
    /// Releases resources that their policy calls expendable, in use or not.
    ReleaseExpendable,
    /// Runs the plan to free memory.
    FreeMemory,
    /// Releases everything, critical or not.
    ReleaseAll,
    /// Asks the program to terminate.
    Stop,
}

/// How far caches are shrunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shrinkage {
    /// To half of their size.
    Half,
    /// To nothing.
    All,
}

impl Remedy {
    /// The name, such as `shrink-caches`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::ShrinkCaches(_) => "shrink-caches",
            Self::EnforcePolicies => "enforce-policies",
            Self::ReleaseIdle { .. } => "release-idle",
            Self::ReleaseOverAge { .. } => "release-over-age",
            Self::ReleaseExpendable => "release-expendable",
            Self::FreeMemory => "free-memory",
            Self::ReleaseAll => "release-all",
            Self::Stop => "stop",
        }
    }

    /// Whether it can help against a finding of this kind: a trim only frees memory.
    #[must_use]
    pub const fn helps(self, kind: FindingKind) -> bool {
        match self {
            Self::Trim | Self::ShrinkCaches(_) | Self::FreeMemory => matches!(
                kind,
                FindingKind::GrowingMemory
                    | FindingKind::RetainedMemory
                    | FindingKind::NativeMemory
                    | FindingKind::MemoryNearLimit
                    | FindingKind::SystemMemoryNearLimit
            ),
            _ => true,
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details: Cow<'static, str> = match self {
            Self::ShrinkCaches(Shrinkage::Half) => " to half".into(),
            Self::ShrinkCaches(Shrinkage::All) => " to nothing".into(),
            Self::ReleaseIdle { longer_than } | Self::ReleaseOverAge { longer_than } => {
                format!(" beyond {longer_than:?}").into()
            }
            _ => "".into(),
        };
        write!(formatter, "{}{details}", self.name())
    }
}
