//! Which leftovers may go.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backstop_core::error::{Error, ErrorKind, Stage};

/// Entries of a directory whose names begin alike, and the age at which they are leftovers.
///
/// # Guarantees
/// A directory is judged as a unit, by its newest member. What somebody has locked is not even looked
/// at: the lock comes first, then the age. Left alone are other users' entries, mount points, devices,
/// bound sockets, files with the sticky bit, and directories that cannot be read to the end.
///
/// # When it does not hold
/// An open file without a lock is no sign of use: who keeps files open beyond the age locks them
/// (`flock`). The age is by the clock of the system, and a clock that was set back makes files young.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_tempfs::orphans::{OrphanRule, Rehearsal};
///
/// # let place = backstop_tempfs::temp_dir()?;
/// # std::fs::write(place.path().join("frames-1"), "").unwrap();
/// # let directory = place.path();
/// let rule = OrphanRule::new(directory, "frames-")?.older_than(Duration::from_secs(7200));
/// let report = rule.sweep(Rehearsal::DryRun)?;
/// assert!(report.entries[0].why.contains("the rule says 2.0 h"));
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanRule {
    directory: PathBuf,
    prefix: String,
    older_than: Duration,
    now: Option<SystemTime>,
}

impl OrphanRule {
    /// The age without another one said: a day.
    pub const DEFAULT_AGE: Duration = Duration::from_secs(24 * 3600);

    /// The names in `directory` that begin with `prefix`.
    ///
    /// # Errors
    /// The prefix is empty, which would match everything, or no part of a name.
    pub fn new(directory: impl Into<PathBuf>, prefix: impl Into<String>) -> Result<Self, Error> {
        let prefix = prefix.into();
        let fault = if prefix.is_empty() {
            "the prefix of an orphan rule is empty and would match every name"
        } else if prefix == "." || prefix == ".." {
            "the prefix of an orphan rule would match the names of every hidden file"
        } else if prefix.contains(['/', '\0']) {
            "the prefix of an orphan rule is no part of a file name"
        } else {
            return Ok(Self {
                directory: directory.into(),
                prefix,
                older_than: Self::DEFAULT_AGE,
                now: None,
            });
        };
        Err(Error::new(
            ErrorKind::Configuration,
            Stage::Configure,
            fault,
        ))
    }

    /// How old an entry must be. Default: 24 hours.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// The time by which ages are told. Default: the system's, at the sweep.
    #[must_use]
    pub fn at(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// Where it looks.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How the names begin.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How old an entry must be.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.older_than
    }

    pub(super) fn now(&self) -> SystemTime {
        self.now.unwrap_or_else(SystemTime::now)
    }

    pub(super) fn matches(&self, name: &std::ffi::OsStr) -> bool {
        name.as_encoded_bytes().starts_with(self.prefix.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_would_match_everything_is_refused() {
        for prefix in ["", ".", "..", "a/b", "a\0"] {
            let error = OrphanRule::new("/tmp", prefix).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{prefix:?}");
        }
        assert_eq!(
            OrphanRule::new("/tmp", "x").unwrap().age(),
            OrphanRule::DEFAULT_AGE
        );
    }
}
