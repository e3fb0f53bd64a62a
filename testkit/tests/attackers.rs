//! The attackers attack: each is seen to succeed against code that takes no care.
#![cfg(test)]

use std::path::Path;
use std::time::{Duration, Instant};

use backstop_os::directory::Directory;
use backstop_os::files::WalkLimits;
use backstop_os::pinned::PinnedProcess;
use backstop_os::process;
use backstop_testkit::attackers::{InodeReuser, PidReuser, SymlinkSwapper, in_forked_child};
use backstop_testkit::{Suite, skip};

#[test]
fn a_careless_look_falls_into_the_victim_and_a_careful_removal_does_not() {
    let place = tempfile::tempdir().unwrap();
    let (root, victim) = (place.path().join("root"), place.path().join("victim"));
    let attacked = root.join("job");
    for directory in [&root, &attacked, &victim] {
        std::fs::create_dir(directory).unwrap();
    }
    std::fs::write(victim.join("precious"), "data").unwrap();

    let swapper = SymlinkSwapper::start(&attacked, &victim).unwrap();
    let late = Instant::now() + Duration::from_secs(60);
    let fell = || attacked.join("precious").exists();
    // A swap is counted after it was made.
    while !fell() || swapper.swaps() == 0 {
        assert!(
            Instant::now() < late,
            "{} swaps, and none was seen",
            swapper.swaps()
        );
    }
    let opened = Directory::open(&root).unwrap();
    for _ in 0..50 {
        let name = std::ffi::OsStr::new("job");
        let _ = backstop_os::removal::remove_tree(&opened, name, &WalkLimits::default());
    }
    drop(swapper);
    assert_eq!(std::fs::read(victim.join("precious")).unwrap(), b"data");
    let left: Vec<_> = std::fs::read_dir(&root).unwrap().collect();
    assert!(left.len() <= 1, "the attacker left its link: {left:?}");
}

#[test]
fn an_inode_given_away_again_is_told_from_the_old_one() {
    // The target directory lies on a disk's file system more often than the temp directory.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "old").unwrap();
    let identity = |path: &Path| {
        Directory::open(place.path())
            .unwrap()
            .identity_beneath(path.file_name().unwrap())
    };
    let old = identity(&file);
    match InodeReuser::replace_file(&file) {
        Ok(reuser) => {
            let new = identity(&file);
            assert_eq!(new.as_ref().unwrap().inode, reuser.inode);
            assert_ne!(old.unwrap(), new.unwrap());
        }
        Err(reason) => skip(Suite::InodeReuse, &reason),
    }
}

#[test]
fn a_reused_pid_is_distinguished_from_the_old_process() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let pid = child.id() as i32;
    let recorded = process::identity_of(pid).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    match PidReuser::take(pid) {
        Ok(innocent) => {
            assert!(PinnedProcess::verify(&recorded, None).is_err());
            assert!(innocent.is_alive());
        }
        Err(reason) => skip(Suite::PidReuse, &reason),
    }
}

#[test]
fn a_forked_child_is_reaped_with_its_code() {
    let patience = Duration::from_secs(60);
    assert_eq!(in_forked_child(patience, || 7).unwrap(), Some(7));
    let hung = in_forked_child(Duration::from_millis(50), || {
        loop {
            std::thread::park();
        }
    });
    assert_eq!(hung.unwrap(), None);
}
