//! Leftovers of programs that announce nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backstop_tempfs::orphans::{OrphanReport, OrphanRule, OrphanVerdict, SweepMode};
use backstop_testkit::{Suite, skip};

const HOUR: Duration = Duration::from_secs(3600);

/// Two days on: birth times cannot be set back, so the clock of the rule is set forward.
fn later() -> SystemTime {
    SystemTime::now() + 48 * HOUR
}

fn rule(place: &tempfile::TempDir) -> OrphanRule {
    OrphanRule::new(place.path(), "job-").unwrap().at(later())
}

fn make(path: &Path) -> PathBuf {
    std::fs::write(path, vec![1; 4096]).unwrap();
    path.to_owned()
}

fn verdict_of(report: &OrphanReport, name: &str) -> (OrphanVerdict, String) {
    let path = report.directory.join(name);
    let entry = report.entries.iter().find(|entry| entry.path == path);
    let entry = entry.unwrap_or_else(|| panic!("{name} is not in {report:#?}"));
    (entry.verdict, entry.why.clone())
}

#[test]
fn old_entries_of_the_prefix_go_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    make(&at("job-file"));
    std::fs::create_dir_all(at("job-dir/inner")).unwrap();
    make(&at("job-dir/inner/file"));
    make(&at("other"));
    let precious = tempfile::tempdir().unwrap();
    make(&precious.path().join("file"));
    symlink(precious.path(), at("job-link")).unwrap();
    symlink(precious.path(), at("job-dir/link")).unwrap();

    let mode = rule(&place).sweep(SweepMode::DryRun).unwrap();
    assert!(mode.dry_run && mode.found_something());
    assert_eq!(mode.count, 3, "{mode:#?}");
    assert!(at("job-file").exists() && at("job-dir/inner/file").exists());

    let report = rule(&place).sweep(SweepMode::Act).unwrap();
    assert_eq!(report.count, 3, "{report:#?}");
    assert_eq!(report.bytes, mode.bytes);
    assert!(report.bytes.0 >= 8192);
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(precious.path().join("file").exists());
    let again = rule(&place).sweep(SweepMode::Act).unwrap();
    assert!(again.entries.is_empty() && !again.found_something());

    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["count"], 3);
    assert_eq!(json["entries"][0]["verdict"], "removed");
}

#[test]
fn a_directory_is_as_young_as_its_newest_member() {
    let place = tempfile::tempdir().unwrap();
    let inner = place.path().join("job-dir/inner");
    std::fs::create_dir_all(&inner).unwrap();
    let file = File::create(inner.join("young")).unwrap();
    let young = later() - HOUR;
    file.set_times(std::fs::FileTimes::new().set_modified(young))
        .unwrap();
    make(&place.path().join("job-old"));
    let report = rule(&place).sweep(SweepMode::Act).unwrap();
    let (verdict, why) = verdict_of(&report, "job-dir");
    assert_eq!(verdict, OrphanVerdict::Young);
    assert!(
        why.contains("job-dir/inner/young") && why.contains("24.0 h"),
        "{why}"
    );
    assert_eq!(verdict_of(&report, "job-old").0, OrphanVerdict::Removed);
    assert!(inner.join("young").exists());
    let wide = rule(&place)
        .older_than(HOUR / 2)
        .sweep(SweepMode::Act)
        .unwrap();
    assert_eq!(wide.count, 1, "{wide:#?}");
}

#[test]
fn by_the_real_clock_everything_new_is_young() {
    let place = tempfile::tempdir().unwrap();
    make(&place.path().join("job-file"));
    let rule = OrphanRule::new(place.path(), "job-").unwrap();
    let report = rule.sweep(SweepMode::Act).unwrap();
    assert_eq!(verdict_of(&report, "job-file").0, OrphanVerdict::Young);
    let now = rule
        .older_than(Duration::ZERO)
        .sweep(SweepMode::Act)
        .unwrap();
    assert_eq!(now.count, 1);
}

#[test]
fn what_shows_signs_of_use_is_kept_and_says_why() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let locked_file = File::open(make(&at("job-locked-file"))).unwrap();
    locked_file.lock().unwrap();
    std::fs::create_dir(at("job-locked-dir")).unwrap();
    let locked_dir = File::open(at("job-locked-dir")).unwrap();
    locked_dir.lock().unwrap();
    std::fs::create_dir(at("job-member")).unwrap();
    let member = File::open(make(&at("job-member/locked"))).unwrap();
    member.lock().unwrap();
    make(&at("job-member/free"));
    let socket = UnixListener::bind(at("job-socket")).unwrap();
    make(&at("job-sticky"));
    std::fs::set_permissions(at("job-sticky"), PermissionsExt::from_mode(0o1600)).unwrap();

    for mode in [SweepMode::DryRun, SweepMode::Act] {
        let report = rule(&place).sweep(mode).unwrap();
        for (name, part) in [
            ("job-locked-file", "lock"),
            ("job-locked-dir", "lock"),
            ("job-socket", "bound"),
            ("job-sticky", "sticky"),
        ] {
            let (verdict, why) = verdict_of(&report, name);
            assert_eq!(verdict, OrphanVerdict::Kept, "{name}");
            assert!(why.contains(part), "{name}: {why}");
            assert!(at(name).exists());
        }
    }
    // The locked member stays, under its own name, and the report says so.
    assert!(at("job-member/locked").exists());
    let report = rule(&place).sweep(SweepMode::Act).unwrap();
    let (verdict, why) = verdict_of(&report, "job-member");
    assert!(
        matches!(verdict, OrphanVerdict::Failed | OrphanVerdict::Young),
        "{why}"
    );

    drop((locked_file, locked_dir, member, socket));
    std::fs::remove_file(at("job-sticky")).unwrap();
    let report = rule(&place).sweep(SweepMode::Act).unwrap();
    assert_eq!(report.count, 4, "{report:#?}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn another_users_entry_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let theirs = make(&place.path().join("job-theirs"));
    if let Err(error) = std::os::unix::fs::chown(&theirs, Some(4242), None) {
        skip(
            Suite::OtherUsers,
            &format!("only root can give a file away: {error}"),
        );
        return;
    }
    let report = rule(&place).sweep(SweepMode::Act).unwrap();
    let (verdict, why) = verdict_of(&report, "job-theirs");
    assert_eq!(verdict, OrphanVerdict::Kept);
    assert!(why.contains("4242"), "{why}");
    assert!(theirs.exists());
}

#[test]
fn a_sweep_that_was_killed_is_finished_by_the_next_of_the_same_rule() {
    let place = tempfile::tempdir().unwrap();
    let user = backstop_os::user::effective_id();
    let quarantine = place.path().join(format!(".backstop-orphans-{user}"));
    let taken = quarantine.join("taken");
    std::fs::create_dir_all(&taken).unwrap();
    for directory in [&quarantine, &taken] {
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o700)).unwrap();
    }
    std::fs::create_dir(taken.join("job-dir")).unwrap();
    make(&taken.join("job-dir/file"));
    let report = rule(&place).sweep(SweepMode::Act).unwrap();
    assert_eq!(report.count, 1, "{report:#?}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_came_a_moment_ago_is_young_whatever_time_it_has_been_given() {
    let place = tempfile::tempdir().unwrap();
    let path = make(&place.path().join("job-unpacked"));
    // As an archive does that is unpacked.
    let old = SystemTime::now() - 1000 * HOUR;
    let times = std::fs::FileTimes::new().set_modified(old);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_times(times)
        .unwrap();
    let rule = OrphanRule::new(place.path(), "job-").unwrap();
    let report = rule.sweep(SweepMode::Act).unwrap();
    assert_eq!(verdict_of(&report, "job-unpacked").0, OrphanVerdict::Young);
    assert!(path.exists());
}
