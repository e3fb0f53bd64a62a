//! The inner process of a run: it starts the command, supervises it, and writes the report.

use std::time::Instant;

use backstop_core::Backstop;
use backstop_os::adopt::Adopt;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signals::SignalSource;
use backstop_os::subreaper::set_subreaper;

use super::plan::{Host, KIND, RunPlan, StartedTree, tree_policy};
use super::report_builder::ReportBuilder;
use super::setup::Setup;
use super::supervision::{RunOutcome, Supervision};

pub(super) fn supervise(
    plan: &RunPlan,
    host: &dyn Host,
    cookie: Cookie,
    guardian: PinnedProcess,
    signals: &SignalSource,
    began: Instant,
) -> u8 {
    let mut notes = Vec::new();
    if let Err(error) = set_subreaper(Adopt::Orphans) {
        notes.push(format!("orphans are adopted by the guardian only: {error}"));
    }
    let backstop = Backstop::builder()
        .tracking(plan.tracking.clone())
        .policy(KIND, tree_policy())
        .run(cookie)
        .start();
    notes.extend(backstop.degraded().map(|why| format!("the ledger: {why}")));
    let mut setup = Setup {
        plan,
        cookie,
        signals,
        containment_notes: Vec::new(),
    };
    let announced = setup.announce(backstop);
    let scratch = host
        .open_scratch(backstop)
        .inspect_err(|error| notes.push(format!("no temp directory of its own: {}", error.chain())))
        .ok();
    let started = announced.and_then(|tree| setup.start(tree, scratch.as_deref()));
    let containment_notes = setup.containment_notes;
    let account = |outcome: RunOutcome| ReportBuilder {
        plan,
        host,
        cookie,
        backstop,
        scratch,
        containment_notes,
        notes,
        began,
        outcome,
    };
    match started {
        Ok(tree) => {
            let cgroup = tree.cgroup().map(|group| group.identity().path.clone());
            let started = StartedTree {
                leader: i32::try_from(tree.pid()).unwrap_or(i32::MAX),
                cgroup,
            };
            host.started(backstop, &started);
            let course = Supervision::new(plan, guardian, signals, tree);
            account(course.run()).finish()
        }
        Err(error) => account(RunOutcome::not_started(&error)).finish(),
    }
}
