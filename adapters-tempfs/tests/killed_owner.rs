//! What a killed owner leaves is found, proven, and removed; nothing else is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod victim;

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use backstop_core::reclaim::{Judgement, LedgerFate, Receipts, SweepReport};
use backstop_tempfs::{AtomicFile, AtomicOptions, TempOptions, temp_dir, temp_file};
use victim::{Ground, name_path, role, wait};

/// No test: what this program does when a test started it to be killed.
#[test]
fn play() {
    match role().as_deref() {
        Some("owner") => own(),
        Some("sweeper") => sweep_as_told(),
        Some(other) => panic!("no role is called {other}"),
        None => {}
    }
}

/// Has one of each kind, commits one file, and waits.
fn own() {
    let base = PathBuf::from(std::env::var_os("TMPDIR").unwrap());
    let directory = temp_dir().unwrap();
    name_path(directory.path());
    std::fs::create_dir(directory.path().join("inner")).unwrap();
    std::fs::write(directory.path().join("inner/file"), vec![1; 8192]).unwrap();
    let file = temp_file().unwrap();
    file.access().write_all(b"row").unwrap();
    let beside = TempOptions::new().in_directory(&base).prefix("beside-");
    let outside = beside.create_dir().unwrap();
    std::fs::write(outside.path().join("file"), "x").unwrap();
    name_path(outside.path());
    let first = AtomicOptions::new().create(base.join("target")).unwrap();
    first.access().write_all(&[b'n'; 10_000]).unwrap();
    AtomicFile::commit(first).unwrap();
    let second = AtomicOptions::new().create(base.join("target")).unwrap();
    second.access().write_all(b"half").unwrap();
    wait();
}

fn sweep_as_told() {
    let directory = PathBuf::from(std::env::var_os("BACKSTOP_DIR").unwrap());
    let reclaimers = backstop_core::reclaim::Reclaimers::local();
    let sweep = backstop_core::reclaim::Sweep::new(&reclaimers);
    drop(sweep.directories(vec![directory]).run());
}

fn assert_clean(ground: &Ground, report: &SweepReport, about: &str) {
    assert_eq!(report.left().count(), 0, "{about}: {report:#?}");
    let left = ground.left();
    let target = ground.base.join("target");
    assert!(
        left.iter().all(|path| *path == target),
        "{about}: {left:?} is left"
    );
    let again = ground.sweep();
    assert!(
        again.items.is_empty() && again.ledgers.is_empty(),
        "{about}"
    );
}

/// The target is absent, old or new, and never half.
fn assert_whole(target: &Path, about: &str) {
    match std::fs::read(target) {
        Ok(content) if content == b"old" => {}
        Ok(content) => assert_eq!(content, [b'n'; 10_000], "{about}"),
        Err(error) => panic!("{about}: {error}"),
    }
}

#[test]
fn a_sweep_explains_and_removes_all_that_a_killed_owner_left() {
    let ground = Ground::new();
    let owner = ground.start("owner", "");
    let alive = ground.sweep();
    assert!(alive.items.is_empty());
    assert_eq!(alive.ledgers[0].fate, LedgerFate::OwnerAlive);
    assert!(owner.paths().iter().all(|path| path.exists()));
    owner.kill();

    let rehearsal = ground.rehearse();
    assert_eq!(rehearsal.items.len(), 5, "{rehearsal:#?}");
    for item in &rehearsal.items {
        let Judgement::Reclaim { evidence, act, .. } = &item.judgement else {
            panic!("{item}");
        };
        assert!(act.starts_with("remove "), "{act}");
        assert!(evidence.iter().any(|line| line.contains("equal")), "{item}");
        println!("{item}");
    }
    assert!(!ground.left().is_empty());

    let report = ground.sweep();
    assert!(
        report.count() >= 8 && report.bytes().0 >= 8192,
        "{report:#?}"
    );
    assert_clean(&ground, &report, "killed");
    let (receipts, unreadable) = Receipts::of(&ground.ledgers).read().unwrap();
    assert_eq!((receipts.len(), unreadable), (5, 0));
}

#[test]
fn wherever_the_owner_is_killed_nothing_is_left_and_the_target_is_whole() {
    let places = [
        "ledger.intent:1",
        "place.root-made",
        "ledger.live:1",
        "ledger.intent:2",
        "place.directory-made:1",
        "ledger.live:2",
        "ledger.intent:3",
        "place.file-made",
        "place.directory-made:2",
        "ledger.intent:5",
        "place.partial-made:1",
        "place.partial-written",
        "place.partial-renamed",
        "ledger.closed:1",
        "place.partial-made:2",
    ];
    for place in places {
        let ground = Ground::new();
        std::fs::write(ground.base.join("target"), "old").unwrap();
        let mut owner = ground.start("owner", place);
        let status = owner.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{place} was not reached");
        let report = ground.sweep();
        assert_clean(&ground, &report, place);
        assert_whole(&ground.base.join("target"), place);
    }
}

#[test]
fn a_sweep_that_is_killed_is_finished_by_the_next() {
    for place in [
        "sweep.acting:1",
        "place.reclaiming:3",
        "sweep.closing:2",
        "sweep.closing:5",
    ] {
        let ground = Ground::new();
        ground.start("owner", "").kill();
        let mut sweeper = ground.start("sweeper", place);
        let status = sweeper.child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{place} was not reached");
        let report = ground.sweep();
        assert_clean(&ground, &report, place);
    }
}

#[test]
fn a_removal_that_was_killed_in_its_quarantine_is_finished() {
    let ground = Ground::new();
    let owner = ground.start("owner", "");
    let outside = owner.paths()[1].to_owned();
    owner.kill();
    // As a sweeper leaves it that is killed after the move.
    let name = outside.file_name().unwrap().to_str().unwrap();
    let cookie = name.strip_prefix("beside-").unwrap();
    let taken = ground.base.join(format!(".backstop-{cookie}/taken"));
    let mut private = std::fs::DirBuilder::new();
    private.mode(0o700).recursive(true).create(&taken).unwrap();
    std::fs::rename(&outside, taken.join(name)).unwrap();

    let report = ground.rehearse();
    let item = report
        .items
        .iter()
        .find(|item| item.label.contains("beside-"));
    assert!(item.unwrap().to_string().contains("did not end"));
    let report = ground.sweep();
    assert_clean(&ground, &report, "quarantine");
}

/// As an owner or a sweeper leaves it that is killed after the removal, before or after the inner
/// directory went.
#[test]
fn a_quarantine_that_a_killed_removal_left_empty_goes() {
    for inner in ["taken", ""] {
        let ground = Ground::new();
        let owner = ground.start("owner", "");
        let outside = owner.paths()[1].to_owned();
        owner.kill();
        let name = outside.file_name().unwrap().to_str().unwrap();
        let cookie = name.strip_prefix("beside-").unwrap();
        let left = ground.base.join(format!(".backstop-{cookie}")).join(inner);
        let mut private = std::fs::DirBuilder::new();
        private.mode(0o700).recursive(true).create(left).unwrap();
        std::fs::remove_dir_all(&outside).unwrap();

        let report = ground.rehearse();
        let item = report
            .items
            .iter()
            .find(|item| item.label.contains("beside-"));
        assert!(item.unwrap().to_string().contains("empty quarantine"));
        let report = ground.sweep();
        assert_clean(&ground, &report, "empty quarantine");
    }
}

#[test]
fn links_are_not_followed_and_what_they_lead_to_stays() {
    let ground = Ground::new();
    let precious = tempfile::tempdir().unwrap();
    std::fs::write(precious.path().join("file"), "precious").unwrap();
    let owner = ground.start("owner", "");
    let directory = owner.paths()[0].to_owned();
    owner.kill();
    symlink(precious.path(), directory.join("link")).unwrap();
    symlink(precious.path(), directory.parent().unwrap().join("link")).unwrap();
    // The entry itself is a link now.
    std::fs::rename(&directory, directory.with_extension("moved")).unwrap();
    symlink(precious.path(), &directory).unwrap();

    let report = ground.sweep();
    let label = directory.display().to_string();
    let item = report
        .items
        .iter()
        .find(|item| item.label == label)
        .unwrap();
    assert!(matches!(item.judgement, Judgement::Keep { .. }), "{item}");
    assert!(precious.path().join("file").exists());
    // The root went with the link in it, so that the next sweep finds nothing more.
    let report = ground.sweep();
    assert_clean(&ground, &report, "links");
    assert!(precious.path().join("file").exists());
}

#[test]
fn a_directory_in_the_place_of_the_recorded_one_is_kept_and_explained() {
    let ground = Ground::new();
    let owner = ground.start("owner", "");
    let (root, outside) = (
        owner.paths()[0].parent().unwrap().to_owned(),
        owner.paths()[1].to_owned(),
    );
    owner.kill();
    for replaced in [&root, &outside] {
        std::fs::remove_dir_all(replaced).unwrap();
        let mut private = std::fs::DirBuilder::new();
        private.mode(0o700).create(replaced).unwrap();
        std::fs::write(replaced.join("precious"), "x").unwrap();
    }
    for _ in 0..2 {
        let report = ground.sweep();
        let kept: Vec<_> = report.left().map(ToString::to_string).collect();
        assert_eq!(kept.len(), 2, "{kept:#?}");
        assert!(
            kept.iter().all(|text| text.contains("was replaced")),
            "{kept:#?}"
        );
        assert!(root.join("precious").exists() && outside.join("precious").exists());
    }
}

#[test]
fn a_root_whose_lock_another_process_holds_is_kept() {
    let ground = Ground::new();
    let owner = ground.start("owner", "");
    let root = owner.paths()[0].parent().unwrap().to_owned();
    owner.kill();
    let holder = std::fs::File::open(&root).unwrap();
    holder.lock().unwrap();
    let report = ground.sweep();
    let kept = report
        .left()
        .filter(|item| item.to_string().contains("holds the lock"));
    assert_eq!(kept.count(), 3, "{report:#?}");
    assert!(root.exists());
    drop(holder);
    let report = ground.sweep();
    assert_clean(&ground, &report, "lock");
}

#[test]
fn an_owner_that_ends_in_order_leaves_nothing_to_sweep() {
    let ground = Ground::new();
    let mut owner = ground.start("owner", "");
    drop(owner.child.stdin.take());
    assert!(owner.child.wait().unwrap().success());
    assert_eq!(ground.left(), [ground.base.join("target")]);
    let report = ground.sweep();
    assert!(
        report.items.is_empty() && report.ledgers.is_empty(),
        "{report:#?}"
    );
}

fn example() -> Command {
    let program = std::env::current_exe().unwrap();
    let path = program
        .parent()
        .unwrap()
        .with_file_name("examples/thirty_lines");
    assert!(
        path.exists(),
        "build it first: cargo build --example thirty_lines"
    );
    Command::new(path)
}

#[test]
fn the_example_is_swept_after_a_kill() {
    let ground = Ground::new();
    let owner = ground.spawn(example(), "");
    assert_eq!(ground.left().len(), 4);
    owner.kill();
    let report = ground.sweep();
    assert_eq!(report.items.len(), 3);
    assert_clean(&ground, &report, "example");
}

#[test]
fn with_a_guardian_nothing_is_left_at_once() {
    let ground = Ground::new();
    let mut command = example();
    command.arg("--guardian");
    let owner = ground.spawn(command, "");
    assert_eq!(ground.left().len(), 4);
    owner.kill();
    let killed = Instant::now();
    while !ground.left().is_empty() && killed.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("gone {:?} after the kill", killed.elapsed());
    assert_eq!(ground.left(), [] as [PathBuf; 0]);
    // Its guardian takes the ledger away last.
    while std::fs::read_dir(&ground.ledgers).unwrap().count() > 1
        && killed.elapsed() < Duration::from_secs(20)
    {
        std::thread::sleep(Duration::from_millis(1));
    }
    let report = ground.sweep();
    assert!(report.items.is_empty(), "{report:#?}");
}
