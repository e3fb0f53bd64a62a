//! Profiles of the heap at alerts about memory.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::level::Level;
use super::message::{Alert, Transition};
use super::sink::Sink;
use crate::heap_profile::{Occasion, ProfileDirectory};
use backstop_core::error::Error;
use backstop_core::monitor::FindingKind;

/// Writes a profile of the heap into a directory when an alert says that memory grows or is near a
/// limit: which stacks of calls had the memory, while it was so. Needs the feature `heap-profile` and
/// [what it takes](crate::heap_profile).
///
/// A profile is written as pprof and as a flame graph of the same moment, named by its time and the
/// alert's level (`heap-20260131T235959.123Z-error.svg`). An alert that says that it is less bad, or
/// over, is no occasion. The directory is made at the first one. Where profiling is off or the disk is
/// full, that is an error at each such alert, which [`Alerts`](super::Alerts) counts and shows.
///
/// # When it does not hold
/// - Looking up names takes long in a large program with debug information. Beyond the patience of the
///   alerts the profile is still written, but counted as lost.
/// - Several programs with one directory remove each other's profiles: give each its own.
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
    /// When the last profile was written, by the time that the machine was awake.
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

    /// From which level of alerts on. Default: [`Level::Error`].
    #[must_use]
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// How long after a profile no other is taken, whatever the alerts. One that could not be written
    /// does not count. Default: an hour.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many profiles are kept in the directory, each of two files; the oldest go. Default: eight.
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

/// What C libraries take is among it: a monitor that was not told what another allocator has handed out
/// takes all of that for theirs.
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
