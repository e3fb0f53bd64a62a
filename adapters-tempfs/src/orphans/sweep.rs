//! One sweep by a rule.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, SystemTime};

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::place::{incomplete, refused, remove_claimed};
use backstop_core::reclaim::{Authority, side_by_side};
use backstop_core::resource::Bytes;
use backstop_os::claim::{Claim, Claims};
use backstop_os::directory::Directory;
use backstop_os::files::{
    DirectoryEntry, FileKind, Newest, Owners, Signs, Stat, Survey, WalkLimits,
};
use backstop_os::quarantine::Quarantine;
use backstop_os::{survey, user};

use super::{OrphanEntry, OrphanReport, OrphanRule, OrphanVerdict};
use crate::error;

/// Whether a sweep removes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepMode {
    /// Only reports.
    DryRun,
    /// Removes.
    Act,
}

/// An entry that may be removed, with the lock that keeps other processes from using it.
struct Condemned {
    claim: Claim,
    survey: Survey,
    why: String,
}

impl OrphanRule {
    /// Checks every entry whose name matches, and removes those that are leftovers.
    ///
    /// # Guarantees
    /// An entry is removed through a private quarantine, and only if it still is the one that was
    /// checked. A sweep that was killed is finished by the next one of the same rule.
    ///
    /// # Errors
    /// The directory cannot be read, or another sweep is running in it. Errors of a single entry are in
    /// the report.
    pub fn sweep(&self, mode: SweepMode) -> Result<OrphanReport, Error> {
        let failed = |message| error::at(self.directory(), Stage::Reclaim, message);
        let directory = Directory::open(self.directory())
            .map_err(failed("the directory of the rule cannot be opened"))?;
        let listing = "the directory of the rule cannot be listed";
        let mut listed = Vec::new();
        for entry in directory.entries().map_err(failed(listing))? {
            let entry = entry.map_err(failed(listing))?;
            if self.matches(&entry.name) {
                listed.push(entry);
            }
        }
        listed.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        let pass = Pass {
            rule: self,
            now: self.now(),
        };
        let mut entries = Vec::new();
        if mode == SweepMode::DryRun {
            entries.extend(pass.all(&listed, |judge, entry| judge.rehearse(&directory, entry)));
        } else if !listed.is_empty() || directory.stat_beneath(&quarantine_name()).is_ok() {
            let quarantine =
                Quarantine::open(&directory, &quarantine_name()).map_err(|refusal| {
                    refused(self.directory(), refusal).with("rule", self.prefix())
                })?;
            entries.extend(pass.finish_earlier(&directory, &quarantine));
            entries.extend(pass.all(&listed, |judge, entry| {
                judge.act(&directory, &quarantine, entry)
            }));
        }
        Ok(pass.report(mode, entries))
    }
}

/// One for each user, as no other user may have access to it.
fn quarantine_name() -> OsString {
    OsString::from(format!(".backstop-orphans-{}", user::effective_id()))
}

struct Pass<'a> {
    rule: &'a OrphanRule,
    now: SystemTime,
}

/// One thread's part of a pass.
struct Judge<'a> {
    pass: &'a Pass<'a>,
    claims: Claims,
}

impl Pass<'_> {
    /// Returns the verdict of each entry, in the entries' order.
    fn all(
        &self,
        listed: &[DirectoryEntry],
        act: impl Fn(&mut Judge<'_>, &DirectoryEntry) -> Verdict + Sync,
    ) -> impl Iterator<Item = OrphanEntry> {
        let above = self.rule.directory();
        let mut entries = Vec::new();
        entries.resize_with(listed.len(), || None);
        side_by_side(
            listed,
            || self.judge(),
            |judge, entry| named(above, &entry.name, act(judge, entry)),
            |index, entry| entries[index] = Some(entry),
        );
        entries.into_iter().flatten()
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            pass: self,
            claims: Claims::new(),
        }
    }

    /// Entries that a killed sweep had moved into the quarantine: they are checked again, because it may
    /// have been killed before it verified them.
    fn finish_earlier(
        &self,
        directory: &Directory,
        quarantine: &Quarantine<'_>,
    ) -> Vec<OrphanEntry> {
        let taken = directory
            .open_beneath(&quarantine_name())
            .and_then(|inner| inner.open_beneath(OsStr::new("taken")));
        let (Ok(taken), Ok(names)) = (taken, quarantine.unfinished()) else {
            return Vec::new();
        };
        let path = self.rule.directory().join(quarantine_name()).join("taken");
        let mut judge = self.judge();
        let verdicts = names.into_iter().map(|name| {
            let entry = DirectoryEntry { name, hint: None };
            let verdict = judge.act(&taken, quarantine, &entry);
            named(&path, &entry.name, verdict)
        });
        verdicts.collect()
    }

    fn report(&self, mode: SweepMode, entries: Vec<OrphanEntry>) -> OrphanReport {
        use OrphanVerdict::{Removed, WouldRemove};
        let went = || {
            entries
                .iter()
                .filter(|entry| matches!(entry.verdict, Removed | WouldRemove))
        };
        OrphanReport {
            directory: self.rule.directory().to_owned(),
            prefix: self.rule.prefix().to_owned(),
            older_than_seconds: self.rule.age().as_secs(),
            dry_run: mode == SweepMode::DryRun,
            count: went().count() as u64,
            bytes: went().map(|entry| entry.bytes).sum(),
            entries,
        }
    }
}

impl Judge<'_> {
    fn rehearse(&mut self, directory: &Directory, listed: &DirectoryEntry) -> Verdict {
        match self.judge(directory, listed) {
            Ok(condemned) => entry(
                OrphanVerdict::WouldRemove,
                condemned.why,
                condemned.survey.bytes,
            ),
            Err(kept) => kept,
        }
    }

    fn act(
        &mut self,
        directory: &Directory,
        quarantine: &Quarantine<'_>,
        listed: &DirectoryEntry,
    ) -> Verdict {
        match self.judge(directory, listed) {
            Ok(condemned) => remove(quarantine, &listed.name, condemned),
            Err(kept) => kept,
        }
    }

    /// The lock first, then the age: in the other order, its owner could begin to use it in between.
    fn judge(
        &mut self,
        directory: &Directory,
        listed: &DirectoryEntry,
    ) -> Result<Condemned, Verdict> {
        let name = &listed.name;
        let keep = |why: String| entry(OrphanVerdict::Kept, why, 0);
        let claim = self
            .claims
            .claim(directory, name, listed.hint)
            .map_err(|reason| keep(reason.to_string()))?;
        if !claim.is_ours() {
            let (owner, us) = (claim.stat().owner, user::effective_id());
            return Err(keep(format!("it belongs to user {owner}, and not to {us}")));
        }
        let survey = look(directory, name, claim.stat());
        if let Some(cause) = &survey.error {
            return Err(keep(format!("it cannot be read completely: {cause}")));
        }
        if let Some(skipped) = survey.skipped.listed().first() {
            return Err(keep(format!(
                "its age cannot be determined: {}: {}",
                skipped.path.display(),
                skipped.reason
            )));
        }
        let Some(newest) = &survey.newest else {
            return Err(keep("it was removed meanwhile".to_owned()));
        };
        // A time in the future means that the clock was set back: the age is unknown.
        let age = self
            .pass
            .now
            .duration_since(newest.time)
            .unwrap_or_default();
        let limit = self.pass.rule.age();
        if age < limit {
            let why = format!(
                "its newest member {} is {} old, the rule requires {}",
                newest.path.display(),
                whole(age),
                whole(limit)
            );
            return Err(entry(OrphanVerdict::Young, why, survey.bytes));
        }
        let why = format!(
            "its name begins with {}, no process holds its lock, and its newest member {} is {} old, \
             more than {}",
            self.pass.rule.prefix(),
            newest.path.display(),
            whole(age),
            whole(limit)
        );
        Ok(Condemned { claim, survey, why })
    }
}

/// The content of `name`, and its newest member. For other files than directories the claim has both.
fn look(directory: &Directory, name: &OsStr, stat: &Stat) -> Survey {
    if stat.kind == FileKind::Directory {
        return survey::survey(directory, name, &WalkLimits::default());
    }
    Survey {
        files: 1,
        bytes: if stat.links > 1 { 0 } else { stat.allocated },
        newest: Some(Newest {
            path: name.into(),
            time: stat
                .born
                .map_or(stat.modified, |born| born.max(stat.modified)),
        }),
        ..Survey::default()
    }
}

/// An entry of the report without its path.
type Verdict = OrphanEntry;

fn named(above: &Path, name: &OsStr, verdict: Verdict) -> OrphanEntry {
    OrphanEntry {
        path: above.join(name),
        ..verdict
    }
}

fn entry(verdict: OrphanVerdict, why: String, bytes: u64) -> Verdict {
    OrphanEntry {
        path: Default::default(),
        verdict,
        why,
        bytes: Bytes(bytes),
    }
}

fn remove(quarantine: &Quarantine<'_>, name: &OsStr, condemned: Condemned) -> Verdict {
    let limits = WalkLimits {
        owners: Owners::OnlyOurs,
        // The lock of the first entry is held by the claim.
        signs: Signs::RespectBelow,
        ..WalkLimits::default()
    };
    let claim = &condemned.claim;
    let authority = Authority::by_claim(claim);
    match remove_claimed(quarantine, name, claim, &limits, &authority) {
        Ok(removal) if removal.is_complete() => {
            entry(OrphanVerdict::Removed, condemned.why, removal.bytes)
        }
        Ok(removal) => {
            let bytes = removal.bytes;
            let why = incomplete(Path::new(name), removal).chain();
            entry(OrphanVerdict::Failed, why, bytes)
        }
        Err(refusal) => {
            let error = refused(Path::new(name), refusal);
            let verdict = if error.kind() == ErrorKind::Unproven {
                OrphanVerdict::Kept
            } else {
                OrphanVerdict::Failed
            };
            entry(verdict, error.chain(), 0)
        }
    }
}

/// An age for messages: in whole seconds, or tenths of an hour. In integers, because formatting a float
/// takes as long as a system call.
fn whole(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..7200 => format!("{seconds} s"),
        _ => {
            let tenths = seconds.saturating_add(180) / 360;
            format!("{}.{} h", tenths / 10, tenths % 10)
        }
    }
}
