//! A tree of a kind that the sweeping program has never heard of is reclaimed by its recipe's form.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::Command;

use backstop_core::Backstop;
use backstop_core::reclaim::{Reclaimers, Sweep};
use backstop_core::release::Outcome;
use backstop_core::resource::Kind;
use backstop_core::tree::{Containment, TreePlan, TreeReclaimer};
use backstop_os::before_exec::BeforeExec;
use backstop_os::pinned::PinnedProcess;
use backstop_testkit::role::{self, Actor};

const KIND: &str = "unknown.kind";

/// A private directory, as a ledger's must be.
fn place() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;

    tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
        .unwrap()
}

/// Starts a tree of two, and says who they are.
fn own_a_tree(containment: Containment) -> ! {
    let draft = Backstop::global().intend(Kind::new(KIND), "two sleepers");
    let announced = TreePlan::new()
        .at_most(containment)
        .announce(draft)
        .unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "env -i setsid sleep 5001 & wait"]);
    let spawned = announced.spawn(&mut command, BeforeExec::new()).unwrap();
    let tree = spawned.intent.fulfil(spawned.child);
    let members = loop {
        let members = tree.members().unwrap();
        if members.iter().any(|member| member.command == "sleep") {
            break members;
        }
        std::thread::yield_now();
    };
    let pids: Vec<String> = members.iter().map(|one| one.pid.to_string()).collect();
    role::say(&pids.join(" "));
    role::wait_to_be_killed();
}

#[test]
fn a_tree_of_an_unknown_kind_is_reclaimed_by_its_form() {
    match role::assigned().as_deref() {
        Some("cgroup") => own_a_tree(Containment::Cgroup),
        Some(_) => own_a_tree(Containment::Walk),
        None => {}
    }
    for role in ["walk", "cgroup"] {
        let place = place();
        let mut command = role::command(role).unwrap();
        let mut owner = Actor::start(command.env("BACKSTOP_DIR", place.path()));
        let said = owner.next_line().unwrap();
        let tree: Vec<PinnedProcess> = said
            .split(' ')
            .map(|pid| PinnedProcess::pin(pid.parse().unwrap()).unwrap())
            .collect();
        assert_eq!(tree.len(), 2, "{said}");
        owner.kill();
        assert!(tree.iter().all(|process| !process.has_exited()));

        let sweep = |reclaimers: &Reclaimers| {
            Sweep::new(reclaimers)
                .directories(vec![place.path().to_owned()])
                .run()
        };
        let kept = sweep(&Reclaimers::new());
        assert!(tree.iter().all(|process| !process.has_exited()));
        assert_eq!((kept.items.len(), kept.left().count()), (1, 1), "{kept:?}");

        let swept = sweep(&Reclaimers::new().with(TreeReclaimer));
        let [item] = &swept.items[..] else {
            panic!("{swept:?}");
        };
        assert_eq!(item.kind, KIND);
        assert_eq!(item.outcome, Some(Outcome::Released), "{item}");
        assert!(tree.iter().all(PinnedProcess::has_exited), "{item}");
        assert!(sweep(&Reclaimers::new()).items.is_empty());
    }
}
