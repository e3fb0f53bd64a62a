//! Builds the report at the end of a run.

use std::path::Path;
use std::time::{Duration, Instant};

use backstop_core::Backstop;
use backstop_core::reclaim::{Judgement, Sweep, SweepReport};
use backstop_core::release::{Outcome, Release};
use backstop_core::resource::Bytes;
use backstop_os::directory::Directory;
use backstop_os::files::WalkLimits;
use backstop_os::identity::Cookie;
use backstop_os::survey::survey;

use super::plan::{Host, RunPlan, Scratch};
use super::report::{LeftFiles, RunReport};
use super::supervision::RunOutcome;

/// A run that is over, and what its report is built from.
pub(super) struct ReportBuilder<'a> {
    pub(super) plan: &'a RunPlan,
    pub(super) host: &'a dyn Host,
    pub(super) cookie: Cookie,
    pub(super) backstop: Backstop,
    pub(super) scratch: Option<Box<dyn Scratch>>,
    pub(super) containment_notes: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) began: Instant,
    pub(super) outcome: RunOutcome,
}

impl ReportBuilder<'_> {
    pub(super) fn finish(mut self) -> u8 {
        let mut releases: Vec<Release> = self.outcome.release.take().into_iter().collect();
        let mut files = self
            .scratch
            .as_ref()
            .and_then(|scratch| count_files(scratch.path()));
        let own = self.backstop.ledger();
        let own = own.as_ref().and_then(|ledger| ledger.path());
        let swept = sweep(self.plan, self.host, self.cookie, own);
        if let Some(scratch) = self.scratch.take() {
            if self.plan.keep_files {
                match scratch.keep() {
                    Ok(path) => {
                        if let Some(files) = &mut files {
                            files.kept = Some(path);
                        }
                    }
                    Err(error) => self.notes.push(format!("not kept: {}", error.chain())),
                }
            } else {
                releases.push(scratch.release());
            }
        }
        let report = RunReport {
            command: self.plan.command_line(),
            containment: self.outcome.containment,
            containment_notes: self.containment_notes,
            ending: self.outcome.ending,
            code: self.outcome.code,
            signal: self.outcome.signal,
            took: self.began.elapsed(),
            memory: self
                .outcome
                .left
                .iter()
                .map(|process| process.resident)
                .sum::<Bytes>(),
            processes: self.outcome.left,
            files,
            stuck: stuck(&releases, &swept),
            swept,
            notes: self.notes,
        };
        let code = self.host.finish(&report);
        // The ledger stays if something is still open: a sweep needs it.
        if self.backstop.is_empty()
            && let Some(ledger) = self.backstop.ledger()
        {
            let _ = ledger.remove();
        }
        code
    }
}

/// How many names of left files are shown.
const NAMES: usize = 8;

/// How long counting what is left may take: the report must not delay the exit.
const COUNTING: Duration = Duration::from_secs(5);

/// What is in a run's temp directory; `None` if it cannot be read.
pub(super) fn count_files(directory: &Path) -> Option<LeftFiles> {
    let parent = Directory::open(directory.parent()?).ok()?;
    let name = directory.file_name()?;
    let limits = WalkLimits {
        deadline: Some(Instant::now() + COUNTING),
        ..WalkLimits::default()
    };
    let survey = survey(&parent, name, &limits);
    let names = Directory::open(directory)
        .and_then(|opened| opened.entries())
        .map(|entries| {
            entries
                .filter_map(Result::ok)
                .take(NAMES)
                .map(|entry| entry.name.to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    Some(LeftFiles {
        directory: directory.to_owned(),
        files: survey.files,
        // Not counting the directory itself, which the command did not create.
        directories: survey.directories.saturating_sub(1),
        bytes: Bytes(survey.bytes),
        names,
        kept: None,
    })
}

/// Reclaims what programs under the run, or its dead supervisor, left in their ledgers.
pub(super) fn sweep(
    plan: &RunPlan,
    host: &dyn Host,
    cookie: Cookie,
    own: Option<&Path>,
) -> SweepReport {
    let reclaimers = host.reclaimers();
    let mut sweep = Sweep::new(&reclaimers).of_run(cookie).except(own);
    if let backstop_core::release::Tracking::Directory(directory) = &plan.tracking {
        sweep = sweep.directories(vec![directory.clone()]);
    }
    let mut report = sweep.run();
    // What was found gone was released by the program itself or ended with the tree: not a leftover.
    report
        .items
        .retain(|item| !matches!(item.judgement, Judgement::Gone { .. }));
    report
}

/// What is stuck, one line each.
pub(super) fn stuck(releases: &[Release], swept: &SweepReport) -> Vec<String> {
    let released = releases
        .iter()
        .filter(|release| !matches!(release.outcome, Outcome::Released))
        .map(ToString::to_string);
    let swept = swept
        .left()
        .map(|item| format!("{} {}: {:?}", item.kind, item.label, item.outcome));
    released.chain(swept).collect()
}
