//! Heap profiles on alerts about memory.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::level::Level;
use super::message::{Alert, Transition};
use super::sink::Sink;
use crate::heap_profile::{Occasion, ProfileDirectory};
use backstop_core::error::Error;
use backstop_core::monitor::FindingKind;

/// Writes a heap profile into a directory when an alert reports that memory grows or is near a
/// limit: which call stacks had the memory at that time. Needs the feature `heap-profile` and [its
/// requirements](crate::heap_profile).
///
/// A profile is written as pprof and as a flame graph of the same moment, named by its time and the
/// alert's level (`heap-20260131T235959.123Z-error.svg`). No profile is written when an alert eases
/// or is resolved. The directory is created with the first one. If profiling is off or the disk is
/// full, each such alert is an error, which [`Alerts`](super::Alerts) counts and shows.
///
/// # When it does not hold
/// - Symbolization takes long in a large program with debug information. Beyond the alerts' time
///   limit the profile is still written, but counted as lost.
/// - Several programs with one directory remove each other's profiles: use one directory per
///   program.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_service::alert::{Alerts, HeapProfiles, Level};
///
/// let profiles = HeapProfiles::new("/var/lib/example/heap")
///     .with_level(Level::Warning)
///     .with_interval(Duration::from_secs(600));
/// let alerts = Alerts::builder().sink("heap profiles", profiles).start()?;
/// # drop(alerts);
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Debug)]
pub struct HeapProfiles {
    directory: ProfileDirectory,
    level: Level,
    interval: Duration,
    /// When the last profile was written, without time suspended.
    last: Option<Duration>,
}

impl HeapProfiles {
    /// Profiles in this directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: ProfileDirectory::new(directory.into()),
            level: Level::Error,
            interval: Duration::from_secs(3600),
            last: None,
        }
    }

    /// The lowest level of alerts that triggers a profile. Default: [`Level::Error`].
    #[must_use]
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The minimum time between profiles, whatever the alerts. A failed profile does not count.
    /// Default: an hour.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many profiles are kept in the directory, each of two files; the oldest are removed.
    /// Default: eight.
    #[must_use]
    pub fn with_kept(mut self, profiles: NonZeroUsize) -> Self {
        self.directory.kept = profiles;
        self
    }

    fn is_wanted(&self, alert: &Alert) -> bool {
        let rests = |last| alert.at.awake.saturating_sub(last) < self.interval;
        is_about_memory(alert.finding.kind)
            && alert.level >= self.level
            && !matches!(alert.transition, Transition::Eased | Transition::Resolved)
            && !self.last.is_some_and(rests)
    }
}

impl Sink for HeapProfiles {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        if !self.is_wanted(alert) {
            return Ok(());
        }
        let profile = self
            .directory
            .write(alert.at.time, Occasion::from(alert.level))?;
        self.last = Some(alert.at.awake);
        tracing::info!(path = %profile.path.display(), "wrote a heap profile");
        Ok(())
    }
}

impl From<Level> for Occasion {
    fn from(level: Level) -> Self {
        match level {
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
            Level::Critical => Self::Critical,
        }
    }
}

/// Includes memory of C libraries: a monitor that does not know the memory of another allocator
/// attributes all of it to them.
fn is_about_memory(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::GrowingMemory
            | FindingKind::RetainedMemory
            | FindingKind::NativeMemory
            | FindingKind::MemoryNearLimit
            | FindingKind::SystemMemoryNearLimit
    )
}
