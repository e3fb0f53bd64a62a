//! The private directory in which one process keeps its temp files and directories.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::ledger::{Lease, LeaseAttempt};
use backstop_core::policy;
use backstop_core::release::Tracked;
use backstop_core::resource::{
    Footprint, Kind, Presence, Progress, Recipe, ResourceId, Site, Step, TrackedResource,
};
use backstop_os::directory::Directory;
use backstop_os::identity::Cookie;
use parking_lot::Mutex;

use crate::entry::{Draft, Entry, Place};
use crate::known_directory::KnownDirectory;
use crate::{ROOT, error};

/// The variable that says where leased roots are made.
pub const DEFAULT_BASE_VARIABLE: &str = "TMPDIR";

/// A leased root, held by everything that stands in it: the last that goes takes it along.
///
/// # Guarantees
/// Its mode is 0700. Its name carries the ledger's cookie. It carries a BSD lock until this process
/// ends, however it ends, so that systemd-tmpfiles leaves it alone while, and only while, its owner
/// lives. It is announced in the ledger before it is made.
///
/// # When it does not hold
/// On a file system without BSD locks it has none: cleaners that go by age may then take from it.
#[derive(Debug)]
pub(crate) struct LeasedRoot {
    base: Arc<KnownDirectory>,
    directory: KnownDirectory,
    removal: Arc<RemovalBegun>,
    guard: Tracked<RootDirectory>,
}

/// Whether the root's removal has begun. Locked while something moves out of it, so that what is kept
/// is kept whole or goes whole.
type RemovalBegun = Mutex<bool>;

/// The root as the ladder sees it.
#[derive(Debug)]
pub(crate) struct RootDirectory {
    entry: Entry,
    removal: Arc<RemovalBegun>,
    _lease: Option<Lease>,
}

type Key = (Option<Cookie>, PathBuf);

/// The roots of this process. Weak, because a root lives as long as what stands in it.
static ROOTS: Mutex<Option<HashMap<Key, Weak<LeasedRoot>>>> = Mutex::new(None);

/// `$TMPDIR`, else `/tmp`.
pub(crate) fn default_base() -> PathBuf {
    std::env::temp_dir()
}

impl LeasedRoot {
    /// The root of `backstop` in `base`, made if there is none.
    ///
    /// # Errors
    /// The base does not exist or cannot be written to.
    pub(crate) fn of(backstop: Backstop, base: &Path, site: Site) -> Result<Arc<Self>, Error> {
        let cookie = backstop.ledger().map(|ledger| ledger.cookie());
        // As it was given, made absolute: finding a root again takes no look at the base.
        let key = (
            cookie,
            std::path::absolute(base).unwrap_or_else(|_| base.to_owned()),
        );
        let mut roots = ROOTS.lock();
        let roots = roots.get_or_insert_default();
        if let Some(root) = roots.get(&key).and_then(Weak::upgrade)
            && root.is_usable()
        {
            return Ok(root);
        }
        roots.retain(|_, root| root.strong_count() > 0);
        let base = KnownDirectory::open(base)?;
        let cookie = cookie.unwrap_or_else(Cookie::random);
        let root = Arc::new(Self::make(backstop, base, cookie, site)?);
        roots.insert(key, Arc::downgrade(&root));
        Ok(root)
    }

    /// Whether it has not been released, and its name still stands for it.
    fn is_usable(&self) -> bool {
        self.guard
            .get()
            .is_ok_and(|root| !root.entry.presence().is_gone())
    }

    fn make(
        backstop: Backstop,
        base: KnownDirectory,
        cookie: Cookie,
        site: Site,
    ) -> Result<Self, Error> {
        // Numbered, because a process can have several, one after the other or in several bases.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = Arc::new(base);
        let place = Place::Elsewhere(Arc::clone(&base));
        let draft = Draft::new(place, "backstop-", cookie, &format!("-{number}"))?;
        let path = draft.path().to_owned();
        let rules = backstop.policy(ROOT).with_order(policy::Order::Last);
        let mut announced = backstop
            .intend(ROOT, path.display().to_string())
            .site(site)
            .policy(rules);
        if let Some(recipe) = draft.recipe() {
            announced = announced.recipe(recipe);
        }
        let intent = announced.declare();
        let failed = "the leased root cannot be made";
        let (entry, handle) = match draft.make_directory() {
            Ok(made) => made,
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                return Err(error::at(&path, Stage::Open, failed)(cause));
            }
        };
        backstop_core::kill_point::reach("tempfs.root-made");
        let lease = lock(&handle, &path);
        let removal = Arc::new(Mutex::new(false));
        let guard = intent.fulfil(RootDirectory {
            entry,
            removal: Arc::clone(&removal),
            _lease: lease,
        });
        let directory = KnownDirectory::of(path.clone(), handle).map_err(error::at(
            &path,
            Stage::Open,
            failed,
        ))?;
        Ok(Self {
            base,
            directory,
            removal,
            guard,
        })
    }

    /// Moves `name` up into the base.
    ///
    /// # Errors
    /// The root's removal has begun, and `name` goes with it; or the file system's.
    pub(crate) fn move_out(&self, name: &OsStr) -> std::io::Result<PathBuf> {
        let removal_begun = self.removal.lock();
        if *removal_begun {
            return Err(std::io::Error::other("the leased root is being removed"));
        }
        let (root, base) = (self.directory.handle(), self.base.handle());
        root.rename_into(name, base, name)?;
        Ok(self.base.path().join(name))
    }

    pub(crate) fn id(&self) -> Option<ResourceId> {
        self.guard.id()
    }

    pub(crate) fn directory(&self) -> &KnownDirectory {
        &self.directory
    }
}

/// Holds the root's lock. Without one the root is of use all the same.
fn lock(handle: &Directory, path: &Path) -> Option<Lease> {
    match handle.open_again().and_then(Lease::attempt) {
        Ok(LeaseAttempt::Won(lease)) => Some(lease),
        Ok(LeaseAttempt::Held(_)) => {
            tracing::warn!(path = %path.display(), "somebody locked the new leased root first");
            None
        }
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the leased root has no lock");
            None
        }
    }
}

impl TrackedResource for RootDirectory {
    fn kind(&self) -> Kind {
        ROOT
    }

    fn label(&self) -> Cow<'static, str> {
        self.entry.path().display().to_string().into()
    }

    fn footprint(&self) -> Footprint {
        // The base, the root, and the root's lock.
        Footprint::handles(3)
    }

    fn recipe(&self) -> Option<Recipe> {
        self.entry.recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        *self.removal.lock() = true;
        self.entry.remove(step.deadline)
    }

    fn verify(&self) -> Presence {
        self.entry.presence()
    }
}

#[cfg(test)]
mod tests {
    use backstop_core::reclaim::Reclaimers;
    use backstop_testkit::conformance::{self, Hold, Subject};

    use super::*;

    /// Roots, each taken out of what holds it: elsewhere its guard is with everything that is in it.
    struct Roots;

    impl Subject for Roots {
        type Resource = RootDirectory;

        fn name(&self) -> &'static str {
            "tempfs.root"
        }
        fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<RootDirectory> {
            let base = KnownDirectory::open(place).unwrap();
            let ledger = backstop.ledger();
            let cookie = ledger.map_or_else(Cookie::random, |ledger| ledger.cookie());
            let root = LeasedRoot::make(*backstop, base, cookie, Site::caller()).unwrap();
            std::fs::write(root.directory().path().join("file"), "data").unwrap();
            root.guard
        }
        fn trace(&self, root: &RootDirectory) -> String {
            root.entry.path().display().to_string()
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
            Reclaimers::new().with(crate::reclaimer())
        }
        fn destroy(&self, trace: &str) -> bool {
            std::fs::remove_dir_all(trace).is_ok()
        }
        fn hold(&self, root: &Tracked<RootDirectory>) -> Hold {
            let path = root.entry.path().to_owned();
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
        let changed = std::process::Command::new("chattr")
            .arg(how)
            .arg(path)
            .output();
        changed.is_ok_and(|output| output.status.success())
    }

    #[test]
    fn a_root_conforms() {
        conformance::check(&Roots).assert_all_but(&[]);
    }
}
