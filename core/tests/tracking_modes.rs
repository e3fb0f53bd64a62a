//! The program goes on without a ledger, and says why it has none.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use backstop_core::Backstop;
use backstop_core::ledger::Medium;
use backstop_testkit::role::{self, Actor};

use backstop_testkit::subjects::directory::TestDirectory;

const PLACE: &str = "TEST_PLACE";

/// Opens and drops one, and says what became of tracking.
fn say_how_it_is_tracked() {
    let backstop = Backstop::global();
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let guard = TestDirectory::open(&backstop, &place);
    let path = guard.path().to_owned();
    let tracked = guard.id().is_some();
    drop(guard);
    let medium = match backstop.ledger().map(|ledger| ledger.medium().clone()) {
        None => "none",
        Some(Medium::Anonymous) => "anonymous",
        Some(Medium::Directory(_)) => "directory",
    };
    let degraded = backstop.degraded().unwrap_or("no").replace('\n', " ");
    role::say(&format!(
        "{medium}; tracked {tracked}; gone {}; degraded {degraded}",
        !path.exists()
    ));
}

fn played(place: &Path, prepare: impl FnOnce(&mut Command)) -> String {
    let mut command = role::command("owner").unwrap();
    command
        .env(PLACE, place)
        .env("BACKSTOP_DIR", place.join("ledgers"));
    prepare(&mut command);
    let mut actor = Actor::start(&mut command);
    let line = actor.next_line().unwrap();
    assert!(actor.wait().success());
    line
}

#[test]
fn switched_off_guards_still_release() {
    if role::assigned().is_some() {
        return say_how_it_is_tracked();
    }
    let place = tempfile::tempdir().unwrap();
    let line = played(place.path(), |command| {
        command.env("BACKSTOP", "off");
    });
    assert_eq!(line, "none; tracked false; gone true; degraded no");
    assert!(
        !place.path().join("ledgers").exists(),
        "a directory that was not requested"
    );
}

#[test]
fn a_file_in_place_of_the_directory_is_reported() {
    if role::assigned().is_some() {
        return say_how_it_is_tracked();
    }
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("ledgers"), "").unwrap();
    let line = played(place.path(), |_| ());
    assert!(
        line.starts_with("anonymous; tracked true; gone true; degraded "),
        "{line}"
    );
    assert!(
        line.contains(&place.path().join("ledgers").display().to_string()),
        "{line}"
    );
}

#[test]
fn a_directory_that_cannot_be_created_is_reported() {
    if role::assigned().is_some() {
        return say_how_it_is_tracked();
    }
    let place = tempfile::tempdir().unwrap();
    // No user can create anything there, root included.
    let line = played(place.path(), |command| {
        command.env("BACKSTOP_DIR", "/proc/sys/backstop");
    });
    assert!(
        line.starts_with("anonymous; tracked true; gone true; degraded "),
        "{line}"
    );
    assert!(line.contains("/proc/sys/backstop"), "{line}");
}

#[test]
fn a_directory_open_to_other_users_is_reported() {
    if role::assigned().is_some() {
        return say_how_it_is_tracked();
    }
    let place = tempfile::tempdir().unwrap();
    let ledgers = place.path().join("ledgers");
    std::fs::create_dir(&ledgers).unwrap();
    let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&ledgers, everyone).unwrap();
    let line = played(place.path(), |_| ());
    assert!(
        line.starts_with("anonymous; tracked true; gone true; degraded "),
        "{line}"
    );
}

#[test]
fn a_usable_directory_is_used() {
    if role::assigned().is_some() {
        return say_how_it_is_tracked();
    }
    let place = tempfile::tempdir().unwrap();
    let line = played(place.path(), |_| ());
    assert_eq!(line, "directory; tracked true; gone true; degraded no");
}
