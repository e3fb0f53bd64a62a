//! One pass over all ledgers, reclaiming.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::batch::Batch;
use super::judgement::Judgement;
use super::receipt::{ReceiptWriter, Receipts};
use super::reclaimer::{Reclaimer, Reclaimers};
use super::report::{LedgerFate, SweepItem, SweepReport, SweptLedger};
use crate::error::{Error, ErrorKind, Stage};
use crate::ledger::{
    Entry, Lease, LeaseAttempt, LedgerDirectory, LedgerReading, OwnerRecord, default_directories,
};
use crate::policy::Order;
use crate::resource::Deadline;
use backstop_os::files::OpenMode;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;

/// A pass over ledgers, set up and then [run](Self::run).
///
/// # Guarantees
/// Nothing of a live owner is touched: a sweep acts only while it holds the ledger's lease itself. An
/// orphan of an unknown kind, or without proof of identity, is kept and reported. A sweep that is
/// killed leaves the ledger as it is, and the next one continues.
#[derive(Debug)]
#[must_use = "nothing is swept until `run`"]
pub struct Sweep<'a> {
    reclaimers: &'a Reclaimers,
    directories: Vec<PathBuf>,
    rehearse: bool,
    run: Option<Cookie>,
    except: Option<PathBuf>,
    deadline: Duration,
}

impl<'a> Sweep<'a> {
    /// A sweep of this user's ledgers by these reclaimers.
    pub fn new(reclaimers: &'a Reclaimers) -> Self {
        Self {
            reclaimers,
            directories: default_directories(),
            rehearse: false,
            run: None,
            except: None,
            deadline: Duration::from_secs(30),
        }
    }

    /// Only explains what would be done.
    pub fn rehearse(mut self, rehearse: bool) -> Self {
        self.rehearse = rehearse;
        self
    }

    /// Sweeps these directories instead of the default ones.
    pub fn directories(mut self, directories: Vec<PathBuf>) -> Self {
        self.directories = directories;
        self
    }

    /// Sweeps only ledgers of processes that ran under this `backstop run`.
    pub fn of_run(mut self, run: Cookie) -> Self {
        self.run = Some(run);
        self
    }

    /// Skips this ledger: the sweeper's own, whose owner is certainly alive.
    pub fn except(mut self, ledger: Option<&Path>) -> Self {
        self.except = ledger.map(Path::to_owned);
        self
    }

    /// How long one orphan may take. Default: 30 s.
    pub fn deadline(mut self, span: Duration) -> Self {
        self.deadline = span;
        self
    }

    /// Sweeps.
    pub fn run(&self) -> SweepReport {
        let mut report = SweepReport::default();
        for path in &self.directories {
            if !LedgerDirectory::may_exist(path) {
                continue;
            }
            match LedgerDirectory::open(path) {
                Ok(directory) => self.sweep_directory(&directory, &mut report),
                Err(error) => report.ledgers.push(unreadable(path.clone(), None, &error)),
            }
        }
        report
    }

    /// Sweeps one ledger whose lease the caller has won: a guardian's way.
    pub fn run_one(&self, directory: &Path, name: &OsString, lease: &Lease) -> SweepReport {
        let mut report = SweepReport::default();
        match LedgerDirectory::open(directory) {
            Ok(directory) => {
                let receipts = Receipts::of(directory.path());
                self.sweep_won(&directory, name, lease, &mut receipts.writer(), &mut report);
            }
            Err(error) => report
                .ledgers
                .push(unreadable(directory.join(name), None, &error)),
        }
        report
    }

    fn sweep_directory(&self, directory: &LedgerDirectory, report: &mut SweepReport) {
        let names = match directory.ledgers_and_unnamed() {
            Ok(names) => names,
            Err(error) => {
                let error = Error::io(Stage::Read, "the ledger directory cannot be listed", error);
                report
                    .ledgers
                    .push(unreadable(directory.path().to_owned(), None, &error));
                return;
            }
        };
        let receipts = Receipts::of(directory.path());
        let mut receipts = receipts.writer();
        for name in names {
            if self.except.as_deref() == Some(&directory.path_of(&name)) {
                continue;
            }
            if let Err(error) = self.sweep_name(directory, &name, &mut receipts, report) {
                // Its owner exited and removed it meanwhile.
                if error.kind() != ErrorKind::NotFound {
                    report
                        .ledgers
                        .push(unreadable(directory.path_of(&name), None, &error));
                }
            }
        }
    }

    fn sweep_name(
        &self,
        directory: &LedgerDirectory,
        name: &OsString,
        receipts: &mut ReceiptWriter<'_>,
        report: &mut SweepReport,
    ) -> Result<(), Error> {
        let path = directory.path_of(name);
        let failed = |message: &'static str| {
            let path = path.display().to_string();
            move |error| Error::io(Stage::Read, message, error).with("path", path)
        };
        let file = directory
            .handle()
            .open_file_beneath(name, OpenMode::ReadWrite)
            .map_err(failed("the ledger cannot be opened"))?;
        let attempt = Lease::attempt(file).and_then(|attempt| match attempt {
            LeaseAttempt::Held(file) if !directory.is_unnamed(name) => outwait(file, &path),
            settled => Ok(settled),
        });
        let attempt = attempt.map_err(failed("the ledger cannot be locked"))?;
        // It was named or removed between the listing and the lock.
        if let LeaseAttempt::Won(lease) = &attempt
            && !directory
                .holds(name, lease.file())
                .map_err(failed("the ledger cannot be inspected"))?
        {
            return Ok(());
        }
        match attempt {
            LeaseAttempt::Held(file) => {
                if !directory.is_unnamed(name) {
                    self.report_held(&path, &file, report);
                }
            }
            LeaseAttempt::Won(_) if directory.is_unnamed(name) => {
                // Its owner died before it was named, so before it could hold anything.
                if !self.rehearse {
                    directory
                        .handle()
                        .unlink_beneath(name)
                        .map_err(failed("a ledger that was never named cannot be removed"))?;
                }
            }
            LeaseAttempt::Won(lease) => {
                self.sweep_won(directory, name, &lease, receipts, report);
            }
        }
        Ok(())
    }

    fn report_held(&self, path: &Path, file: &File, report: &mut SweepReport) {
        match LedgerReading::of_file(file, path) {
            Ok(reading) if self.concerns(reading.owner()) => {
                let owner = reading.owner().clone();
                let fate = match death_of(&owner) {
                    Some(evidence) => LedgerFate::LeaseKept { evidence },
                    None => LedgerFate::OwnerAlive,
                };
                report.ledgers.push(SweptLedger {
                    path: path.to_owned(),
                    owner: Some(owner),
                    fate,
                });
            }
            Ok(_) => {}
            Err(error) => report
                .ledgers
                .push(unreadable(path.to_owned(), None, &error)),
        }
    }

    fn sweep_won(
        &self,
        directory: &LedgerDirectory,
        name: &OsString,
        lease: &Lease,
        receipts: &mut ReceiptWriter<'_>,
        report: &mut SweepReport,
    ) {
        let path = directory.path_of(name);
        let reading = match LedgerReading::of_file(lease.file(), &path) {
            Ok(reading) => reading,
            Err(error) => {
                report.ledgers.push(unreadable(path, None, &error));
                return;
            }
        };
        if !self.concerns(reading.owner()) {
            return;
        }
        let owner = reading.owner().clone();
        let turns = self.in_turn(reading.orphans());
        let mut kept = !reading.damage().is_empty();
        let mut settle = |offset: u64, item: &SweepItem| {
            let gone = match &item.outcome {
                Some(outcome) => outcome.is_released(),
                None => matches!(item.judgement, Judgement::Gone { .. }),
            };
            kept |= !gone;
            if item.outcome.is_some()
                && let Err(error) = receipts.write(item)
            {
                tracing::warn!(%error, "an act has no receipt");
            }
            if gone && !self.rehearse {
                crate::kill_point::reach("sweep.closing");
                if let Err(error) = LedgerReading::mark_closed(lease.file(), offset, item.id) {
                    tracing::warn!(%error, path = %path.display(), "a reclaimed entry cannot be marked closed");
                    kept = true;
                }
            }
        };
        for (reclaimer, entries) in &turns {
            let reclaimer = reclaimer.map(|index| self.reclaimers.at(index));
            let most = reclaimer.map_or(1, Reclaimer::most_at_once).max(1);
            let (first, rest) = entries.split_at(FIRST.min(most).min(entries.len()));
            for entries in std::iter::once(first).chain(rest.chunks(most)) {
                let batch = Batch {
                    ledger: &path,
                    lease,
                    owner: &owner,
                    entries,
                    reclaimer,
                };
                let span = (!self.rehearse).then_some(self.deadline);
                report.items.extend(batch.reclaim(span, &mut settle));
            }
        }
        let fate = match (self.rehearse, kept) {
            (true, _) => LedgerFate::Rehearsed,
            (false, true) => LedgerFate::Kept,
            (false, false) => match directory.handle().unlink_beneath(name) {
                Ok(()) => LedgerFate::Removed,
                Err(error) => LedgerFate::Unreadable {
                    error: format!("it cannot be removed: {error}"),
                },
            },
        };
        report.ledgers.push(SweptLedger {
            path,
            owner: Some(owner),
            fate,
        });
    }

    fn concerns(&self, owner: &OwnerRecord) -> bool {
        self.run.is_none_or(|run| owner.run == Some(run))
    }

    /// By the reclaimers' order, then the last opened first: a child was opened after its parent.
    /// Consecutive entries of one reclaimer are one turn; those without a reclaimer are a turn each.
    fn in_turn(&self, entries: Vec<(u64, Entry)>) -> Vec<Turn> {
        // Looked up once for each: it may read the recipe.
        let with_reclaimer = |entry: (u64, Entry)| (self.reclaimers.index_of(&entry.1), entry);
        let mut entries: Vec<_> = entries.into_iter().map(with_reclaimer).collect();
        let order = |index: Option<usize>| {
            index.map_or(Order::Normal, |index| self.reclaimers.at(index).order())
        };
        entries.sort_by(|(left_index, (_, left)), (right_index, (_, right))| {
            order(*left_index)
                .cmp(&order(*right_index))
                .then_with(|| right.opened.cmp(&left.opened))
                .then_with(|| right.id.cmp(&left.id))
        });
        let mut turns: Vec<Turn> = Vec::new();
        for (index, entry) in entries {
            match turns.last_mut() {
                Some((last, turn)) if index.is_some() && *last == index => turn.push(entry),
                _ => turns.push((index, vec![entry])),
            }
        }
        turns
    }
}

/// Consecutive entries, with the place of the reclaimer that takes all of them.
type Turn = (Option<usize>, Vec<(u64, Entry)>);

/// How many entries of a reclaimer are its first batch: few, so that the first running process is asked
/// to end before all the rest have been inspected. It costs one more pass over the processes of the system.
const FIRST: usize = 1;

/// How long a dead owner's lease is waited for.
const EXECUTING: Duration = Duration::from_secs(1);

/// Waits briefly for the lease in `file` if its owner is dead: a child that the owner was starting when
/// it died keeps the lease until it has executed its program, and can be found from then on.
fn outwait(file: File, path: &Path) -> std::io::Result<LeaseAttempt> {
    let is_dead = LedgerReading::of_file(&file, path)
        .is_ok_and(|reading| death_of(reading.owner()).is_some());
    let deadline = Deadline::after(EXECUTING);
    let mut attempt = LeaseAttempt::Held(file);
    while let LeaseAttempt::Held(file) = attempt {
        if !is_dead || deadline.has_passed() {
            return Ok(LeaseAttempt::Held(file));
        }
        // A wait for a lock has no deadline.
        std::thread::sleep(Duration::from_millis(1));
        attempt = Lease::attempt(file)?;
    }
    Ok(attempt)
}

/// The evidence that the owner is dead, if that is certain.
fn death_of(owner: &OwnerRecord) -> Option<String> {
    match PinnedProcess::verify(&owner.process, None) {
        Err(refusal) if refusal.proves_gone() => Some(refusal.to_string()),
        _ => None,
    }
}

fn unreadable(path: PathBuf, owner: Option<OwnerRecord>, error: &Error) -> SweptLedger {
    SweptLedger {
        path,
        owner,
        fate: LedgerFate::Unreadable {
            error: error.chain(),
        },
    }
}
