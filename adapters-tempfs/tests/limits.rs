//! Handles and bytes are bounded, and the errors say by whom they are held.

use std::fs::OpenOptions;
use std::io::{ErrorKind as Io, Seek, SeekFrom, Write};

use backstop_core::Backstop;
use backstop_core::error::ErrorKind;
use backstop_core::release::{Outcome, Tracking};
use backstop_core::resource::Bytes;
use backstop_tempfs::quota::Quota;
use backstop_tempfs::{HandleLimit, TempDir, TempOptions};

fn backstop() -> Backstop {
    Backstop::builder().tracking(Tracking::Anonymous).start()
}

fn options(place: &tempfile::TempDir) -> TempOptions {
    TempOptions::new().backstop(backstop()).base(place.path())
}

#[test]
fn a_limit_that_is_reached_names_the_oldest_holders() {
    let (backstop, limit) = (backstop(), HandleLimit::of(3));
    let place = tempfile::tempdir().unwrap();
    let write = OpenOptions::new().write(true).create(true).clone();
    let open = |name: &str| limit.open_file(backstop, place.path().join(name), &write);
    let mut held: Vec<_> = ["a", "b", "c"].map(|name| open(name).unwrap()).into();
    let error = open("d").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let text = error.to_string();
    for part in ["limit 3", "/a for", "/c for", "tests/limits.rs:"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.find("/a for") < text.find("/b for"), "{text}");
    assert!(!place.path().join("d").exists());

    let release = held.remove(0).release();
    assert_eq!(release.outcome, Outcome::Released, "{release}");
    assert_eq!(limit.count(), 2);
    let fourth = open("d").unwrap();
    limit.set(2);
    assert!(open("e").is_err());
    drop((fourth, held));
    assert_eq!(limit.count(), 0);
    assert!(limit.oldest(5).is_empty());
}

#[test]
fn a_file_that_cannot_be_opened_holds_nothing() {
    let limit = HandleLimit::of(1);
    let read = OpenOptions::new().read(true).clone();
    for _ in 0..3 {
        let error = limit.open_file(backstop(), "/nowhere", &read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(limit.count(), 0);
}

#[test]
fn the_default_limit_leaves_some_descriptors_to_others() {
    let soft = backstop_os::descriptors::limit().unwrap();
    let text = format!("{:?}", HandleLimit::global());
    assert!(text.contains("Share(80)") && soft > 0, "{text}");
}

#[test]
fn temp_files_count_as_handles() {
    let place = tempfile::tempdir().unwrap();
    let limit = HandleLimit::of(1);
    let options = options(&place).handles(&limit);
    let file = options.create_file().unwrap();
    assert_eq!(options.create_file().unwrap_err().kind(), ErrorKind::Limit);
    drop(file);
    drop(options.create_file().unwrap());
}

#[test]
fn a_write_over_the_quota_is_refused_before_it_is_written() {
    let place = tempfile::tempdir().unwrap();
    let quota = Quota::new("import", Bytes(10_000));
    let options = options(&place).quota(&quota);
    let (one, two) = (
        options.create_file().unwrap(),
        options.create_file().unwrap(),
    );
    one.access().write_all(&[1; 7000]).unwrap();
    let refused = two.access().write_all(&[2; 4000]).unwrap_err();
    assert_eq!(refused.kind(), Io::QuotaExceeded);
    let text = refused.to_string();
    for part in [
        "import",
        "limit 10.0 kB",
        "used 7.0 kB",
        one.path().to_str().unwrap(),
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(two.path().metadata().unwrap().len(), 0);

    two.access().write_all(&[2; 3000]).unwrap();
    assert_eq!(quota.used(), Bytes(10_000));
    one.access().seek(SeekFrom::Start(0)).unwrap();
    one.access().write_all(&[3; 7000]).unwrap();
    two.access().write_all(&[2; 1]).unwrap_err();

    assert!(one.release().outcome.is_released());
    assert_eq!(quota.used(), Bytes(3000));
    two.access().write_all(&[2; 7000]).unwrap();
}

#[test]
fn what_others_wrote_counts_when_it_is_counted_and_what_they_removed_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let quota = Quota::new("render", Bytes(100_000));
    let directory = options(&place).quota(&quota).create_dir().unwrap();
    let file = directory.create_file("ours").unwrap();
    file.access().write_all(&[1; 8192]).unwrap();
    assert_eq!(quota.used(), Bytes(8192));
    let status = std::process::Command::new("dd")
        .args(["if=/dev/zero", "bs=4096", "count=32", "status=none"])
        .arg(format!("of={}", directory.path().join("theirs").display()))
        .status();
    assert!(status.unwrap().success());

    let error = quota.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("render"), "{error}");
    assert!(quota.used().0 >= 32 * 4096 + 8192);
    file.access().write_all(&[1; 4096]).unwrap_err();
    std::fs::remove_file(directory.path().join("theirs")).unwrap();
    file.access().write_all(&[1; 4096]).unwrap();
    let usage = quota.check().unwrap();
    assert_eq!(usage.members.len(), 1);
    assert!(TempDir::measure(&directory).unwrap().bytes.0 >= 12_288);
    drop(file);
    drop(directory);
    assert_eq!(quota.used(), Bytes(0));
}

#[test]
fn a_scope_gives_its_name_and_its_place_to_its_quota() {
    let place = tempfile::tempdir().unwrap();
    let backstop = backstop();
    let mut scope = backstop.scope("nightly");
    let quota = Quota::of_scope(&scope, Bytes(10));
    let options = TempOptions::new()
        .backstop(backstop)
        .base(place.path())
        .quota(&quota);
    let file = scope.hold(options.create_file().unwrap());
    let error = file.access().write_all(&[0; 11]).unwrap_err();
    assert!(error.to_string().contains("nightly"), "{error}");
    assert!(scope.finish().is_clean());
    drop(file);
    assert_eq!(quota.used(), Bytes(0));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
