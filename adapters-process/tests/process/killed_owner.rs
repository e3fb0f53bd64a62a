//! Nothing of a killed owner's trees is left after a sweep.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use backstop_core::ledger::{LedgerReading, OwnerRecord};
use backstop_core::reclaim::{
    Judgement, LedgerFate, Orphan, Reclaimer, Reclaimers, Sweep, SweepReport, SweptLedger,
};
use backstop_core::release::{Backstop, Outcome, Tracking};
use backstop_core::tree::TreeReclaimer;
use backstop_os::environment;
use backstop_os::identity::{BootId, Cookie};
use backstop_os::pinned::PinnedProcess;
use backstop_process::{ChildProcess, Containment, Server};

use crate::scene::{FIVE, LONG, SLEEPERS, assert_gone, containments, eventually, grown, sh};

/// The variables by which this test is started again as an owner.
const DIRECTORY: &str = "BACKSTOP_TEST_DIRECTORY";
const ROLE: &str = "BACKSTOP_TEST_ROLE";

/// An owner that was started, and what it said when it was ready.
struct Owner {
    process: Child,
    said: Vec<String>,
}

impl Owner {
    fn start(test: &str, role: &str, directory: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("killed_owner::{test}")])
            .env(DIRECTORY, directory)
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // The test harness speaks on the same line.
        let mut said = lines.map(Result::unwrap).filter_map(|line| {
            let (_, text) = line.split_once("READY ")?;
            Some(text.split(' ').map(str::to_owned).collect())
        });
        Self {
            process,
            said: said.next().unwrap(),
        }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn role() -> Option<(String, Backstop)> {
    let directory = std::env::var_os(DIRECTORY)?;
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(directory.into()))
        .start();
    assert_eq!(backstop.degraded(), None);
    Some((std::env::var(ROLE).unwrap(), backstop))
}

fn say(text: &str) {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "READY {text}").unwrap();
    stdout.flush().unwrap();
}

fn ready(text: &str) -> ! {
    say(text);
    loop {
        std::thread::park();
    }
}

fn sweep(directory: &Path, rehearse: bool) -> SweepReport {
    let reclaimers = Reclaimers::new().with(TreeReclaimer);
    let sweep = Sweep::new(&reclaimers)
        .directories(vec![directory.to_owned()])
        .rehearse(rehearse)
        .deadline(LONG);
    // A child that is still on its way through exec keeps the lease of its dead owner for a moment; the
    // next sweep finds it.
    eventually(|| {
        let report = sweep.run();
        let is_kept = |ledger: &SweptLedger| matches!(ledger.fate, LedgerFate::LeaseKept { .. });
        (!report.ledgers.iter().any(is_kept)).then_some(report)
    })
}

/// A private directory, as a ledger's must be.
fn place() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;

    tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
        .unwrap()
}

#[test]
fn a_tree_goes_with_the_sweep_after_its_owner_was_killed() {
    if let Some((role, backstop)) = role() {
        let containment = match role.as_str() {
            "cgroup" => Containment::Cgroup,
            _ => Containment::Walk,
        };
        let (child, pinned) = grown(&backstop, FIVE, containment, SLEEPERS);
        let pids: Vec<String> = pinned.iter().map(|one| one.pid().to_string()).collect();
        ready(&format!("{} {}", child.cookie(), pids.join(" ")));
    }
    for containment in containments() {
        let place = place();
        let owner = Owner::start(
            "a_tree_goes_with_the_sweep_after_its_owner_was_killed",
            &containment.to_string(),
            place.path(),
        );
        let cookie: Cookie = owner.said[0].parse().unwrap();
        let pinned: Vec<PinnedProcess> = owner.said[1..]
            .iter()
            .map(|pid| PinnedProcess::pin(pid.parse().unwrap()).unwrap())
            .collect();
        assert!(pinned.len() >= SLEEPERS);

        // A sweep must leave the tree of a living owner alone.
        assert!(sweep(place.path(), false).items.is_empty());
        let alive = || pinned.iter().filter(|one| !one.has_exited()).count();
        assert!(alive() >= SLEEPERS);
        owner.kill();
        assert!(alive() >= SLEEPERS, "they outlive it");

        let rehearsed = sweep(place.path(), true);
        let item = &rehearsed.items[0];
        assert!(item.judgement.acts(), "{item}");
        let text = item.to_string();
        assert!(
            text.contains("carries the cookie") || text.contains("is in the cgroup"),
            "{text}"
        );
        assert!(pinned.iter().any(|one| !one.has_exited()), "a rehearsal");

        let swept = sweep(place.path(), false);
        assert_eq!(
            swept.items[0].outcome,
            Some(Outcome::Released),
            "{}",
            swept.items[0]
        );
        assert!(swept.count() >= SLEEPERS as u64);
        assert_gone(&pinned, &cookie, &containment.to_string());
        assert!(
            sweep(place.path(), false).items.is_empty(),
            "the ledger is gone"
        );
    }
}

#[test]
fn what_cleared_its_environment_beneath_a_carrier_goes_with_the_sweep() {
    const TEST: &str = "what_cleared_its_environment_beneath_a_carrier_goes_with_the_sweep";
    if let Some((role, backstop)) = role() {
        let containment = match role.as_str() {
            "cgroup" => Containment::Cgroup,
            _ => Containment::Walk,
        };
        let script =
            "setsid sh -c 'env -i sh -c \"trap : TERM; sleep 1071 & wait; wait\" & wait' & exit 0";
        let (child, pinned) = grown(&backstop, script, containment, 1);
        let pids: Vec<String> = pinned.iter().map(|one| one.pid().to_string()).collect();
        ready(&format!("{} {}", child.cookie(), pids.join(" ")));
    }
    for containment in containments() {
        let place = place();
        let owner = Owner::start(TEST, &containment.to_string(), place.path());
        let cookie: Cookie = owner.said[0].parse().unwrap();
        let pinned: Vec<PinnedProcess> = owner.said[1..]
            .iter()
            .filter_map(|pid| PinnedProcess::pin(pid.parse().unwrap()).ok())
            .collect();
        owner.kill();
        assert!(pinned.iter().filter(|one| !one.has_exited()).count() >= 3);
        let swept = sweep(place.path(), false);
        assert_eq!(
            swept.items[0].outcome,
            Some(Outcome::Released),
            "{}",
            swept.items[0]
        );
        if containment == Containment::Walk {
            let text = swept.items[0].to_string();
            assert!(
                text.contains("descends from a process that carries"),
                "{text}"
            );
        }
        assert_gone(&pinned, &cookie, &containment.to_string());
    }
}

#[test]
fn a_server_and_its_child_go_with_the_sweep() {
    if let Some((_, backstop)) = role() {
        let server = Server::builder("orphan", || sh("setsid sleep 1091 & sleep 1092"))
            .start_on(&backstop)
            .unwrap();
        let pid = server.pid().unwrap();
        ready(&pid.to_string());
    }
    let place = place();
    let owner = Owner::start(
        "a_server_and_its_child_go_with_the_sweep",
        "server",
        place.path(),
    );
    let child = PinnedProcess::pin(owner.said[0].parse().unwrap()).unwrap();
    owner.kill();
    let swept = sweep(place.path(), false);
    assert_eq!(swept.left().count(), 0, "{swept:?}");
    assert!(child.wait_exit(LONG).unwrap());
}

#[test]
#[expect(clippy::zombie_processes, reason = "its owner is killed")]
fn a_child_whose_owner_died_before_it_knew_it_is_found_by_its_cookie() {
    if let Some((_, backstop)) = role() {
        // As far as the builder comes before it knows which process it has.
        let cookie = Cookie::random();
        let recipe = format!("{{\"form\":\"tree/1\",\"cookie\":\"{cookie}\"}}");
        let _intent = backstop
            .intend(backstop_process::config::CHILD, "half begun")
            .recipe(backstop_core::resource::Recipe::from_text(recipe).unwrap())
            .declare();
        let child = sh("setsid sleep 1093 & sleep 1094")
            .env(Cookie::LINEAGE_VARIABLE, cookie.to_string())
            .spawn()
            .unwrap();
        ready(&format!("{cookie} {}", child.id()));
    }
    let place = place();
    let owner = Owner::start(
        "a_child_whose_owner_died_before_it_knew_it_is_found_by_its_cookie",
        "intent",
        place.path(),
    );
    let cookie: Cookie = owner.said[0].parse().unwrap();
    let child = PinnedProcess::pin(owner.said[1].parse().unwrap()).unwrap();
    owner.kill();
    let swept = sweep(place.path(), false);
    assert_eq!(swept.items.len(), 1, "{swept:?}");
    assert_eq!(
        swept.items[0].outcome,
        Some(Outcome::Released),
        "{}",
        swept.items[0]
    );
    assert_gone(&[child], &cookie, "intent");
}

#[test]
fn owners_killed_at_any_moment_of_starting_leave_nothing() {
    if let Some((_, backstop)) = role() {
        say("go");
        loop {
            let child = ChildProcess::builder(sh("setsid sleep 1095 & sleep 1096"))
                .spawn_on(&backstop)
                .unwrap();
            // Whatever the killer meets, it is one of these, or the making of the next one.
            std::mem::drop(child.dismissed());
        }
    }
    let test = "owners_killed_at_any_moment_of_starting_leave_nothing";
    for round in 0..12_u32 {
        let place = place();
        let owner = Owner::start(test, "starts", place.path());
        // A spread of moments; none of them is asserted to be any particular one.
        std::thread::sleep(std::time::Duration::from_micros(u64::from(round) * 1700));
        let run = owner.process.id();
        owner.kill();
        let swept = sweep(place.path(), false);
        let left: Vec<String> = swept.left().map(ToString::to_string).collect();
        assert!(left.is_empty(), "round {round} of {run}: {left:#?}");
        for item in &swept.items {
            let recipe: serde_json::Value =
                serde_json::from_str(item.recipe.as_ref().unwrap().as_str()).unwrap();
            let cookie: Cookie = recipe["cookie"].as_str().unwrap().parse().unwrap();
            assert!(environment::with_cookie(&cookie).unwrap().found.is_empty());
            if let Some(group) = recipe["cgroup_place"].as_str() {
                assert!(!Path::new(group).exists(), "{group}");
            }
        }
        assert!(sweep(place.path(), false).items.is_empty());
    }
}

/// Keeps a child without its guard, as a long-lived owner would have many.
trait Dismissed {
    fn dismissed(self) -> Box<dyn std::any::Any>;
}

impl Dismissed for backstop_core::release::Tracked<ChildProcess> {
    fn dismissed(self) -> Box<dyn std::any::Any> {
        let leaked: &'static mut Self = Box::leak(Box::new(self));
        Box::new(leaked.pid())
    }
}

#[test]
fn what_proves_nothing_is_kept_or_gone() {
    if let Some((_, backstop)) = role() {
        for (label, recipe) in [
            ("broken", "{\"form\":\"tree/1\",\"cookie\":7}".to_owned()),
            (
                "gone",
                format!(
                    "{{\"form\":\"tree/1\",\"cookie\":\"{}\"}}",
                    Cookie::random()
                ),
            ),
        ] {
            let intent = backstop
                .intend(backstop_process::config::CHILD, label)
                .recipe(backstop_core::resource::Recipe::from_text(recipe).unwrap())
                .declare();
            drop(intent);
        }
        ready("now");
    }
    let place = place();
    let owner = Owner::start("what_proves_nothing_is_kept_or_gone", "odd", place.path());
    owner.kill();
    let swept = sweep(place.path(), false);
    let judged = |label: &str| {
        let item = swept.items.iter().find(|item| item.label == label);
        &item.unwrap().judgement
    };
    assert!(matches!(judged("gone"), Judgement::Gone { .. }));
    let Judgement::Keep { reason, .. } = judged("broken") else {
        panic!("{:?}", judged("broken"));
    };
    assert!(
        reason.contains("recipe") && reason.contains("broken"),
        "{reason}"
    );
}

#[test]
fn another_boot_is_gone_and_another_pid_namespace_is_left_alone() {
    let place = place();
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(place.path().to_owned()))
        .start();
    let child = ChildProcess::builder(sh("sleep 1097"))
        .spawn_on(&backstop)
        .unwrap();
    let path = backstop.ledger().unwrap().path().unwrap().to_owned();
    let file = std::fs::File::open(&path).unwrap();
    let reading = LedgerReading::of_file(&file, &path).unwrap();
    let entry = &reading.entries()[0];
    let judge = |owner: &OwnerRecord| {
        let ledger = path.as_path();
        TreeReclaimer.judge(&Orphan {
            ledger,
            owner,
            entry,
        })
    };
    assert!(judge(reading.owner()).acts(), "as if the owner were dead");
    let mut owner = reading.owner().clone();
    owner.process.boot = BootId::from_bytes([7; 16]);
    assert!(matches!(judge(&owner), Judgement::Gone { .. }));
    let mut owner = reading.owner().clone();
    owner.process.pid_namespace += 1;
    let judged = judge(&owner);
    let Judgement::Keep { reason, .. } = &judged else {
        panic!("{judged:?}");
    };
    assert!(reason.contains("pid namespace"), "{reason}");
    assert!(
        child.try_wait().unwrap().is_none(),
        "a judge touches nothing"
    );
    assert!(child.release().outcome.is_released());
}
