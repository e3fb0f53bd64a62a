//! Leased files and directories and atomic files of any kind: in one root, and reclaimed by a sweep that
//! has never heard of the kind.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::ledger::{Entry, LedgerReading};
use backstop_core::place::{
    AtomicFile, AtomicOptions, EntryReclaimer, LeasedDirectory, LeasedFile, LeasedRoot,
    PlaceOptions, ROOT, RootDirectory,
};
use backstop_core::policy::{CleanupPolicy, Order};
use backstop_core::reclaim::{Judgement, LedgerFate, Reclaimers, Sweep, SweepReport};
use backstop_core::release::{Outcome, Tracked, Tracking};
use backstop_core::resource::{Deadline, Kind, Presence, Progress, Recipe, Step, TrackedResource};
use backstop_testkit::conformance::{self, Hold, Subject};
use backstop_testkit::role::{self, Actor};

const UNKNOWN: Kind = Kind::new("unknown.kind");
const OTHER: Kind = Kind::new("unknown.other-kind");

/// A base for what is made, with a ledger next to it.
struct Here {
    place: tempfile::TempDir,
    backstop: Backstop,
}

impl Here {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("base")).unwrap();
        let ledgers = place.path().join("ledgers");
        let backstop = Backstop::builder().tracking(Tracking::Directory(ledgers));
        Self {
            backstop: backstop.start(),
            place,
        }
    }

    fn base(&self) -> PathBuf {
        self.place.path().join("base")
    }

    fn options(&self, kind: Kind) -> PlaceOptions {
        PlaceOptions::new(kind)
            .backstop(self.backstop)
            .base(self.base())
    }

    fn atomic(&self, kind: Kind) -> AtomicOptions {
        AtomicOptions::new(kind).backstop(self.backstop)
    }

    fn open(&self) -> Vec<Entry> {
        let ledger = self.backstop.ledger().unwrap();
        let path = ledger.path().unwrap();
        LedgerReading::of_path(path).unwrap().entries()
    }

    fn count(&self) -> usize {
        std::fs::read_dir(self.base()).unwrap().count()
    }
}

/// Where an owner works and is killed.
struct Ground {
    place: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for name in ["base", "work"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        Self { place }
    }

    fn owner(&self) -> Command {
        let mut command = role::command("owner").unwrap();
        command
            .env("BACKSTOP_DIR", self.place.path().join("ledgers"))
            .env("TMPDIR", self.place.path().join("base"))
            .current_dir(self.place.path().join("work"));
        command
    }

    fn sweep(&self) -> SweepReport {
        let reclaimers = Reclaimers::new().with(EntryReclaimer);
        Sweep::new(&reclaimers)
            .directories(vec![self.place.path().join("ledgers")])
            .run()
    }

    /// What is in the base and in the working directory, but the target.
    fn left(&self) -> Vec<PathBuf> {
        let directories = ["base", "work"].map(|name| self.place.path().join(name));
        let entries = directories
            .iter()
            .flat_map(|path| std::fs::read_dir(path).unwrap());
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with("target")).collect()
    }

    fn assert_swept(&self, about: &str) {
        let report = self.sweep();
        assert_eq!(report.left().count(), 0, "{about}: {report:#?}");
        assert_eq!(self.left(), [] as [PathBuf; 0], "{about}: {report:#?}");
        let again = self.sweep();
        assert!(
            again.items.is_empty() && again.ledgers.is_empty(),
            "{about}: {again:#?}"
        );
    }
}

/// One of each, in the root and elsewhere; commits one atomic file, and leaves another unfinished.
fn own() -> ! {
    let directory = PlaceOptions::new(UNKNOWN).create_directory().unwrap();
    std::fs::create_dir(directory.path().join("inner")).unwrap();
    std::fs::write(directory.path().join("inner/file"), "rows").unwrap();
    let file = PlaceOptions::new(UNKNOWN).create_file().unwrap();
    file.access().write_all(b"rows").unwrap();
    let elsewhere = PlaceOptions::new(UNKNOWN)
        .in_directory(".")
        .prefix("spill-");
    let elsewhere = elsewhere.create_directory().unwrap();
    std::fs::write(elsewhere.path().join("file"), "rows").unwrap();
    let first = AtomicOptions::new(UNKNOWN).create("target").unwrap();
    first.access().write_all(b"whole").unwrap();
    AtomicFile::commit(first).unwrap();
    let second = AtomicOptions::new(UNKNOWN).create("target").unwrap();
    second.access().write_all(b"half").unwrap();
    role::say("ready");
    role::wait_to_be_killed()
}

#[test]
fn what_a_killed_owner_left_of_an_unknown_kind_is_reclaimed_by_its_form() {
    if role::assigned().is_some() {
        own();
    }
    let ground = Ground::new();
    let mut owner = Actor::start(&mut ground.owner());
    assert_eq!(owner.next_line().as_deref(), Some("ready"));
    let alive = ground.sweep();
    assert!(alive.items.is_empty(), "{alive:#?}");
    assert_eq!(alive.ledgers[0].fate, LedgerFate::OwnerAlive);
    assert_eq!(ground.left().len(), 3);
    owner.kill();

    let report = ground.sweep();
    let kinds = report.items.iter().map(|item| item.kind.as_str());
    let mut kinds: Vec<&str> = kinds.collect();
    kinds.sort_unstable();
    let expected = [ROOT.name()].into_iter().chain([UNKNOWN.name(); 4]);
    assert_eq!(kinds, expected.collect::<Vec<_>>(), "{report:#?}");
    for item in &report.items {
        let is_released = item.outcome.as_ref().is_some_and(Outcome::is_released);
        assert!(item.judgement.acts() && is_released, "{item}");
    }
    ground.assert_swept("killed");
    let target = ground.place.path().join("work/target");
    assert_eq!(std::fs::read(target).unwrap(), b"whole");
}

#[test]
fn wherever_its_owner_is_killed_a_place_of_an_unknown_kind_is_reclaimed() {
    if role::assigned().is_some() {
        own();
    }
    for point in [
        "ledger.intent:1",
        "place.root-made",
        "ledger.intent:2",
        "place.directory-made:1",
        "ledger.live:2",
        "place.file-made",
        "place.directory-made:2",
        "ledger.intent:5",
        "place.partial-made:1",
        "place.partial-written",
        "place.partial-renamed",
        "place.partial-made:2",
    ] {
        let ground = Ground::new();
        let mut owner = Actor::start(ground.owner().env("BACKSTOP_KILL_AT", point));
        assert_eq!(owner.next_line(), None, "{point} was not reached");
        drop(owner);
        ground.assert_swept(point);
    }
}

/// A build without the reclaimer says so, and touches nothing; the next one reclaims.
#[test]
fn without_a_reclaimer_of_the_form_it_is_kept() {
    if role::assigned().is_some() {
        own();
    }
    let ground = Ground::new();
    let mut owner = Actor::start(&mut ground.owner());
    assert_eq!(owner.next_line().as_deref(), Some("ready"));
    owner.kill();
    let none = Reclaimers::new();
    let ledgers = vec![ground.place.path().join("ledgers")];
    let report = Sweep::new(&none).directories(ledgers).run();
    assert_eq!(report.items.len(), 5);
    for item in &report.items {
        assert!(matches!(item.judgement, Judgement::Keep { .. }), "{item}");
    }
    assert_eq!(ground.left().len(), 3);
    ground.assert_swept("with the reclaimer");
}

#[test]
fn whatever_its_kind_all_is_in_one_root_that_goes_with_the_last() {
    let here = Here::new();
    let directory = here.options(UNKNOWN).create_directory().unwrap();
    let file = here.options(OTHER).create_file().unwrap();
    let root = LeasedRoot::of(here.backstop, &here.base()).unwrap();
    assert_eq!(directory.path().parent(), Some(root.path()));
    assert_eq!(file.path().parent(), Some(root.path()));
    let entries = here.open();
    let kinds: BTreeSet<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(
        kinds,
        BTreeSet::from([ROOT.name(), UNKNOWN.name(), OTHER.name()])
    );
    assert_eq!(entries.len(), 3, "{entries:#?}");
    let of_root = entries.iter().find(|entry| entry.kind == ROOT.name());
    let id = of_root.unwrap().id;
    let parents = entries.iter().filter(|entry| entry.parent == Some(id));
    assert_eq!(parents.count(), 2);
    drop(root);
    assert!(directory.release().outcome.is_released());
    assert!(file.path().exists());
    assert!(file.release().outcome.is_released());
    assert_eq!(here.count(), 0);
}

#[test]
fn label_prefix_suffix_and_policy_are_the_callers() {
    let here = Here::new();
    let file = here
        .options(UNKNOWN)
        .label("the spill of query 7")
        .prefix("spill-")
        .suffix(".rows")
        .policy(CleanupPolicy::default().with_order(Order::First))
        .create_file()
        .unwrap();
    let name = file.path().file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("spill-") && name.ends_with(".rows"),
        "{name}"
    );
    let target = here.base().join("table");
    let atomic = here
        .atomic(OTHER)
        .label("table")
        .prefix(".unfinished-")
        .create(&target)
        .unwrap();
    let name = atomic.path().file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(".unfinished-"), "{name}");
    let open = here.open();
    let labels: BTreeSet<(String, String)> = open
        .iter()
        .filter(|entry| entry.kind != ROOT.name())
        .map(|entry| (entry.kind.clone(), entry.label.clone()))
        .collect();
    let expected = [
        (OTHER.name().to_owned(), "table".to_owned()),
        (UNKNOWN.name().to_owned(), "the spill of query 7".to_owned()),
    ];
    assert_eq!(labels, BTreeSet::from(expected));
    // Though it was opened before the other.
    let deadline = Deadline::after(Duration::from_secs(60));
    let report = here.backstop.release_all(deadline);
    assert!(report.is_complete(), "{report}");
    let ended = report.ended.iter().map(|release| release.kind);
    assert_eq!(ended.collect::<Vec<_>>(), [UNKNOWN, OTHER, ROOT]);
}

#[test]
fn what_is_kept_leaves_the_root_and_what_was_released_is_not_kept() {
    let here = Here::new();
    let options = here.options(UNKNOWN);
    let directory = options.create_directory().unwrap();
    std::fs::write(directory.path().join("file"), "rows").unwrap();
    let file = options.create_file().unwrap();
    file.access().write_all(b"rows").unwrap();
    let kept = [
        LeasedDirectory::keep(directory).unwrap().join("file"),
        LeasedFile::keep(file).unwrap(),
    ];
    for path in &kept {
        assert_eq!(std::fs::read(path).unwrap(), b"rows");
    }
    assert_eq!(here.count(), 2);
    let file = options.create_file().unwrap();
    let _ = here
        .backstop
        .release_all(Deadline::after(Duration::from_secs(60)));
    let refused = file.access().with(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Revoked);
    let refused = LeasedFile::keep(file).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Revoked);
}

/// Roots, each taken out of what holds it: elsewhere its guard is with everything that is in it.
struct Roots;

impl Subject for Roots {
    type Resource = RootDirectory;

    fn name(&self) -> &'static str {
        ROOT.name()
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<RootDirectory> {
        let root = LeasedRoot::of(*backstop, place).unwrap();
        std::fs::write(root.path().join("file"), "data").unwrap();
        Arc::into_inner(root).unwrap().into_guard()
    }
    fn trace(&self, root: &RootDirectory) -> String {
        root.label().into_owned()
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
        Reclaimers::new().with(EntryReclaimer)
    }
    fn destroy(&self, trace: &str) -> bool {
        std::fs::remove_dir_all(trace).is_ok()
    }
    fn hold(&self, root: &Tracked<RootDirectory>) -> Hold {
        let path = PathBuf::from(root.label().into_owned());
        match change(&path, "+i") {
            true => Hold::Held(Box::new(Immutable(path))),
            false => Hold::NotHere("chattr +i is refused".into()),
        }
    }
}

/// What no process, root's included, may change.
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

#[test]
fn a_root_conforms() {
    conformance::check(&Roots).assert_all_but(&[]);
}

/// As an adapter has it that adds something of its own, such as the browser that a profile is of.
struct Profile {
    directory: LeasedDirectory,
    name: &'static str,
}

impl TrackedResource for Profile {
    fn kind(&self) -> Kind {
        self.directory.kind()
    }
    fn label(&self) -> Cow<'static, str> {
        self.directory.label()
    }
    fn recipe(&self) -> Option<Recipe> {
        self.directory.recipe()
    }
    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.directory.release(step)
    }
    fn verify(&self) -> Presence {
        self.directory.verify()
    }
}

#[test]
fn an_adapter_makes_a_resource_of_its_own_of_a_draft_whose_path_it_knows_before() {
    let here = Here::new();
    let draft = here.options(UNKNOWN).draw().unwrap();
    let path = draft.path().to_owned();
    assert!(!path.exists());
    let finish = |directory| Profile {
        directory,
        name: "default",
    };
    let profile = draft.create_directory(finish).unwrap();
    assert_eq!(
        (profile.directory.path(), profile.name),
        (&*path, "default")
    );
    assert!(path.is_dir());
    let release = profile.release();
    assert!(release.outcome.is_released() && !path.exists(), "{release}");
}

#[test]
fn what_is_held_while_a_file_is_open_is_dropped_when_it_is_closed() {
    let here = Here::new();
    // Its references are the permits that are out.
    let held = Arc::new(());
    let permit = || Arc::clone(&held);
    let draft = here.options(UNKNOWN).draw().unwrap();
    let file = draft.create_file(permit(), |file| file).unwrap();
    file.access().write_all(b"rows").unwrap();
    file.access().rewind().unwrap();
    let mut text = String::new();
    file.access().read_to_string(&mut text).unwrap();
    assert_eq!(text, "rows");
    let target = here.base().join("target");
    let given = |path: &Path| {
        assert_eq!(path.file_name(), target.file_name());
        Ok(permit())
    };
    let options = here.atomic(UNKNOWN);
    let atomic = options.create_with(&target, given).unwrap();
    assert_eq!(Arc::strong_count(&held), 3);
    assert!(file.release().outcome.is_released());
    AtomicFile::commit(atomic).unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(target.exists());

    // Nor is anything held, or left, of what could not be made.
    let refused = options.create_with::<Arc<()>>(&target, |_| {
        Err(Error::new(ErrorKind::Limit, Stage::Open, "no more"))
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(here.count(), 1);
}
