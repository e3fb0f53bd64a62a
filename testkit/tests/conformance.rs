//! The suite itself, on the simplest resource that outlives its owner and the simplest that does not.
#![cfg(test)]

use std::path::Path;

use backstop_core::Backstop;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::Tracked;
use backstop_core::resource::Presence;
use backstop_testkit::conformance::{self, Hold, Subject};

use backstop_testkit::subjects::directory::{DirectoryReclaimer, TestDirectory};
use backstop_testkit::subjects::port::{self, Port};

struct Directories;

impl Subject for Directories {
    type Resource = TestDirectory;

    fn name(&self) -> &'static str {
        "test.directory"
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<TestDirectory> {
        TestDirectory::open(backstop, place)
    }
    fn trace(&self, directory: &TestDirectory) -> String {
        directory.path().display().to_string()
    }
    fn look(&self, trace: &str) -> Presence {
        match Path::new(trace).exists() {
            true => Presence::Present { holder: None },
            false => Presence::Gone,
        }
    }
    fn has_recipe(&self) -> bool {
        true
    }
    fn reclaimers(&self) -> Reclaimers {
        Reclaimers::new().with(DirectoryReclaimer)
    }
    fn destroy(&self, trace: &str) -> bool {
        std::fs::remove_dir_all(trace).is_ok()
    }
    fn hold(&self, directory: &Tracked<TestDirectory>) -> Hold {
        match Held::immutable(directory.path()) {
            Some(held) => Hold::Held(Box::new(held)),
            None => Hold::NotHere("chattr +i is refused".into()),
        }
    }
}

/// A directory in which no user may change anything, root included.
struct Held(std::path::PathBuf);

impl Held {
    fn immutable(path: &Path) -> Option<Self> {
        let changed = std::process::Command::new("chattr")
            .arg("+i")
            .arg(path)
            .output();
        matches!(changed, Ok(output) if output.status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::process::Command::new("chattr")
            .arg("-i")
            .arg(&self.0)
            .output();
    }
}

struct Ports;

impl Subject for Ports {
    type Resource = Port;

    fn name(&self) -> &'static str {
        "test.port"
    }
    fn open(&self, backstop: &Backstop, _: &Path) -> Tracked<Port> {
        Port::open(backstop)
    }
    fn trace(&self, port: &Port) -> String {
        port.number().to_string()
    }
    fn look(&self, trace: &str) -> Presence {
        port::look(trace.parse().unwrap())
    }
    fn outlives_its_value(&self) -> bool {
        false
    }
}

#[test]
fn both_sorts_conform() {
    let directories = conformance::check(&Directories);
    let ports = conformance::check(&Ports);
    println!("{directories}{ports}");
    directories.assert_all_but(&[]);
    ports.assert_all_but(&[
        "releasing what is gone already is fine",
        "dismiss keeps it and forgets it",
        "what is held is stuck, named, and holds up no other",
    ]);
}
