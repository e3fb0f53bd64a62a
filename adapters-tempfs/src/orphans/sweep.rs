//! One pass by a rule.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, SystemTime};

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::os::claim::{Claim, Claims};
use backstop_core::os::directory::Directory;
use backstop_core::os::files::{FileKind, Limits, Newest, Owners, Signs, Stat, Survey};
use backstop_core::os::quarantine::Quarantine;
use backstop_core::os::{survey, user};
use backstop_core::resource::Bytes;

use super::{OrphanEntry, OrphanReport, OrphanRule, OrphanVerdict};
use crate::error;

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// Only explains.
    DryRun,
    /// Removes.
    Act,
}

/// An entry that may go, with the lock that keeps it so.
struct Condemned {
    claim: Claim,
    survey: Survey,
    why: String,
}

impl OrphanRule {
    /// Looks at every entry whose name matches, and removes those that are leftovers.
    ///
    /// # Guarantees
    /// An entry is removed through a private quarantine, and only if it still is the one that was
    /// judged. A sweep that was killed is finished by the next one of the same rule.
    ///
    /// # Errors
    /// The directory cannot be read, or another sweep is at work in it. What goes wrong with one entry
    /// is in the report.
    pub fn sweep(&self, rehearsal: Rehearsal) -> Result<OrphanReport, Error> {
        let failed = |message| error::at(self.directory(), Stage::Reclaim, message);
        let directory = Directory::open(self.directory())
            .map_err(failed("the directory of the rule cannot be opened"))?;
        let listing = "the directory of the rule cannot be listed";
        let mut names = Vec::new();
        for entry in directory.entries().map_err(failed(listing))? {
            let name = entry.map_err(failed(listing))?.name;
            if self.matches(&name) {
                names.push(name);
            }
        }
        names.sort();
        let mut pass = Pass {
            rule: self,
            now: self.now(),
            claims: Claims::new(),
            entries: Vec::with_capacity(names.len()),
        };
        if rehearsal == Rehearsal::DryRun {
            for name in names {
                pass.rehearse(&directory, self.directory(), &name);
            }
        } else if !names.is_empty() || directory.stat_beneath(&quarantine_name()).is_ok() {
            let quarantine =
                Quarantine::open(&directory, &quarantine_name()).map_err(|refusal| {
                    error::refused(self.directory(), refusal).with("rule", self.prefix())
                })?;
            pass.finish_earlier(&directory, &quarantine);
            for name in names {
                pass.act(&directory, self.directory(), &quarantine, &name);
            }
        }
        Ok(pass.report(rehearsal))
    }
}

/// One for each user, as it must be its user's alone.
fn quarantine_name() -> OsString {
    OsString::from(format!(".backstop-orphans-{}", user::effective_id()))
}

struct Pass<'a> {
    rule: &'a OrphanRule,
    now: SystemTime,
    claims: Claims,
    entries: Vec<OrphanEntry>,
}

impl Pass<'_> {
    fn rehearse(&mut self, directory: &Directory, above: &Path, name: &OsStr) {
        let entry = match self.judge(directory, name) {
            Ok(condemned) => entry(
                OrphanVerdict::WouldRemove,
                condemned.why,
                condemned.survey.bytes,
            ),
            Err(kept) => kept,
        };
        self.note(above, name, entry);
    }

    fn act(
        &mut self,
        directory: &Directory,
        above: &Path,
        quarantine: &Quarantine<'_>,
        name: &OsStr,
    ) {
        let entry = match self.judge(directory, name) {
            Ok(condemned) => remove(quarantine, name, condemned),
            Err(kept) => kept,
        };
        self.note(above, name, entry);
    }

    /// What a sweep that was killed had moved away: judged anew, because it may have been killed before
    /// it proved what it moved.
    fn finish_earlier(&mut self, directory: &Directory, quarantine: &Quarantine<'_>) {
        let taken = directory
            .open_beneath(&quarantine_name())
            .and_then(|inner| inner.open_beneath(OsStr::new("taken")));
        let (Ok(taken), Ok(names)) = (taken, quarantine.unfinished()) else {
            return;
        };
        let path = self.rule.directory().join(quarantine_name()).join("taken");
        for name in names {
            self.act(&taken, &path, quarantine, &name);
        }
    }

    /// The lock first, then the age; the other way round, its owner could begin to use it in between.
    fn judge(&mut self, directory: &Directory, name: &OsStr) -> Result<Condemned, Verdict> {
        let keep = |why: String| entry(OrphanVerdict::Kept, why, 0);
        let claim = self
            .claims
            .claim(directory, name)
            .map_err(|reason| keep(reason.to_string()))?;
        let (owner, us) = (claim.stat().owner, user::effective_id());
        if owner != us {
            return Err(keep(format!("it belongs to user {owner}, and not to {us}")));
        }
        let survey = look(directory, name, claim.stat());
        if let Some(cause) = &survey.error {
            return Err(keep(format!("it cannot be read to the end: {cause}")));
        }
        if let Some(skipped) = survey.skipped.listed().first() {
            return Err(keep(format!(
                "its age cannot be told: {}: {}",
                skipped.path.display(),
                skipped.reason
            )));
        }
        let Some(newest) = &survey.newest else {
            return Err(keep("it went meanwhile".to_owned()));
        };
        // A time in the future is no age at all: the clock was set back.
        let age = self.now.duration_since(newest.time).unwrap_or_default();
        let limit = self.rule.age();
        if age < limit {
            let why = format!(
                "its newest member {} is {} old, and the rule says {}",
                newest.path.display(),
                whole(age),
                whole(limit)
            );
            return Err(entry(OrphanVerdict::Young, why, survey.bytes));
        }
        let why = format!(
            "its name begins with {}, nobody holds its lock, and its newest member {} is {} old, more \
             than {}",
            self.rule.prefix(),
            newest.path.display(),
            whole(age),
            whole(limit)
        );
        Ok(Condemned { claim, survey, why })
    }

    fn note(&mut self, above: &Path, name: &OsStr, verdict: Verdict) {
        self.entries.push(OrphanEntry {
            path: above.join(name),
            ..verdict
        });
    }

    fn report(self, rehearsal: Rehearsal) -> OrphanReport {
        use OrphanVerdict::{Removed, WouldRemove};
        let went = || {
            self.entries
                .iter()
                .filter(|entry| matches!(entry.verdict, Removed | WouldRemove))
        };
        OrphanReport {
            directory: self.rule.directory().to_owned(),
            prefix: self.rule.prefix().to_owned(),
            older_than_seconds: self.rule.age().as_secs(),
            dry_run: rehearsal == Rehearsal::DryRun,
            count: went().count() as u64,
            bytes: went().map(|entry| entry.bytes).sum(),
            entries: self.entries,
        }
    }
}

/// What `name` holds, and its newest member. Of what is no directory the claim knows that already.
fn look(directory: &Directory, name: &OsStr, stat: &Stat) -> Survey {
    if stat.kind == FileKind::Directory {
        return survey::survey(directory, name, &Limits::default());
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

/// An entry of the report that has no path yet.
type Verdict = OrphanEntry;

fn entry(verdict: OrphanVerdict, why: String, bytes: u64) -> Verdict {
    OrphanEntry {
        path: Default::default(),
        verdict,
        why,
        bytes: Bytes(bytes),
    }
}

fn remove(quarantine: &Quarantine<'_>, name: &OsStr, condemned: Condemned) -> Verdict {
    let limits = Limits {
        owners: Owners::OnlyOurs,
        // The first entry's own lock is the claim's.
        signs: Signs::RespectBelow,
        ..Limits::default()
    };
    match quarantine.remove_claimed(name, &condemned.claim, &limits) {
        Ok(removal) if removal.is_complete() => {
            entry(OrphanVerdict::Removed, condemned.why, removal.bytes)
        }
        Ok(removal) => {
            let bytes = removal.bytes;
            let why = error::incomplete(Path::new(name), removal).chain();
            entry(OrphanVerdict::Failed, why, bytes)
        }
        Err(refusal) => {
            let error = error::refused(Path::new(name), refusal);
            let verdict = if error.kind() == ErrorKind::Unproven {
                OrphanVerdict::Kept
            } else {
                OrphanVerdict::Failed
            };
            entry(verdict, error.chain(), 0)
        }
    }
}

/// An age for people: in whole seconds.
fn whole(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..7200 => format!("{seconds} s"),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}
