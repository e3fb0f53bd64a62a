//! The health of every program with a ledger or a history.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::account::{Account, Request};
use super::health::{Health, HealthVerdict};
use crate::history::History;
use backstop_core::ledger::{self, LedgerReading};
use backstop_core::monitor::{OtherSampler, ProcessSample};

/// The health of several programs, and what programs that were killed left.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_service::report::{Checkup, CheckTarget};
///
/// let own = CheckTarget { name: "this".into(), pid: Some(std::process::id() as i32) };
/// let checkup = Checkup::of(&[own], None, Duration::from_secs(3600));
/// assert_eq!(checkup.programs[0].name, "this");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Checkup {
    /// The programs, by name.
    pub programs: Vec<ProgramHealth>,
    /// Resources that killed programs left in their ledgers.
    pub left_by_killed: u64,
    /// Files that should be ledgers or histories and cannot be read, each with the reason.
    pub unreadable: Vec<String>,
}

/// The health of one program.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProgramHealth {
    /// Its name, or that of its history.
    pub name: String,
    /// Its PID, while it is running.
    pub pid: Option<i32>,
    /// Its health.
    #[serde(flatten)]
    pub health: Health,
}

/// A program to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTarget {
    /// The name, which is also that of its history.
    pub name: String,
    /// Its PID, if it is running.
    pub pid: Option<i32>,
}

/// A program as it is now, and its history.
#[derive(Default)]
struct Known {
    pid: Option<i32>,
    now: Option<ProcessSample>,
    account: Option<Account>,
}

impl Checkup {
    /// Checks these programs, with their histories in the directory `histories`. Without one, their
    /// health is what they are now.
    #[must_use]
    pub fn of(targets: &[CheckTarget], histories: Option<&Path>, since: Duration) -> Self {
        let mut checkup = Self::default();
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for target in targets {
            let directory = histories.map(|home| home.join(&target.name));
            let directory = directory.filter(|directory| directory.is_dir());
            let account = directory.and_then(|directory| checkup.account(&directory, since));
            let program = known.entry(target.name.clone()).or_default();
            program.pid = target.pid;
            program.now = target.pid.and_then(sample);
            program.account = account;
        }
        checkup.finish(known)
    }

    /// Checks every program of this user with a ledger, or with a history in the directory `histories`,
    /// which may be one history or hold several.
    #[must_use]
    pub fn of_all(histories: Option<&Path>, since: Duration) -> Self {
        let mut checkup = Self::default();
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for (name, directory) in directories(histories) {
            let account = checkup.account(&directory, since);
            known.entry(name).or_default().account = account;
        }
        let all = ledger::read_all();
        let unreadable = all.unreadable.iter().map(|one| one.error.chain());
        checkup.unreadable.extend(unreadable);
        for ledger in &all.ledgers {
            if ledger.is_owner_alive() {
                add_living(ledger, &mut known);
            } else {
                checkup.left_by_killed += ledger.slots().count() as u64;
            }
        }
        checkup.finish(known)
    }

    /// The worst result; failed as well if something was left or cannot be read, and with `strict` if
    /// anything is unknown.
    #[must_use]
    pub fn verdict(&self, strict: bool) -> HealthVerdict {
        let programs = self.programs.iter().map(|program| program.health.verdict());
        let worst = programs.max().unwrap_or(HealthVerdict::Unknown);
        let is_failed = self.left_by_killed > 0
            || !self.unreadable.is_empty()
            || (strict && worst == HealthVerdict::Unknown);
        match is_failed {
            true => HealthVerdict::Failed,
            false => worst,
        }
    }

    fn account(&mut self, directory: &Path, since: Duration) -> Option<Account> {
        match Account::of(&History::at(directory), &Request::last(since)) {
            Ok(account) => Some(account),
            Err(error) => {
                self.unreadable.push(error.chain());
                None
            }
        }
    }

    fn finish(mut self, known: BTreeMap<String, Known>) -> Self {
        let health = |(name, program): (String, Known)| ProgramHealth {
            name,
            pid: program.pid,
            health: Health::of(program.now.as_ref(), program.account.as_ref()),
        };
        self.programs = known.into_iter().map(health).collect();
        self
    }
}

/// A program with a ledger is that of the history that it writes, or one of its own.
fn add_living(ledger: &LedgerReading, known: &mut BTreeMap<String, Known>) {
    let owner = ledger.owner();
    let pid = owner.process.pid;
    let writes = |program: &Known| {
        let account = program.account.as_ref();
        account.is_some_and(|account| account.samples.pid == Some(pid))
    };
    let program = match known.values_mut().find(|program| writes(program)) {
        Some(program) => program,
        None => {
            let first = owner.command.split_whitespace().next().unwrap_or("?");
            let file = Path::new(first).file_name();
            let name = file.map_or(first.into(), |file| file.to_string_lossy());
            known.entry(format!("{name} [{pid}]")).or_default()
        }
    };
    program.pid = Some(pid);
    program.now = sample(pid);
}

fn sample(pid: i32) -> Option<ProcessSample> {
    OtherSampler::of(pid).ok()?.sample()
}

/// The histories in a directory; the directory itself if it is one.
fn directories(home: Option<&Path>) -> Vec<(String, PathBuf)> {
    let Some(home) = home else {
        return Vec::new();
    };
    let name_of = |path: &Path| {
        path.file_name()
            .map_or_else(|| "?".into(), |name| name.to_string_lossy().into_owned())
    };
    if History::at(home).days().is_ok_and(|days| !days.is_empty()) {
        return vec![(name_of(home), home.to_owned())];
    }
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .map(|path| (name_of(&path), path))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::HealthKind;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_running_program_is_checked_and_one_that_is_not_is_unknown() {
        let target = |name: &str, pid| CheckTarget {
            name: name.to_owned(),
            pid,
        };
        let own = std::process::id().cast_signed();
        let checkup = Checkup::of(&[target("b", None), target("a", Some(own))], None, HOUR);
        let names: Vec<_> = checkup
            .programs
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        let handles = |program: &ProgramHealth| {
            let mut indicators = program.health.indicators.iter();
            indicators
                .find(|one| one.kind == HealthKind::Handles)
                .unwrap()
                .verdict
        };
        assert_eq!(handles(&checkup.programs[0]), HealthVerdict::Well);
        assert_eq!(handles(&checkup.programs[1]), HealthVerdict::Unknown);
        assert_eq!(checkup.verdict(false), HealthVerdict::Unknown);
        assert_eq!(checkup.verdict(true), HealthVerdict::Failed);
    }

    #[test]
    fn what_was_left_or_cannot_be_read_is_a_failure() {
        let checkup = Checkup {
            left_by_killed: 1,
            ..Checkup::default()
        };
        assert_eq!(checkup.verdict(false), HealthVerdict::Failed);
        let unreadable = vec!["a.ledger".to_owned()];
        let checkup = Checkup {
            unreadable,
            ..Checkup::default()
        };
        assert_eq!(checkup.verdict(false), HealthVerdict::Failed);
    }

    #[test]
    fn a_directory_is_one_history_or_holds_several() {
        let home = tempfile::tempdir().unwrap();
        for name in ["two", "one"] {
            drop(History::at(home.path().join(name)).writer().unwrap());
        }
        let several = directories(Some(home.path()));
        let names: Vec<_> = several.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(directories(None), []);
    }
}
