//! A target is the old file or the new one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::ErrorKind;
use backstop_core::release::Tracking;
use backstop_core::resource::Deadline;
use backstop_tempfs::{AtomicFile, AtomicOptions};

struct Ground {
    place: tempfile::TempDir,
    backstop: Backstop,
}

impl Ground {
    fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
            backstop: Backstop::builder().tracking(Tracking::Anonymous).start(),
        }
    }

    fn target(&self) -> PathBuf {
        self.place.path().join("target")
    }

    fn options(&self) -> AtomicOptions {
        AtomicOptions::new().backstop(self.backstop)
    }

    fn names(&self) -> usize {
        std::fs::read_dir(self.place.path()).unwrap().count()
    }
}

#[test]
fn a_commit_replaces_the_content_and_keeps_the_mode() {
    let ground = Ground::new();
    std::fs::write(ground.target(), "old").unwrap();
    std::fs::set_permissions(ground.target(), PermissionsExt::from_mode(0o640)).unwrap();
    for options in [ground.options(), ground.options().without_sync()] {
        let file = options.create(ground.target()).unwrap();
        file.access().write_all(b"new").unwrap();
        assert_eq!(ground.names(), 2);
        AtomicFile::commit(file).unwrap();
        assert_eq!(std::fs::read(ground.target()).unwrap(), b"new");
        let mode = ground.target().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(ground.names(), 1);
        assert!(ground.backstop.is_empty());
    }
}

#[test]
fn what_is_not_committed_goes_and_the_old_content_stays() {
    let ground = Ground::new();
    std::fs::write(ground.target(), "old").unwrap();
    let dropped = ground.options().create(ground.target()).unwrap();
    dropped.access().write_all(b"half").unwrap();
    drop(dropped);

    let target = ground.target();
    let options = ground.options();
    let panicked = std::thread::spawn(move || {
        let file = options.create(target).unwrap();
        file.access().write_all(b"half").unwrap();
        panic!("as a test");
    });
    assert!(panicked.join().is_err());

    let released = ground.options().create(ground.target()).unwrap();
    drop(
        ground
            .backstop
            .release_all(Deadline::after(Duration::from_secs(60))),
    );
    let error = AtomicFile::commit(released).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Revoked);

    let mut scope = ground.backstop.scope("cancelled");
    let held = scope.hold(ground.options().create(ground.target()).unwrap());
    held.access().write_all(b"half").unwrap();
    scope.token().cancel();
    drop(scope);

    assert_eq!(std::fs::read(ground.target()).unwrap(), b"old");
    assert_eq!(ground.names(), 1);
}

#[test]
fn an_existing_target_is_refused_where_that_was_asked() {
    let ground = Ground::new();
    let options = ground.options().without_replacing();
    let (first, second) = (
        options.create(ground.target()).unwrap(),
        options.create(ground.target()).unwrap(),
    );
    first.access().write_all(b"first").unwrap();
    AtomicFile::commit(first).unwrap();
    AtomicFile::commit(second).unwrap_err();
    assert_eq!(std::fs::read(ground.target()).unwrap(), b"first");
    assert_eq!(ground.names(), 1);
}

#[test]
fn a_target_without_a_name_or_a_directory_is_refused() {
    let ground = Ground::new();
    let error = ground.options().create("/").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let error = ground
        .options()
        .create(ground.target().join("x"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn readers_see_the_old_or_the_new_while_writers_race_with_releases() {
    let ground = Ground::new();
    std::fs::write(ground.target(), vec![b'0'; 4096]).unwrap();
    let (target, options, backstop) = (
        ground.target(),
        ground.options().without_sync(),
        ground.backstop,
    );
    std::thread::scope(|threads| {
        for digit in *b"12" {
            let (target, options) = (&target, &options);
            threads.spawn(move || {
                for _ in 0..100 {
                    let file = options.create(target).unwrap();
                    for _ in 0..4 {
                        // Refused after a release from outside: the commit is then refused too.
                        let _ = file.access().write_all(&[digit; 1024]);
                    }
                    let _ = AtomicFile::commit(file);
                }
            });
        }
        threads.spawn(|| {
            for _ in 0..50 {
                drop(backstop.release_all(Deadline::after(Duration::from_secs(60))));
            }
        });
        for _ in 0..300 {
            let content = std::fs::read(&target).unwrap();
            assert_eq!(content.len(), 4096);
            assert!(content.iter().all(|byte| *byte == content[0]));
        }
    });
    assert_eq!(ground.names(), 1);
}
