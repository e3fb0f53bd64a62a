//! What core promises of every tracked resource, for each kind of this adapter.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;

use backstop_core::Backstop;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::Tracked;
use backstop_core::resource::{Presence, TrackedResource};
use backstop_tempfs::{
    AtomicFile, AtomicOptions, FileHandle, HandleLimit, TempDir, TempFile, TempOptions,
};
use backstop_testkit::conformance::{self, Hold, Subject};

/// A kind whose trace is a path. In a directory of the test's own and not in the leased root, which
/// would be a second resource in every count.
struct Paths<R: TrackedResource> {
    name: &'static str,
    open: fn(&Backstop, &Path) -> Tracked<R>,
    path: fn(&R) -> &Path,
}

impl<R: TrackedResource> Subject for Paths<R> {
    type Resource = R;

    fn name(&self) -> &'static str {
        self.name
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<R> {
        (self.open)(backstop, place)
    }
    fn trace(&self, resource: &R) -> String {
        (self.path)(resource).display().to_string()
    }
    fn look(&self, trace: &str) -> Presence {
        match Path::new(trace).symlink_metadata() {
            Ok(_) => Presence::Present { holder: None },
            Err(_) => Presence::Gone,
        }
    }
    fn has_recipe(&self) -> bool {
        true
    }
    fn reclaimers(&self) -> Reclaimers {
        Reclaimers::local()
    }
    fn destroy(&self, trace: &str) -> bool {
        std::fs::remove_dir_all(trace).is_ok() || std::fs::remove_file(trace).is_ok()
    }
    fn hold(&self, resource: &Tracked<R>) -> Hold {
        let path = (self.path)(resource).to_owned();
        match change(&path, "+i") {
            true => Hold::Held(Box::new(Immutable(path))),
            false => Hold::NotHere("chattr +i is refused".into()),
        }
    }
}

/// A path that no user may change, root included.
struct Immutable(PathBuf);

impl Drop for Immutable {
    fn drop(&mut self) {
        change(&self.0, "-i");
    }
}

fn change(path: &Path, how: &str) -> bool {
    let changed = Command::new("chattr").arg(how).arg(path).output();
    changed.is_ok_and(|output| output.status.success())
}

struct Handles;

impl Subject for Handles {
    type Resource = FileHandle;

    fn name(&self) -> &'static str {
        "tempfs.handle"
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<FileHandle> {
        // Beside the place, in which nothing may be left; each its own, as the trace is the path.
        let name = format!("file-{:?}", std::time::Instant::now());
        let write = OpenOptions::new().write(true).create(true).clone();
        let path = place.parent().unwrap().join(name);
        HandleLimit::global()
            .open_file(*backstop, path, &write)
            .unwrap()
    }
    fn trace(&self, handle: &FileHandle) -> String {
        format!("{} {}", std::process::id(), handle.path().display())
    }
    fn look(&self, trace: &str) -> Presence {
        let (pid, path) = trace.split_once(' ').unwrap();
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
            return Presence::Gone;
        };
        let is_open = descriptors
            .map_while(Result::ok)
            .filter_map(|entry| entry.path().read_link().ok())
            .any(|target| target == Path::new(path));
        match is_open {
            true => Presence::present(pid),
            false => Presence::Gone,
        }
    }
    fn outlives_its_value(&self) -> bool {
        false
    }
}

#[test]
fn all_kinds_conform() {
    let directories = Paths::<TempDir> {
        name: "tempfs.dir",
        open: |backstop, place| {
            let options = TempOptions::new().backstop(*backstop).in_directory(place);
            let directory = options.create_dir().unwrap();
            std::fs::write(directory.path().join("file"), "data").unwrap();
            directory
        },
        path: TempDir::path,
    };
    let files = Paths::<TempFile> {
        name: "tempfs.file",
        open: |backstop, place| {
            let options = TempOptions::new().backstop(*backstop).in_directory(place);
            options.create_file().unwrap()
        },
        path: TempFile::path,
    };
    let partials = Paths::<AtomicFile> {
        name: "tempfs.partial",
        open: |backstop, place| {
            let options = AtomicOptions::new().backstop(*backstop);
            options.create(place.join("target")).unwrap()
        },
        path: AtomicFile::path,
    };
    const HELD: &str = "what is held is stuck, named, and holds up no other";
    let reports = [
        (conformance::check(&directories), &[] as &[&str]),
        (conformance::check(&files), &[]),
        (conformance::check(&partials), &[]),
        (
            conformance::check(&Handles),
            // A descriptor is closed by its process only, and closing it always succeeds.
            &[
                "releasing what is gone already is fine",
                "dismiss keeps it and forgets it",
                HELD,
            ],
        ),
    ];
    let checked: BTreeSet<String> = reports
        .each_ref()
        .map(|(report, _)| report.suite.clone())
        .into();
    for (report, not_applicable) in reports {
        report.assert_all_but(not_applicable);
    }
    assert_eq!(conformance::kinds_of(env!("CARGO_MANIFEST_DIR")), checked);
}
