//! The tests that reported that they could not run here.
//!
//! They report it in a file, since the runner hides what a passing test prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use backstop_suites::{SKIP_LOG, SKIPPED, Suite};

/// The file into which tests write that they could not run.
pub(crate) struct SkipLog {
    path: PathBuf,
}

/// A test, or a part of one, that could not run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    /// `Err` with the text in the suite's place if it is not a suite.
    suite: Result<Suite, String>,
    test: String,
    reason: String,
}

impl SkipLog {
    /// Starts an empty log in the target directory.
    pub(crate) fn start(target: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(target)
            .with_context(|| format!("cannot create {}", target.display()))?;
        let path = target.join("backstop-skips.log");
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
        // Some tests play a part as another user, and all can be run as one.
        fs::set_permissions(&path, Permissions::from_mode(0o666))
            .with_context(|| format!("cannot change the mode of {}", path.display()))?;
        Ok(Self { path })
    }

    /// Sets where a runner's tests write.
    pub(crate) fn announce(&self, runner: &mut Command) {
        runner.env(SKIP_LOG, &self.path);
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
            skip_in(line).unwrap_or_else(|| Skip {
                // A line of another form is kept: a skip must not vanish because it was misspelt.
                suite: Err(String::new()),
                test: line.to_owned(),
                reason: line.to_owned(),
            })
        })
        .collect()
}

/// Reads `BACKSTOP-SKIPPED: suite [test]: reason`.
fn skip_in(line: &str) -> Option<Skip> {
    let rest = line.strip_prefix(SKIPPED)?.strip_prefix(": ")?;
    let (suite, rest) = rest.split_once(" [")?;
    let (test, reason) = rest.split_once("]: ")?;
    Some(Skip {
        suite: suite.parse().map_err(|_| suite.to_owned()),
        test: test.to_owned(),
        reason: reason.trim().to_owned(),
    })
}

/// How many tests did not run, or not all of themselves: one that skips several parts is one.
pub(crate) fn tests(skips: &[Skip]) -> usize {
    let names: BTreeSet<_> = skips.iter().map(|skip| &skip.test).collect();
    names.len()
}

/// A line for each suite that was skipped and may not be, with how many tests of it and why.
pub(crate) fn denied(skips: &[Skip]) -> Vec<String> {
    let mut by_suite: BTreeMap<&str, Vec<&Skip>> = BTreeMap::new();
    for skip in skips.iter().filter(|skip| skip.is_denied()) {
        by_suite.entry(skip.suite()).or_default().push(skip);
    }
    by_suite
        .into_iter()
        .map(|(suite, skips)| {
            let names: BTreeSet<_> = skips.iter().map(|skip| skip.test.as_str()).collect();
            let names: Vec<_> = names.into_iter().collect();
            format!(
                "suite `{suite}` must run here and was skipped by {}: {}",
                names.join(", "),
                skips[0].reason
            )
        })
        .collect()
}

impl Skip {
    fn suite(&self) -> &str {
        match &self.suite {
            Ok(suite) => suite.name(),
            Err(other) => other,
        }
    }

    /// Whether CI must not accept it. One that names no suite could be of any.
    fn is_denied(&self) -> bool {
        match self.suite {
            Ok(suite) => suite.may_be_skipped().is_none(),
            Err(_) => true,
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { test, reason, .. } = self;
        write!(formatter, "{} [{test}]: {reason}", self.suite())?;
        match self.suite.as_ref().map(|suite| suite.may_be_skipped()) {
            Ok(Some(why)) => write!(formatter, " (allowed: {why})"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(suite: &str, test: &str) -> String {
        format!("BACKSTOP-SKIPPED: {suite} [{test}]: not here: at all\n")
    }

    #[test]
    fn a_skip_has_a_suite_a_test_and_a_reason() {
        let skips = parse(&(line("cgroup", "a::b") + "\n"));
        assert_eq!(skips.len(), 1);
        assert_eq!(skips[0].to_string(), "cgroup [a::b]: not here: at all");
        assert!(skips[0].is_denied());
    }

    #[test]
    fn what_a_test_writes_is_read() {
        let target = tempfile::tempdir().unwrap();
        let log = SkipLog::start(target.path()).unwrap();
        // As `backstop_suites::skip` does, in a process of its own: the variable is the process's.
        let text = format!("{SKIPPED}: {} [test]: reason\n", Suite::PidReuse);
        fs::write(&log.path, text).unwrap();
        assert_eq!(log.read().unwrap()[0].suite, Ok(Suite::PidReuse));
    }

    #[test]
    fn every_suite_is_denied_but_those_with_a_reason() {
        for suite in Suite::ALL {
            let skips = parse(&line(suite.name(), "test"));
            assert_eq!(
                denied(&skips).is_empty(),
                suite.may_be_skipped().is_some(),
                "{suite}"
            );
            if let Some(why) = suite.may_be_skipped() {
                assert!(skips[0].to_string().contains(why));
            }
        }
    }

    #[test]
    fn what_is_denied_is_one_line_for_each_suite_with_its_tests() {
        let log = line("cgroup", "one") + &line("cgroup", "two") + &line("cgroup", "two");
        let skips = parse(&(log + &line("read-counts", "three")));
        assert_eq!(tests(&skips), 3);
        assert_eq!(
            denied(&skips),
            ["suite `cgroup` must run here and was skipped by one, two: not here: at all"]
        );
    }

    #[test]
    fn a_line_of_another_form_and_an_unknown_suite_count_and_are_denied() {
        let log = line("camera", "one") + "no form at all\nBACKSTOP-SKIPPED: cgroup: reason\n";
        let skips = parse(&log);
        assert_eq!((skips.len(), tests(&skips)), (3, 3));
        assert!(skips.iter().all(Skip::is_denied));
        assert_eq!(denied(&skips).len(), 2);
    }

    #[test]
    fn the_log_starts_empty() {
        let target = tempfile::tempdir().unwrap();
        let log = SkipLog::start(&target.path().join("target")).unwrap();
        fs::write(&log.path, line("mount", "test")).unwrap();
        assert_eq!(log.read().unwrap().len(), 1);
        let again = SkipLog::start(&target.path().join("target")).unwrap();
        assert!(again.read().unwrap().is_empty());
    }
}
