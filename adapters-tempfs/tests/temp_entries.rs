//! Temp files and directories while their owner lives.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::ErrorKind;
use backstop_core::release::{Outcome, Tracking};
use backstop_core::resource::Deadline;
use backstop_os::files::LockAttempt;
use backstop_tempfs::{TempDir, TempFile, TempOptions};

struct Ground {
    place: tempfile::TempDir,
    backstop: Backstop,
}

impl Ground {
    fn new(tracking: impl FnOnce(&Path) -> Tracking) -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("base")).unwrap();
        let backstop = Backstop::builder()
            .tracking(tracking(&place.path().join("ledgers")))
            .start();
        Self { place, backstop }
    }

    fn tracked() -> Self {
        Self::new(|ledgers| Tracking::Directory(ledgers.to_owned()))
    }

    fn base(&self) -> std::path::PathBuf {
        self.place.path().join("base")
    }

    fn options(&self) -> TempOptions {
        TempOptions::new().backstop(self.backstop).base(self.base())
    }

    fn count(&self) -> usize {
        std::fs::read_dir(self.base()).unwrap().count()
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_last_that_goes_takes_the_root_along_however_it_is_tracked() {
    let ways: [fn(&Path) -> Tracking; 3] = [
        |ledgers| Tracking::Directory(ledgers.to_owned()),
        |_| Tracking::Anonymous,
        |_| Tracking::Off,
    ];
    for way in ways {
        let ground = Ground::new(way);
        let directory = ground.options().prefix("d-").create_dir().unwrap();
        let file = ground.options().suffix(".csv").create_file().unwrap();
        assert_eq!((mode(directory.path()), mode(file.path())), (0o700, 0o600));
        let root = directory.path().parent().unwrap().to_owned();
        assert_eq!(
            (file.path().parent().unwrap(), mode(&root)),
            (&*root, 0o700)
        );
        if let Some(ledger) = ground.backstop.ledger() {
            let name = root.file_name().unwrap().to_str().unwrap();
            assert!(name.contains(&ledger.cookie().abbreviation()), "{name}");
        }
        let lock = std::fs::File::open(&root).unwrap();
        let attempt = backstop_os::lock::try_exclusive(&lock).unwrap();
        assert_eq!(attempt, LockAttempt::Held);
        drop(lock);

        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        std::fs::write(directory.path().join("a/b/file"), "x").unwrap();
        let release = directory.release();
        assert_eq!(release.outcome, Outcome::Released, "{release}");
        assert!(root.exists());
        drop(file);
        assert_eq!(ground.count(), 0);
        assert!(ground.backstop.is_empty());
        let again = ground.options().create_dir().unwrap();
        assert!(again.path().exists());
    }
}

#[test]
fn what_is_released_from_outside_goes_before_its_root_and_new_ones_get_a_new_root() {
    let ground = Ground::tracked();
    let directory = ground.options().create_dir().unwrap();
    let report = ground
        .backstop
        .release_all(Deadline::after(Duration::from_secs(60)));
    assert!(report.is_complete(), "{report}");
    let kinds: Vec<_> = report
        .ended
        .iter()
        .map(|release| release.kind.name())
        .collect();
    assert_eq!(kinds, ["tempfs.dir", "place.root"]);
    assert_eq!(ground.count(), 0);
    assert!(directory.get().is_err());
    let error = TempDir::keep(directory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Revoked);
    let next = ground.options().create_dir().unwrap();
    assert!(next.path().exists());
}

#[test]
fn what_is_kept_stays_and_its_root_goes() {
    let ground = Ground::tracked();
    let directory = ground.options().prefix("kept-").create_dir().unwrap();
    std::fs::write(directory.path().join("file"), "content").unwrap();
    let file = ground.options().create_file().unwrap();
    file.access().write_all(b"content").unwrap();
    let elsewhere = ground.options().in_directory(ground.base());
    let outside = elsewhere.create_dir().unwrap();
    let was_outside = outside.path().to_owned();

    let directory = TempDir::keep(directory).unwrap();
    let file = TempFile::keep(file).unwrap();
    let outside = TempDir::keep(outside).unwrap();
    assert_eq!(outside, was_outside);
    assert_eq!(std::fs::read(directory.join("file")).unwrap(), b"content");
    assert_eq!(std::fs::read(&file).unwrap(), b"content");
    assert_eq!(ground.count(), 3);
    assert!(ground.backstop.is_empty());
    assert_eq!(directory.parent(), file.parent());
}

#[test]
fn what_is_kept_while_everything_is_released_is_kept_whole_or_goes_whole() {
    let ground = Ground::tracked();
    // Both ends of the race must have been seen, however fast the machine is: the wait is moved towards
    // the one that is missing.
    const ENOUGH: u64 = 10;
    let (mut kept, mut gone, mut longest) = (0, 0, 600);
    for round in 0..4000_u64 {
        if round >= 200 && kept.min(gone) >= ENOUGH {
            break;
        }
        if round % 200 == 199 && gone < ENOUGH {
            longest *= 2;
        } else if round % 200 == 199 && kept < ENOUGH {
            longest /= 2;
        }
        let directory = ground.options().create_dir().unwrap();
        for number in 0..50 {
            std::fs::write(directory.path().join(number.to_string()), "x").unwrap();
        }
        let (backstop, start) = (ground.backstop, std::sync::Barrier::new(2));
        let path = std::thread::scope(|threads| {
            threads.spawn(|| {
                start.wait();
                drop(backstop.release_all(Deadline::after(Duration::from_secs(60))));
            });
            start.wait();
            // From before the release of the directory to the middle of that of its root.
            let wait =
                std::time::Instant::now() + Duration::from_micros(round % 200 * longest / 200);
            while std::time::Instant::now() < wait {
                std::hint::spin_loop();
            }
            TempDir::keep(directory)
        });
        if let Ok(path) = path {
            kept += 1;
            assert_eq!(
                std::fs::read_dir(&path).unwrap().count(),
                50,
                "round {round}"
            );
            std::fs::remove_dir_all(path).unwrap();
        } else {
            gone += 1;
        }
        assert_eq!(ground.count(), 0);
    }
    assert!(
        kept >= ENOUGH && gone >= ENOUGH,
        "kept in {kept} rounds and gone in {gone}"
    );
}

#[test]
fn a_directory_in_its_place_stays_and_links_are_not_followed() {
    let ground = Ground::tracked();
    let precious = ground.place.path().join("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "x").unwrap();
    for options in [
        ground.options(),
        ground.options().in_directory(ground.place.path()),
    ] {
        let directory = options.create_dir().unwrap();
        symlink(&precious, directory.path().join("link")).unwrap();
        assert!(directory.release().outcome.is_released());
        assert!(precious.join("file").exists());

        let directory = options.create_dir().unwrap();
        let path = directory.path().to_owned();
        std::fs::remove_dir(&path).unwrap();
        symlink(&precious, &path).unwrap();
        let release = directory.release();
        assert_eq!(release.outcome, Outcome::Released, "{release}");
        assert!(precious.join("file").exists());
        assert!(path.is_symlink() || path.starts_with(ground.base()));
    }
}

#[test]
fn an_error_of_the_removal_is_in_the_release() {
    let ground = Ground::tracked();
    let directory = ground
        .options()
        .in_directory(ground.base())
        .create_dir()
        .unwrap();
    // Its name stays, as nothing can be made or moved in a directory that is gone from all paths.
    std::fs::write(directory.path().join("file"), "x").unwrap();
    let moved = ground.place.path().join("moved");
    std::fs::rename(directory.path(), &moved).unwrap();
    std::fs::write(directory.path(), "another file").unwrap();
    let release = directory.release();
    assert_eq!(release.outcome, Outcome::Released);
    assert!(
        release.errors[0].contains("another file has this name"),
        "{release}"
    );
    assert!(moved.join("file").exists());
}

#[test]
fn a_file_is_read_written_and_measured_and_closed_by_a_release_from_outside() {
    let ground = Ground::tracked();
    let file = ground.options().create_file().unwrap();
    file.access().write_all(&[7; 5000]).unwrap();
    file.access().seek(SeekFrom::Start(4990)).unwrap();
    let mut end = Vec::new();
    file.access().read_to_end(&mut end).unwrap();
    assert_eq!(end, [7; 10]);
    let footprint = TempFile::measure(&file).unwrap();
    assert!(footprint.bytes.0 >= 5000, "{footprint:?}");
    let kinds = ground.backstop.statistics().kinds;
    assert_eq!(kinds["tempfs.file"].bytes, footprint.bytes);
    drop(
        ground
            .backstop
            .release_all(Deadline::after(Duration::from_secs(60))),
    );
    let late = file.access().write(b"late").unwrap_err();
    assert!(
        late.to_string().contains("released before this use"),
        "{late}"
    );
}

#[test]
fn names_that_are_none_are_refused() {
    let ground = Ground::tracked();
    for (prefix, suffix) in [
        ("a/", ""),
        ("", "/../x"),
        ("\0", ""),
        (&*"p".repeat(250), ""),
    ] {
        let options = ground.options().prefix(prefix).suffix(suffix);
        let error = options.create_dir().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    let error = ground
        .options()
        .in_directory("/nowhere")
        .create_file()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(ground.count(), 0);
    assert!(ground.backstop.is_empty());
}

#[test]
fn a_root_that_was_removed_from_outside_is_made_again() {
    let ground = Ground::tracked();
    let first = ground.options().create_dir().unwrap();
    std::fs::remove_dir_all(first.path().parent().unwrap()).unwrap();
    let second = ground.options().create_dir().unwrap();
    assert!(second.path().exists());
    assert!(first.release().outcome.is_released());
}
