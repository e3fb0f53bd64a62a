//! A directory with a recipe: it outlives a killed owner.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer};
use backstop_core::release::Tracked;
use backstop_core::resource::{Deadline, Kind, Presence, Progress, Recipe, Step, TrackedResource};
use backstop_os::identity::Cookie;

/// Its kind.
pub const KIND: Kind = Kind::new("test.directory");

/// A directory with a random name.
#[derive(Debug)]
pub struct TestDirectory(PathBuf);

impl TestDirectory {
    /// Announces one in `place`, creates it, and tracks it.
    ///
    /// # Panics
    /// It cannot be created.
    #[track_caller]
    pub fn open(backstop: &Backstop, place: &Path) -> Tracked<Self> {
        let directory = Self(place.join(format!("dir-{}", Cookie::random())));
        let intent = backstop
            .intend(KIND, directory.label())
            .recipe(directory.recipe().expect("a path is a small recipe"))
            .declare();
        std::fs::create_dir(&directory.0).expect("the name is new");
        std::fs::write(directory.0.join("file"), "data").expect("the directory is new");
        intent.fulfil(directory)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl TrackedResource for TestDirectory {
    fn kind(&self) -> Kind {
        KIND
    }
    fn label(&self) -> Cow<'static, str> {
        self.0.display().to_string().into()
    }
    fn recipe(&self) -> Option<Recipe> {
        Recipe::of(&self.0).ok()
    }
    fn release(&self, _: &Step) -> Result<Progress, Error> {
        match std::fs::remove_dir_all(&self.0) {
            Ok(()) => Ok(Progress::Done),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Progress::Done),
            Err(error) => Err(Error::io(Stage::Release, "it cannot be removed", error)),
        }
    }
    fn verify(&self) -> Presence {
        match self.0.exists() {
            true => Presence::Present { holder: None },
            false => Presence::Gone,
        }
    }
}

/// Removes what has a random name that only the recipe knew.
#[derive(Debug)]
pub struct DirectoryReclaimer;

/// How often a reclaimer of this process acted.
pub static ACTS: AtomicU32 = AtomicU32::new(0);

impl Reclaimer for DirectoryReclaimer {
    fn kinds(&self) -> &'static [Kind] {
        const { &[KIND] }
    }
    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        match orphan.read_recipe::<PathBuf>() {
            Ok(path) if path.exists() => Judgement::Reclaim {
                rule: "a directory of a dead owner".into(),
                evidence: vec![format!("{} has its random name", path.display())],
                act: format!("remove {} and all in it", path.display()),
            },
            Ok(path) => Judgement::gone(format!("{} does not exist", path.display())),
            Err(error) => Judgement::keep(error.chain()),
        }
    }
    fn reclaim(&self, orphan: &Orphan<'_>, _: &Authority, _: Deadline) -> Reclaimed {
        ACTS.fetch_add(1, Ordering::Relaxed);
        match orphan.read_recipe::<PathBuf>().map(std::fs::remove_dir_all) {
            Ok(Ok(())) => Reclaimed::released(),
            Ok(Err(error)) => Reclaimed::stuck(error.to_string()),
            Err(error) => Reclaimed::stuck(error.chain()),
        }
    }
}
