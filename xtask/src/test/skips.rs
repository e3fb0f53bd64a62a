//! The tests that said they could not run here.
//!
//! They say it in a file, since the runner hides what a passing test prints.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// The suites that must run in CI: each proves a promise that nothing else proves.
pub(crate) const REQUIRED_SUITES: &[&str] =
    &["browser", "cgroup", "subreaper", "pid-reuse", "mount"];

/// The environment variable that tells a test where to write.
const VARIABLE: &str = "BACKSTOP_SKIP_LOG";

const PREFIX: &str = "BACKSTOP-SKIPPED:";

/// The file into which tests write that they could not run.
pub(crate) struct SkipLog {
    path: PathBuf,
}

/// One test that could not run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    suite: String,
    reason: String,
}

impl SkipLog {
    /// Starts an empty log in the target directory.
    pub(crate) fn start(target: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(target)
            .with_context(|| format!("cannot create {}", target.display()))?;
        let path = target.join("backstop-skips.log");
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path })
    }

    /// Tells a runner's tests where to write.
    pub(crate) fn announce(&self, runner: &mut Command) {
        runner.env(VARIABLE, &self.path);
    }

    /// What the tests wrote.
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Skip>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
            // A test that cleans the target directory is odd, but skipped nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.path.display()))
            }
        }
    }
}

fn parse(log: &str) -> Vec<Skip> {
    let lines = log.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            // A line of another form is kept: a skip must not vanish because it was misspelt.
            let rest = line.strip_prefix(PREFIX).unwrap_or(line);
            let (suite, reason) = rest.split_once(':').unwrap_or(("", rest));
            Skip {
                suite: suite.trim().to_owned(),
                reason: reason.trim().to_owned(),
            }
        })
        .collect()
}

impl Skip {
    /// Whether CI must not accept it. A skip that names no suite could be of a required one.
    pub(crate) fn is_denied(&self) -> bool {
        self.suite.is_empty() || REQUIRED_SUITES.contains(&self.suite.as_str())
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.suite, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_has_a_suite_and_a_reason() {
        let skips = parse("BACKSTOP-SKIPPED: cgroup: not writable: /sys/fs/cgroup\n\n");
        assert_eq!(skips.len(), 1);
        assert_eq!(skips[0].to_string(), "cgroup: not writable: /sys/fs/cgroup");
        assert!(skips[0].is_denied());
    }

    #[test]
    fn a_suite_that_is_not_required_may_be_skipped() {
        assert!(!parse("BACKSTOP-SKIPPED: camera: no /dev/video0")[0].is_denied());
    }

    #[test]
    fn a_line_of_another_form_still_counts_and_is_denied() {
        let skips = parse("no colon at all");
        assert_eq!(skips.len(), 1);
        assert!(skips[0].is_denied());
    }

    #[test]
    fn the_log_starts_empty_and_is_read_back() {
        let target = tempfile::tempdir().unwrap();
        let log = SkipLog::start(&target.path().join("target")).unwrap();
        fs::write(&log.path, "BACKSTOP-SKIPPED: mount: not root\n").unwrap();
        assert_eq!(log.read().unwrap().len(), 1);
        let again = SkipLog::start(&target.path().join("target")).unwrap();
        assert!(again.read().unwrap().is_empty());
    }
}
