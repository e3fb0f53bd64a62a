//! Which entries count as leftovers.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backstop_core::error::{Error, ErrorKind, Stage};

/// Selects the entries of a directory with a name prefix and a minimum age as leftovers.
///
/// # Guarantees
/// A directory is treated as a unit, by its newest member. An entry that another process has locked is
/// never touched: the lock is checked first, then the age. Entries of other users, mount points, devices,
/// bound sockets, files with the sticky bit, and directories that cannot be read completely are kept.
///
/// # When it does not hold
/// An open file without a lock does not count as in use: a program that keeps files open beyond the age
/// must lock them (`flock`). The age is by the system clock; setting the clock back makes files appear
/// younger.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_tempfs::orphans::{OrphanRule, SweepMode};
///
/// # let place = backstop_tempfs::temp_dir()?;
/// # std::fs::write(place.path().join("frames-1"), "").unwrap();
/// # let directory = place.path();
/// let rule = OrphanRule::new(directory, "frames-")?.older_than(Duration::from_secs(7200));
/// let report = rule.sweep(SweepMode::DryRun)?;
/// assert!(report.entries[0].why.contains("the rule requires 2.0 h"));
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
    /// The default age: one day.
    pub const DEFAULT_AGE: Duration = Duration::from_secs(24 * 3600);

    /// The names in `directory` that begin with `prefix`.
    ///
    /// # Errors
    /// The prefix is empty or `.`, which would match too much, or cannot be part of a file name.
    pub fn new(directory: impl Into<PathBuf>, prefix: impl Into<String>) -> Result<Self, Error> {
        let prefix = prefix.into();
        let fault = if prefix.is_empty() {
            "the prefix of an orphan rule is empty and would match every name"
        } else if prefix == "." || prefix == ".." {
            "the prefix of an orphan rule would match the names of every hidden file"
        } else if prefix.contains(['/', '\0']) {
            "the prefix of an orphan rule cannot be part of a file name"
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

    /// Minimum age. Default: 24 hours.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }

    /// The reference time for ages. Default: the system time at the sweep.
    #[must_use]
    pub fn at(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The name prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Minimum age.
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
