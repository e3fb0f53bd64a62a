//! Which programs there are to look at, and how they stand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::ledger::{self, LedgerReading};
use backstop_core::monitor::{OtherSampler, ProcessSample};
use backstop_os::pinned::PinnedProcess;
use backstop_service::history::History;
use backstop_service::report::{Account, Health, HealthVerdict, Request};

use super::{Checked, Program};
use crate::commands::watch::find;
use crate::exit::Failure;

/// A program as it stands now, and as its history tells.
#[derive(Default)]
struct Known {
    pid: Option<i32>,
    now: Option<ProcessSample>,
    account: Option<Account>,
}

/// Looks at the programs that are named, or at all.
pub(super) fn look(
    targets: &[String],
    histories: Option<&Path>,
    since: Duration,
) -> Result<Checked, Failure> {
    let mut unreadable = Vec::new();
    let mut left_by_killed = 0;
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let histories = match histories {
        Some(directory) => Some(directory.to_owned()),
        None => History::home().ok(),
    };
    for target in targets {
        let directory = histories.as_ref().map(|home| home.join(target));
        let is_history = directory
            .as_ref()
            .is_some_and(|directory| directory.is_dir());
        let pid = match find(target) {
            Ok(pid) => Some(pid),
            // It may have ended, and has a history.
            Err(_) if is_history => None,
            Err(failure) => return Err(failure),
        };
        let program = known.entry(target.clone()).or_default();
        program.pid = pid;
        program.now = pid.and_then(sample);
        if let Some(directory) = directory.filter(|_| is_history) {
            program.account = account(&directory, since, &mut unreadable);
        }
    }
    if targets.is_empty() {
        for (name, directory) in directories(histories.as_deref()) {
            let account = account(&directory, since, &mut unreadable);
            known.entry(name).or_default().account = account;
        }
        let all = ledger::read_all();
        unreadable.extend(all.unreadable.iter().map(|one| one.error.chain()));
        for ledger in &all.ledgers {
            if is_dead(ledger) {
                left_by_killed += ledger.slots().count() as u64;
            } else {
                add_living(ledger, &mut known);
            }
        }
    }
    let programs = known
        .into_iter()
        .map(|(name, program)| Program {
            name,
            pid: program.pid,
            health: Health::of(program.now.as_ref(), program.account.as_ref()),
        })
        .collect();
    Ok(Checked {
        verdict: HealthVerdict::Unknown,
        programs,
        left_by_killed,
        unreadable,
    })
}

/// A program with a ledger goes to the history that it writes, or stands for itself.
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

fn is_dead(ledger: &LedgerReading) -> bool {
    match PinnedProcess::verify(&ledger.owner().process, None) {
        Ok(_) => false,
        // What cannot be proven dead is taken for alive.
        Err(refusal) => refusal.proves_gone(),
    }
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

fn account(directory: &Path, since: Duration, unreadable: &mut Vec<String>) -> Option<Account> {
    match Account::of(&History::at(directory), &Request::last(since)) {
        Ok(account) => Some(account),
        Err(error) => {
            unreadable.push(error.chain());
            None
        }
    }
}
