//! The private directory in which one process keeps its leased files and directories.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use backstop_os::directory::Directory;
use backstop_os::identity::Cookie;
use parking_lot::Mutex;

use super::entry::{Draft, Entry, Position};
use super::error;
use super::known_directory::KnownDirectory;
use crate::error::{Error, Stage};
use crate::ledger::{Lease, LeaseAttempt};
use crate::policy::Order;
use crate::release::{Backstop, Tracked};
use crate::resource::{
    Footprint, Kind, Presence, Progress, Recipe, ResourceId, Site, Step, TrackedResource,
};

/// The private directory of one process, in which its leased files and directories are.
pub const ROOT: Kind = Kind::new("place.root");

/// The variable with the directory in which leased roots are created.
pub const DEFAULT_BASE_VARIABLE: &str = "TMPDIR";

/// A leased root, held by everything that is in it: it is removed with the last of that.
///
/// A process has one in each base, `$TMPDIR` by default, whichever adapters make something in it.
///
/// # Guarantees
/// Its mode is 0700. Its name carries the ledger's cookie. It carries a BSD lock until this process
/// ends, however it ends, so that systemd-tmpfiles leaves it alone while, and only while, its owner
/// lives. It is announced in the ledger before it is made.
///
/// # When it does not hold
/// On a file system without BSD locks it has none: programs that clean up by age may then remove its entries.
#[derive(Debug)]
pub struct LeasedRoot {
    base: Arc<KnownDirectory>,
    directory: Arc<KnownDirectory>,
    removal: Arc<RemovalBegun>,
    guard: Tracked<RootDirectory>,
}

/// Whether the root's removal has begun. Locked while an entry moves out of it, so that the entry is either
/// kept or removed completely.
type RemovalBegun = Mutex<bool>;

/// The root as the ladder sees it.
#[derive(Debug)]
pub struct RootDirectory {
    entry: Entry,
    removal: Arc<RemovalBegun>,
    _lease: Option<Lease>,
}

type Key = (Option<Cookie>, PathBuf);

/// The roots of this process. Weak, because a root lives as long as what is in it.
static ROOTS: Mutex<Option<HashMap<Key, Weak<LeasedRoot>>>> = Mutex::new(None);

/// `$TMPDIR`, else `/tmp`.
pub(super) fn default_base() -> PathBuf {
    std::env::temp_dir()
}

impl LeasedRoot {
    /// The root of `backstop` in `base`, made if there is none.
    ///
    /// # Errors
    /// The base does not exist or cannot be written to.
    #[track_caller]
    pub fn of(backstop: Backstop, base: &Path) -> Result<Arc<Self>, Error> {
        Self::opened_at(backstop, base, Site::caller())
    }

    pub(super) fn opened_at(
        backstop: Backstop,
        base: &Path,
        site: Site,
    ) -> Result<Arc<Self>, Error> {
        let cookie = backstop.ledger().map(|ledger| ledger.cookie());
        // Made absolute without resolving it: finding a root again takes no system call on the base.
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

    /// Whether it has not been released, and its name still refers to it.
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
        let suffix = format!("-{number}");
        let above = Arc::clone(&base);
        let draft = Draft::new(above, Position::Root, "backstop-", cookie, &suffix)?;
        let path = draft.path().to_owned();
        let rules = backstop.policy(ROOT).with_order(Order::Last);
        let mut announced = backstop
            .intend(ROOT, path.display().to_string())
            .site(site)
            .policy(rules);
        if let Some(recipe) = draft.recipe() {
            announced = announced.recipe(recipe);
        }
        let intent = announced.declare();
        let failed = "cannot create the leased root";
        let (entry, handle) = match draft.make_directory() {
            Ok(made) => made,
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                return Err(error::at(&path, Stage::Open, failed)(cause));
            }
        };
        crate::kill_point::reach("place.root-made");
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
            directory: Arc::new(directory),
            removal,
            guard,
        })
    }

    /// Moves `name` up into the base.
    ///
    /// # Errors
    /// The root's removal has begun, and `name` is removed with it; or the file system's.
    pub(super) fn move_out(&self, name: &OsStr) -> std::io::Result<PathBuf> {
        let removal_begun = self.removal.lock();
        if *removal_begun {
            return Err(std::io::Error::other("the leased root is being removed"));
        }
        let (root, base) = (self.directory.handle(), self.base.handle());
        root.rename_into(name, base, name)?;
        Ok(self.base.path().join(name))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Which resource it is; `None` if it is untracked.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.guard.id()
    }

    /// Its guard, taken out of what holds it: for tests of the root itself.
    #[doc(hidden)]
    pub fn into_guard(self) -> Tracked<RootDirectory> {
        self.guard
    }

    pub(super) fn directory(&self) -> &Arc<KnownDirectory> {
        &self.directory
    }
}

/// Acquires the root's lock. The root can also be used without one.
fn lock(handle: &Directory, path: &Path) -> Option<Lease> {
    match handle.open_again().and_then(Lease::attempt) {
        Ok(LeaseAttempt::Won(lease)) => Some(lease),
        Ok(LeaseAttempt::Held(_)) => {
            tracing::warn!(path = %path.display(), "another process locked the new leased root first");
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
