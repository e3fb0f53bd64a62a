//! SIGKILL of owners and sweepers, at every state of the ledger and at any instant, for every kind that
//! outlives a killed owner: after one sweep nothing is left, nothing was removed twice, and nothing of
//! an owner that lives beside them was touched.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod marked;

use std::any::Any;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use backstop_core::Backstop;
use backstop_core::policy::CleanupPolicy;
use backstop_core::reclaim::{LedgerFate, Receipts, Reclaimers, Sweep, SweepReport};
use backstop_core::resource::Rung;
use backstop_os::pinned::PinnedProcess;
use backstop_process::config::child_policy;
use backstop_process::{ChildProcess, Containment, ProcessWorker, Server};
use backstop_tempfs::{AtomicFile, AtomicOptions, TempOptions, temp_dir, temp_file};
use backstop_testkit::attackers::start_slowly;
use backstop_testkit::dice::Dice;
use backstop_testkit::kill_points::KillPoints;
use backstop_testkit::role::{self, Actor};
use backstop_testkit::rounds;
use marked::{Mark, names_in};

/// An owner's changes of state, and those of its kinds.
const OWNERS_PLACES: [&str; 10] = [
    KillPoints::OWNER[0],
    KillPoints::OWNER[1],
    KillPoints::OWNER[2],
    KillPoints::OWNER[3],
    "place.root-made",
    "place.directory-made",
    "place.file-made",
    "place.partial-made",
    "place.partial-written",
    "place.partial-renamed",
];

const SWEEPERS_PLACES: [&str; 3] = [
    KillPoints::SWEEPER[0],
    KillPoints::SWEEPER[1],
    "place.reclaiming",
];

/// Every kind of which something outlives a killed owner. A run's tree has a test of its own.
const KINDS: [&str; 7] = [
    "process.child",
    "process.server",
    "process.worker",
    "tempfs.dir",
    "tempfs.file",
    "tempfs.partial",
    "place.root",
];

const SEED: &str = "TEST_SEED";
const SCRIPT: &str = "setsid sleep 2001 & sleep 2002";
/// Answers each request with 1.
const WORKER: &str =
    r#"while read -r l; do n=${l#*:}; n=${n%%,*}; echo "{\"id\":$n,\"answer\":1}"; done"#;
/// The latest instant of a blow: an owner has opened several by then.
const LATEST: Duration = Duration::from_millis(60);

/// Ledgers and temp directories, and an owner that lives all the time.
struct Ground {
    place: tempfile::TempDir,
    witness: Actor,
    witness_mark: Mark,
    witness_paths: Vec<PathBuf>,
    witness_children: Vec<PinnedProcess>,
    tally: Tally,
}

/// What came of all rounds.
#[derive(Debug, Default)]
struct Tally {
    rounds: u32,
    killed: u32,
    reclaimed: u64,
    kinds: BTreeSet<String>,
}

/// Where an actor is killed.
#[derive(Debug, Clone)]
enum Blow {
    At(String),
    After(Duration),
}

impl Blow {
    fn drawn(dice: &mut Dice, places: &[&str], most: u64) -> Self {
        if dice.below(2) == 0 {
            Self::At(format!("{}:{}", dice.of(places), 1 + dice.below(most)))
        } else {
            let latest = u64::try_from(LATEST.as_micros()).unwrap();
            Self::After(Duration::from_micros(dice.below(latest)))
        }
    }

    /// Starts the actor and lets the blow fall; whether it hit. One that passes the place ends well.
    fn strike(&self, command: &mut Command) -> bool {
        if let Self::At(place) = self {
            command.env("BACKSTOP_KILL_AT", place);
        }
        let mut actor = Actor::start(command);
        let status = match self {
            Self::At(_) => actor.wait(),
            Self::After(span) => {
                // It says when it begins.
                assert_eq!(actor.next_line().as_deref(), Some("begins"));
                std::thread::sleep(*span);
                actor.kill()
            }
        };
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        assert!(signal == Some(9) || status.success(), "{self:?}: {status}");
        signal == Some(9)
    }
}

impl Ground {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let witness_mark = Mark::new();
        let mut command = actor(place.path(), "witness", "witness", &witness_mark);
        let mut witness = Actor::start(&mut command);
        let mut ground = Self {
            place,
            witness_mark,
            witness_paths: Vec::new(),
            witness_children: Vec::new(),
            tally: Tally::default(),
            witness: {
                assert_eq!(witness.next_line().as_deref(), Some("begins"));
                witness
            },
        };
        while let Some(line) = ground.witness.next_line().filter(|line| line != "open") {
            ground.witness_paths.push(line.into());
        }
        let own = i32::try_from(ground.witness.pid()).unwrap();
        for (pid, _) in ground.witness_mark.bearers() {
            if pid != own {
                let process = PinnedProcess::pin(pid).unwrap();
                ground.witness_children.push(process);
            }
        }
        // A child, a server and a worker at the least; what they start in turn may come later.
        assert!(ground.witness_paths.len() >= 4 && ground.witness_children.len() >= 3);
        ground
    }

    fn ledgers(&self) -> PathBuf {
        self.place.path().join("ledgers")
    }

    fn actor(&self, role: &str, base: &str, mark: &Mark) -> Command {
        actor(self.place.path(), role, base, mark)
    }

    fn sweep(&self) -> SweepReport {
        sweep(&self.ledgers())
    }

    /// One sweep, or two side by side: then one of them finds each ledger. Nothing of the round is
    /// left, nothing of the witness is touched, and nothing was reclaimed twice.
    fn assert_clean_after_a_sweep(&mut self, base: &str, mark: &Mark, about: &str) {
        let ledgers = self.ledgers();
        let beside = std::thread::spawn(move || sweep(&ledgers));
        let reports = [self.sweep(), beside.join().unwrap()];
        for report in &reports {
            assert_eq!(report.left().count(), 0, "{about}: {report:#?}");
            for item in &report.items {
                self.tally.kinds.insert(item.kind.clone());
            }
            self.tally.reclaimed += report.count();
        }
        let alive = mark.bearers();
        assert!(
            alive.is_empty(),
            "{about}: survivors: {alive:?}: {reports:#?}"
        );
        let base = self.place.path().join(base);
        let mut left = names_in(&base);
        // What was committed is the user's.
        left.retain(|name| name != "target");
        assert!(
            left.is_empty(),
            "{about}: left on disk: {left:?}: {reports:#?}"
        );
        for report in &reports {
            for item in &report.items {
                let recipe = item
                    .recipe
                    .as_ref()
                    .map_or("null", |recipe| recipe.as_str());
                let recipe: serde_json::Value = serde_json::from_str(recipe).unwrap();
                let group = [&recipe["cgroup_place"], &recipe["cgroup"]["path"]];
                for group in group.into_iter().filter_map(|path| path.as_str()) {
                    assert!(!Path::new(group).exists(), "{about}: {group} is left");
                }
            }
        }
        let again = self.sweep();
        assert!(again.items.is_empty(), "{about}: {again:#?}");
        let [witness] = &again.ledgers[..] else {
            panic!("{about}: {again:#?}");
        };
        assert_eq!(witness.fate, LedgerFate::OwnerAlive, "{about}");
        self.assert_witness_is_whole(about);
        self.assert_receipts_are_single(about);
        std::fs::remove_dir_all(base).unwrap();
    }

    fn assert_witness_is_whole(&self, about: &str) {
        for path in &self.witness_paths {
            assert!(
                path.exists(),
                "{about}: {} of a living owner",
                path.display()
            );
        }
        for child in &self.witness_children {
            assert!(
                !child.has_exited(),
                "{about}: {} of a living owner",
                child.pid()
            );
        }
    }

    /// No receipt names a resource that another one names; then they are taken away, so that the next
    /// round's are its own.
    fn assert_receipts_are_single(&self, about: &str) {
        let (receipts, unreadable) = Receipts::of(&self.ledgers()).read().unwrap();
        assert_eq!(unreadable, 0, "{about}");
        let mut seen = BTreeSet::new();
        for receipt in &receipts {
            let (ledger, id) = (&receipt.item["ledger"], &receipt.item["id"]);
            let is_new = seen.insert((ledger.to_string(), id.to_string()));
            assert!(is_new, "{about}: reclaimed twice: {:#}", receipt.item);
        }
        let _ = std::fs::remove_file(self.ledgers().join(Receipts::NAME));
    }

    /// The witness ends in order, and takes all of its own with it.
    fn end(mut self, name: &str) {
        self.witness.cue();
        assert!(self.witness.wait().success());
        let report = self.sweep();
        assert!(report.items.is_empty() && report.ledgers.is_empty());
        assert!(self.witness_children.iter().all(PinnedProcess::has_exited));
        // For the person who runs the long form.
        eprintln(&format!("{name}: {:?}, 0 left", self.tally));
        let missing: Vec<_> = KINDS
            .iter()
            .filter(|kind| !self.tally.kinds.contains(**kind))
            .collect();
        assert!(missing.is_empty(), "never left behind: {missing:?}");
    }
}

/// Past libtest's capture, which shows nothing of a test that passes.
fn eprintln(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn actor(place: &Path, role: &str, base: &str, mark: &Mark) -> Command {
    let base = place.join(base);
    std::fs::create_dir_all(&base).unwrap();
    let mut command = role::command(role).unwrap();
    command
        .env("BACKSTOP_DIR", place.join("ledgers"))
        .env("TMPDIR", base);
    mark.put_on(&mut command);
    command
}

fn sweep(ledgers: &Path) -> SweepReport {
    let reclaimers = Reclaimers::local();
    Sweep::new(&reclaimers)
        .directories(vec![ledgers.to_owned()])
        .run()
}

/// One that is open, as a role holds it.
type Held = Box<dyn Any>;

fn impatient() -> CleanupPolicy {
    child_policy()
        .with_deadline(Rung::Ask, Duration::from_millis(100))
        .with_deadline(Rung::Insist, Duration::from_millis(100))
}

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Opens one of the n-th kind; `None` for a file that was committed, of which nothing stays open.
fn open(kind: u64, containment: Containment) -> Option<(Held, Option<PathBuf>)> {
    let base = PathBuf::from(std::env::var_os("TMPDIR").unwrap());
    let backstop = Backstop::global();
    Some(match kind {
        0 => {
            let directory = temp_dir().unwrap();
            std::fs::create_dir(directory.path().join("inner")).unwrap();
            std::fs::write(directory.path().join("inner/file"), "rows").unwrap();
            let path = directory.path().to_owned();
            (Box::new(directory), Some(path))
        }
        1 => {
            let file = temp_file().unwrap();
            let path = file.path().to_owned();
            (Box::new(file), Some(path))
        }
        2 => {
            let options = TempOptions::new().in_directory(&base).prefix("beside-");
            let directory = options.create_dir().unwrap();
            std::fs::write(directory.path().join("file"), "rows").unwrap();
            let path = directory.path().to_owned();
            (Box::new(directory), Some(path))
        }
        3 => {
            let file = AtomicOptions::new().create(base.join("target")).unwrap();
            let path = file.path().to_owned();
            (Box::new(file), Some(path))
        }
        4 => {
            let file = AtomicOptions::new().create(base.join("target")).unwrap();
            AtomicFile::commit(file).unwrap();
            return None;
        }
        5 => {
            let child = ChildProcess::builder(sh(SCRIPT))
                .at_most(containment)
                .policy(impatient());
            (Box::new(child.spawn().unwrap()), None)
        }
        6 => {
            let server = Server::builder("server", || sh(SCRIPT)).child_policy(impatient());
            (Box::new(server.start_on(&backstop).unwrap()), None)
        }
        _ => {
            let worker = ProcessWorker::of_command("worker", || sh(WORKER)).policy(impatient());
            let one: i64 = worker.request(&0, Actor::PATIENCE).unwrap();
            assert_eq!(one, 1);
            (Box::new(worker), None)
        }
    })
}

/// Opens and releases resources of all kinds, in an order determined by the seed.
fn live_a_life() {
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let mut dice = Dice::new(seed);
    let mut held = Vec::new();
    role::say("begins");
    for _ in 0..16 {
        if dice.below(4) == 0 && !held.is_empty() {
            let one = dice.below(held.len() as u64);
            drop(held.swap_remove(usize::try_from(one).unwrap()));
        } else {
            let containment = *dice.of(&[Containment::Cgroup, Containment::Walk]);
            held.extend(open(dice.below(8), containment));
        }
    }
}

/// Has one of each kind, and says which are its own.
fn witness() {
    role::say("begins");
    let held: Vec<_> = (0..8)
        .filter_map(|kind| open(kind, Containment::Cgroup))
        .collect();
    for path in held.iter().filter_map(|(_, path)| path.as_ref()) {
        role::say(&path.display().to_string());
    }
    role::say("open");
    role::wait_for_cue();
}

fn containment_of_seed() -> Containment {
    match std::env::var(SEED).unwrap().as_str() {
        "0" => Containment::Cgroup,
        _ => Containment::Walk,
    }
}

fn has_played() -> bool {
    match role::assigned().as_deref() {
        Some("witness") => witness(),
        Some("owner") => live_a_life(),
        Some("full owner") => {
            role::say("begins");
            let _held: Vec<_> = (0..8)
                .filter_map(|kind| open(kind, Containment::Cgroup))
                .collect();
            role::say("open");
            role::wait_to_be_killed();
        }
        Some("starter") => {
            role::say("begins");
            let mut command = sh(SCRIPT);
            start_slowly(&mut command, 300);
            let child = ChildProcess::builder(command).at_most(containment_of_seed());
            // It is killed before the child executes.
            let _child = child.spawn();
        }
        Some("sweeper") => {
            role::say("begins");
            let directory = PathBuf::from(std::env::var_os("BACKSTOP_DIR").unwrap());
            drop(sweep(&directory));
        }
        _ => return false,
    }
    true
}

#[test]
fn owners_killed_at_any_state_and_any_instant_leave_nothing_after_one_sweep() {
    if has_played() {
        return;
    }
    let mut ground = Ground::new();
    for round in 0..rounds(80) {
        let mut dice = Dice::new(u64::from(round));
        let blow = Blow::drawn(&mut dice, &OWNERS_PLACES, 8);
        let base = format!("round-{round}");
        let mark = Mark::new();
        let mut command = ground.actor("owner", &base, &mark);
        command.env(SEED, round.to_string());
        ground.tally.rounds += 1;
        ground.tally.killed += u32::from(blow.strike(&mut command));
        ground.assert_clean_after_a_sweep(&base, &mark, &format!("round {round}, {blow:?}"));
    }
    ground.end("owners");
}

#[test]
fn sweepers_killed_at_any_state_and_any_instant_leave_nothing_after_the_next_sweep() {
    if has_played() {
        return;
    }
    let mut ground = Ground::new();
    for round in 0..rounds(30) {
        let mut dice = Dice::new(u64::from(round) << 32);
        let blow = Blow::drawn(&mut dice, &SWEEPERS_PLACES, 9);
        let base = format!("round-{round}");
        let (mark, sweepers_mark) = (Mark::new(), Mark::new());
        let mut owner = Actor::start(&mut ground.actor("full owner", &base, &mark));
        assert_eq!(owner.next_line().as_deref(), Some("begins"));
        assert_eq!(owner.next_line().as_deref(), Some("open"));
        owner.kill();
        let mut command = ground.actor("sweeper", &base, &sweepers_mark);
        ground.tally.rounds += 1;
        ground.tally.killed += u32::from(blow.strike(&mut command));
        ground.assert_clean_after_a_sweep(&base, &mark, &format!("round {round}, {blow:?}"));
    }
    ground.end("sweepers");
}

/// Between fork and exec a child is in no cgroup and carries no cookie.
#[test]
fn a_child_that_a_killed_owner_was_starting_is_found() {
    if has_played() {
        return;
    }
    let ground = Ground::new();
    for seed in ["0", "1"] {
        let mark = Mark::new();
        let base = format!("start-{seed}");
        let mut command = ground.actor("starter", &base, &mark);
        command.env(SEED, seed);
        let mut owner = Actor::start(&mut command);
        assert_eq!(owner.next_line().as_deref(), Some("begins"));
        // The owner itself, and its child.
        let late = Instant::now() + Actor::PATIENCE;
        while mark.bearers().len() < 2 {
            assert!(Instant::now() < late, "the child is not forked");
        }
        owner.kill();
        let report = ground.sweep();
        let late = Instant::now() + Duration::from_secs(1);
        // What the sweep missed would execute only now.
        while mark.bearers().is_empty() && Instant::now() < late {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(mark.bearers(), [], "{seed}: {report:#?}");
        assert_eq!(report.left().count(), 0, "{seed}: {report:#?}");
        assert!(ground.sweep().items.is_empty(), "{seed}");
    }
}
