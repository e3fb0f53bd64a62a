//! A directory that is exchanged with a link to a victim, as fast as it goes, while it is swept: no
//! sweep ever acts on the victim.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod forged;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use backstop_core::ledger::State;
use backstop_core::reclaim::{Reclaimers, Sweep, SweepReport};
use backstop_testkit::attackers::{DirectorySwapper, SymlinkSwapper};
use backstop_testkit::{ForgedLedger, rounds};
use forged::Thing;

/// Swaps are a hundred times cheaper than other rounds.
const SWAPS: u64 = 100;

/// A directory to be swept, and one of the same shape that must stay whole.
struct Scene {
    place: tempfile::TempDir,
    thing: Thing,
    victim: PathBuf,
}

/// Which directory is exchanged.
#[derive(Debug, Clone, Copy)]
enum Attacked {
    /// The recorded one itself.
    Entry,
    /// The one in which it stands.
    Parent,
    /// One beneath it, which is in quarantine while it is removed.
    Inner,
    /// One beneath it, which is removed where it stands: in a root that is its owner's alone.
    InnerInRoot,
}

impl Scene {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().join("base");
        // As private as a root is; a directory that others may write to is moved from all the same.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&base)
            .unwrap();
        let thing = Thing::directory(&base);
        fill(&thing.path.join("inner"));
        let victim = place.path().join("victim");
        // A cleaner that follows a link finds every name that it expects.
        fill(&victim);
        fill(&victim.join("inner"));
        fill(&victim.join(thing.path.file_name().unwrap()));
        Self {
            place,
            thing,
            victim,
        }
    }

    fn attacked(&self, which: Attacked) -> PathBuf {
        match which {
            Attacked::Entry => self.thing.path.clone(),
            Attacked::Parent => self.place.path().join("base"),
            Attacked::Inner | Attacked::InnerInRoot => self.thing.path.join("inner"),
        }
    }

    fn ledgers(&self) -> PathBuf {
        self.place.path().join("ledgers")
    }

    fn sweep(&self) -> SweepReport {
        let reclaimers = Reclaimers::local();
        Sweep::new(&reclaimers)
            .directories(vec![self.ledgers()])
            .run()
    }

    fn assert_victim_is_whole(&self, about: &str) {
        let inner = self.victim.join("inner");
        let same_name = self.victim.join(self.thing.path.file_name().unwrap());
        for directory in [&self.victim, &inner, &same_name] {
            for name in NAMES {
                let content = std::fs::read(directory.join(name));
                assert_eq!(content.ok().as_deref(), Some(&b"data"[..]), "{about}");
            }
        }
    }
}

const NAMES: [&str; 2] = ["file", "precious"];

fn fill(directory: &Path) {
    std::fs::create_dir(directory).unwrap();
    for name in NAMES {
        std::fs::write(directory.join(name), "data").unwrap();
    }
}

fn recipe(scene: &Scene, which: Attacked) -> String {
    match which {
        Attacked::InnerInRoot => scene.thing.recipe_in_root(),
        Attacked::Entry | Attacked::Parent | Attacked::Inner => {
            let everybody = std::fs::Permissions::from_mode(0o777);
            let base = scene.thing.path.parent().unwrap();
            std::fs::set_permissions(base, everybody).unwrap();
            scene.thing.recipe()
        }
    }
}

/// Sweeps again and again under attack, until so many exchanges were made; gives how often the entry
/// was removed, and was left.
fn attack(which: Attacked) {
    let wanted = u64::from(rounds(300)) * SWAPS;
    let (mut swaps, mut removed, mut left) = (0, 0, 0);
    while swaps < wanted {
        let scene = Scene::new();
        let ledger =
            ForgedLedger::new().entry("tempfs.dir", "job", State::Closing, &scene.thing.recipe());
        let _ = ledger.write(&scene.ledgers());
        let swapper = SymlinkSwapper::start(&scene.attacked(which), &scene.victim).unwrap();
        let mut sweeps = 0;
        // Until it is gone; after 40 sweeps that lost against the exchange the round starts again.
        while sweeps < 40 && scene.sweep().left().count() > 0 {
            sweeps += 1;
        }
        swaps += swapper.swaps();
        drop(swapper);
        let about = format!("{which:?}, {swaps} swaps, {sweeps} sweeps");
        scene.assert_victim_is_whole(&about);
        let report = scene.sweep();
        scene.assert_victim_is_whole(&about);
        assert_eq!(report.left().count(), 0, "{about}: {report:#?}");
        if sweeps == 0 {
            removed += 1;
        } else {
            left += 1;
        }
    }
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "{which:?}: {swaps} swaps, 0 escapes; {removed} gone by the first sweep, {left} not yet"
    );
}

#[test]
fn an_exchanged_entry_never_leads_out() {
    attack(Attacked::Entry);
}

#[test]
fn an_exchanged_parent_never_leads_out() {
    attack(Attacked::Parent);
}

#[test]
fn an_exchanged_inner_directory_never_leads_out() {
    attack(Attacked::Inner);
    attack(Attacked::InnerInRoot);
}

/// Without a link: the victim has the entry's name half of the time, and is told by what it is.
#[test]
fn an_exchanged_victim_is_never_taken_for_the_entry() {
    let wanted = u64::from(rounds(300)) * SWAPS;
    let (mut swaps, mut removed, mut left) = (0, 0, 0);
    while swaps < wanted {
        let scene = Scene::new();
        let victim = scene.thing.path.with_file_name("precious");
        fill(&victim);
        let ledger = ForgedLedger::new().entry(
            "tempfs.dir",
            "job",
            State::Closing,
            &recipe(&scene, Attacked::Entry),
        );
        let _ = ledger.write(&scene.ledgers());
        let swapper = DirectorySwapper::start(&scene.thing.path, &victim).unwrap();
        let mut sweeps = 0;
        while sweeps < 40 && scene.sweep().left().count() > 0 {
            sweeps += 1;
        }
        swaps += swapper.swaps();
        drop(swapper);
        // Under one of the two names, or, if both were taken when it was to be put back, in dispute.
        let mut places = vec![scene.thing.path.clone(), victim];
        let base = scene.thing.path.parent().unwrap();
        for name in std::fs::read_dir(base).unwrap() {
            let disputed = name.unwrap().path().join("disputed");
            let inner = std::fs::read_dir(disputed).into_iter().flatten();
            places.extend(inner.map(|entry| entry.unwrap().path()));
        }
        let is_whole = |place: &PathBuf| {
            NAMES
                .iter()
                .all(|name| std::fs::read(place.join(name)).is_ok_and(|text| text == b"data"))
        };
        assert!(
            places.iter().any(is_whole),
            "{swaps} swaps, {sweeps} sweeps: {places:?}"
        );
        if sweeps < 40 {
            removed += 1;
        } else {
            left += 1;
        }
    }
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "victim beside it: {swaps} swaps, 0 lost; {removed} removed, {left} left"
    );
}
