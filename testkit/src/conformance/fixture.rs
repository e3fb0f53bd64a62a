//! The fixture of one behaviour: a subject and its own directory.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backstop_core::Backstop;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Outcome, Release, Tracked, Tracking};
use backstop_core::resource::{Deadline, Kind, Presence, TrackedResource};

use super::subject::Subject;

/// A subject in a fresh directory. Everything in it is gone after the behaviour.
pub struct Fixture<'a, S> {
    pub(super) subject: &'a S,
    pub(super) directory: tempfile::TempDir,
    pub(super) caller: &'static str,
    /// What the subject is, once one was opened. What it brings along is of other kinds.
    kind: OnceCell<Kind>,
}

/// Far beyond what a loaded machine needs for a release in the background.
const PATIENCE: Duration = Duration::from_secs(30);

impl<'a, S: Subject> Fixture<'a, S> {
    pub(super) fn new(subject: &'a S, caller: &'static str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("backstop-testkit-")
            .tempdir()
            .expect("the temp directory can be written");
        std::fs::create_dir(directory.path().join("place")).expect("a fresh directory is empty");
        Self {
            subject,
            directory,
            caller,
            kind: OnceCell::new(),
        }
    }

    /// Where resources may put what they need on disk.
    pub(super) fn place(&self) -> PathBuf {
        place_in(self.directory.path())
    }

    /// Where ledgers are kept.
    pub(super) fn ledgers(&self) -> PathBuf {
        self.directory.path().join("ledgers")
    }

    /// A separate backstop, tracking in this fixture's directory.
    pub(super) fn backstop(&self) -> Backstop {
        self.backstop_tracking(Tracking::Directory(self.ledgers()))
    }

    pub(super) fn backstop_tracking(&self, tracking: Tracking) -> Backstop {
        Backstop::builder()
            .tracking(tracking)
            // A drop that waits to the end, so that what follows sees the end.
            .default_policy(CleanupPolicy::default().with_drop_patience(PATIENCE))
            .start()
    }

    /// Opens a resource and makes sure that it is there.
    pub(super) fn open(&self, backstop: &Backstop) -> (Tracked<S::Resource>, String) {
        let guard = self.subject.open(backstop, &self.place());
        self.kind.get_or_init(|| guard.kind());
        let trace = self.subject.trace(&guard);
        let seen = self.subject.look(&trace);
        assert!(!seen.is_gone(), "it was opened, and `{trace}` is not there");
        (guard, trace)
    }

    /// Whether it is surely there.
    pub(super) fn is_present(&self, trace: &str) -> bool {
        matches!(self.subject.look(trace), Presence::Present { .. })
    }

    /// Waits until it is gone.
    pub(super) fn assert_goes(&self, trace: &str) {
        let late = Instant::now() + PATIENCE;
        while let Presence::Present { holder } = self.subject.look(trace) {
            assert!(
                Instant::now() < late,
                "`{trace}` still exists, held by {holder:?}"
            );
            // A release in the background reports to no caller.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the backstop has nothing open.
    pub(super) fn assert_nothing_open(&self, backstop: &Backstop) {
        let late = Instant::now() + PATIENCE;
        while !backstop.is_empty() {
            assert!(
                Instant::now() < late,
                "something is still open: {:?}",
                backstop.statistics()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn assert_present(&self, trace: &str, when: &str) {
        let seen = self.subject.look(trace);
        assert!(!seen.is_gone(), "`{trace}` is gone {when}");
    }

    /// The record agrees with what is observed.
    pub(super) fn assert_true(&self, release: &Release, trace: &str) {
        let seen = self.subject.look(trace);
        match &release.outcome {
            Outcome::Released | Outcome::ReleasedUnverified { .. } => assert!(
                !matches!(seen, Presence::Present { .. }),
                "the record says `{release}`, and `{trace}` still exists"
            ),
            _ => panic!("the record says `{release}`"),
        }
    }

    /// Exactly `count` of its kind were released, and nothing at all is open.
    pub(super) fn assert_released(&self, backstop: &Backstop, trace: &str, count: u64) {
        self.assert_goes(trace);
        let late = Instant::now() + PATIENCE;
        let done = loop {
            let kinds = backstop.statistics().kinds;
            let own = self.kind.get().and_then(|kind| kinds.get(kind.name()));
            let done = own.map_or(0, |kind| kind.released + kind.unverified);
            if done >= count || Instant::now() > late {
                break done;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(done, count, "releases: {:#?}", backstop.history());
        assert!(
            backstop.is_empty(),
            "something is still open: {:?}",
            backstop.statistics()
        );
        let stuck: u64 = backstop
            .statistics()
            .kinds
            .values()
            .map(|kind| kind.stuck)
            .sum();
        assert_eq!(stuck, 0, "releases: {:#?}", backstop.history());
        let again = backstop.release_all(soon());
        assert!(
            again.ended.is_empty() && again.quietly == 0 && again.unfinished.is_empty(),
            "a second time: {again:?}"
        );
    }
}

/// A deadline that no healthy release needs.
pub(super) fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}

pub(super) fn place_in(directory: &Path) -> PathBuf {
    directory.join("place")
}
