//! Removes an entry only after its identity is proven, in a place where no other process can
//! exchange it.
//!
//! Between inspecting a name and acting on it, any process that may write to the directory can put
//! something else there. So the entry is first moved into a private directory, proven there, and
//! only then removed. Each step is one rename, so a sweep that is killed between any two leaves the
//! entry under one of three names, and the next call for it continues from there:
//!
//! - `ROOT/NAME`: not started;
//! - `ROOT/QUARANTINE/taken/NAME`: moved, proven or not, perhaps partly removed;
//! - `ROOT/QUARANTINE/disputed/NAME`: was not the expected entry, and its old name was in use
//!   again. Never removed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;

use super::claim::Claim;
use super::directory::Directory;
use super::removal::remove_tree;
use super::{beneath, file_identity, lock, status};
use crate::files::{Left, LockAttempt, Owners, Remains, Removal, RemovalRefusal, Stat, WalkLimits};
use crate::identity::FileIdentity;

const TAKEN: &str = "taken";
const DISPUTED: &str = "disputed";

/// A private directory beneath a root, in which entries of that root are proven and removed.
///
/// Used by one sweep at a time, through a BSD lock. The directory is removed by
/// [`Quarantine::close`], or on drop, if it is empty.
#[derive(Debug)]
pub struct Quarantine<'a> {
    root: &'a Directory,
    name: OsString,
    directory: Directory,
    taken: Directory,
}

/// Removes `name` in `root` if it is the file identified by `expected`, through a quarantine called
/// `quarantine` beneath the same root. For several entries, use [`Quarantine::open`] once.
///
/// # Errors
/// As [`Quarantine::open`] and [`Quarantine::remove_proven`].
pub fn remove_proven(
    root: &Directory,
    name: &OsStr,
    expected: Option<&FileIdentity>,
    quarantine: &OsStr,
    limits: &WalkLimits,
) -> Result<Removal, RemovalRefusal> {
    Quarantine::open(root, quarantine)?.remove_proven(name, expected, limits)
}

impl<'a> Quarantine<'a> {
    /// Opens the quarantine `name` in `root`, or creates it.
    ///
    /// # Errors
    /// Another sweep uses it ([`RemovalRefusal::Busy`]); it is a link, another user's, or accessible to
    /// other users; or it cannot be created.
    pub fn open(root: &'a Directory, name: &OsStr) -> Result<Self, RemovalRefusal> {
        let failed = |source| system("open the quarantine", source);
        // Another sweep can remove the empty directory between our opening and our locking it; the
        // lock is then on a directory without a name and protects nothing.
        for _ in 0..16 {
            let directory = open_or_create(root, name).map_err(failed)?;
            match lock::try_exclusive(&directory).map_err(failed)? {
                LockAttempt::Won => {}
                LockAttempt::Held => return Err(RemovalRefusal::Busy),
            }
            let ours = directory.stat().map_err(failed)?;
            match root.stat_beneath(name) {
                Ok(named) if (named.device, named.inode) == (ours.device, ours.inode) => {}
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            }
            let taken = open_or_create(&directory, OsStr::new(TAKEN)).map_err(failed)?;
            return Ok(Self {
                root,
                name: name.to_owned(),
                directory,
                taken,
            });
        }
        Err(RemovalRefusal::Busy)
    }

    /// Names that an earlier sweep moved here and did not remove.
    ///
    /// # Errors
    /// The quarantine cannot be read.
    pub fn unfinished(&self) -> io::Result<Vec<OsString>> {
        self.taken
            .entries()?
            .map(|entry| entry.map(|entry| entry.name))
            .collect()
    }

    /// Removes `name` if it is the file identified by `expected`; with `None`, the caller asserts
    /// that any file of this name may be removed.
    ///
    /// *Guarantees.* An entry that is not `expected` is not changed, and has its name again when
    /// this returns, unless that name was taken in the meantime: see [`Left`]. Whatever an earlier
    /// call for the same name left in the quarantine is proven and removed. Members that are kept
    /// because of `limits` have their names again too.
    ///
    /// If neither place has an entry of that name, the result is a complete removal of nothing.
    ///
    /// # Errors
    /// It is another file, cannot be proven, is another user's (unless `limits` allow any owner) or
    /// a mount point; or the system refused a step before anything was removed.
    pub fn remove_proven(
        &self,
        name: &OsStr,
        expected: Option<&FileIdentity>,
        limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        beneath::component(name).map_err(|source| system("use the name", source))?;
        if name == self.name {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is the quarantine itself");
            return Err(system("move it into the quarantine", source));
        }
        if expected.is_some_and(|expected| !expected.is_strong()) {
            return Err(RemovalRefusal::Unprovable);
        }
        let earlier = match stat_if_there(&self.taken, name)? {
            Some(_) => Some(self.settle(name, expected, limits)?),
            None => None,
        };
        if let Some(earlier) = earlier {
            // Proven and removed: an entry that has the name in the root now is a different one.
            if expected.is_some() || !earlier.is_complete() {
                return Ok(earlier);
            }
            let mut both = earlier;
            both.absorb(limits.listed, self.take_and_settle(name, expected, limits)?);
            return Ok(both);
        }
        self.take_and_settle(name, expected, limits)
    }

    /// Removes `name` if it is the regular file that was claimed, in few calls: the claim keeps it
    /// open, so that device and inode are proof. Anything else is handled by
    /// [`remove_proven`](Self::remove_proven).
    ///
    /// *Guarantees.* As for `remove_proven`.
    ///
    /// # Errors
    /// As for `remove_proven`.
    pub fn remove_claimed(
        &self,
        name: &OsStr,
        claim: &Claim,
        limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        let Some(file) = claim.file().filter(|_| name != self.name) else {
            return self.remove_identified(name, claim, limits);
        };
        let claimed = claim.stat();
        match self.root.rename_into(name, &self.taken, name) {
            Ok(()) => {}
            // It was moved already by a sweep that was killed, or its mode prevents the move.
            Err(_) => return self.remove_identified(name, claim, limits),
        }
        let found = self
            .taken
            .stat_beneath(name)
            .map_err(|error| system("inspect it", error))?;
        if (found.device, found.inode) != (claimed.device, claimed.inode) {
            let expected =
                file_identity::of(file).map_err(|error| system("read its identity", error))?;
            let found = self.taken.identity_beneath(name);
            let left = self.put_back(name)?;
            return Err(RemovalRefusal::Different {
                expected: Box::new(expected),
                found: Box::new(found.map_err(|error| system("read its identity", error))?),
                left,
            });
        }
        self.taken
            .unlink_beneath(name)
            .map_err(|error| system("unlink it", error))?;
        Ok(Removal {
            files: 1,
            bytes: if found.links > 1 { 0 } else { found.allocated },
            ..Removal::default()
        })
    }

    fn remove_identified(
        &self,
        name: &OsStr,
        claim: &Claim,
        limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        let not_found = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let identity = match self.root.identity_beneath(name) {
            Err(error) if not_found(&error) => self.taken.identity_beneath(name),
            answer => answer,
        };
        let identity = match identity {
            Ok(identity) => identity,
            Err(error) if not_found(&error) => return Ok(Removal::default()),
            Err(error) => return Err(system("read its identity", error)),
        };
        let claimed = claim.stat();
        if (identity.device, identity.inode) != (claimed.device, claimed.inode) {
            return Err(RemovalRefusal::Different {
                expected: Box::new(FileIdentity {
                    device: claimed.device,
                    inode: claimed.inode,
                    birth: None,
                    handle: None,
                }),
                found: Box::new(identity),
                left: Left::Untouched,
            });
        }
        self.remove_proven(name, Some(&identity), limits)
    }

    /// Removes the quarantine's directory if it is empty, and allows another sweep to use it.
    ///
    /// # Errors
    /// Something is left in it ([`io::ErrorKind::DirectoryNotEmpty`]), or the system refused.
    pub fn close(self) -> io::Result<()> {
        self.remove_if_empty()
    }

    fn take_and_settle(
        &self,
        name: &OsStr,
        expected: Option<&FileIdentity>,
        limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        let Some(stat) = stat_if_there(self.root, name)? else {
            return Ok(Removal::default());
        };
        object(&stat, limits)?;
        // A first check, so that the wrong file is not even moved; the decisive one comes after the
        // move.
        self.prove(self.root, name, expected, Left::Untouched)?;
        let failed = |source| system("move it into the quarantine", source);
        match self.root.rename_into(name, &self.taken, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Removal::default()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // Moving a directory rewrites its `..`, which its own mode can forbid.
                self.open_up(name, expected)?;
                self.root
                    .rename_into(name, &self.taken, name)
                    .map_err(failed)?;
            }
            answer => answer.map_err(failed)?,
        }
        self.settle(name, expected, limits)
    }

    /// Proves the entry in the quarantine under `name`, then removes it or puts it back.
    fn settle(
        &self,
        name: &OsStr,
        expected: Option<&FileIdentity>,
        limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        match self.check(name, expected, limits) {
            Ok(()) => {}
            Err(refusal) => {
                let placed = self.put_back(name)?;
                return Err(match refusal {
                    RemovalRefusal::Different {
                        expected, found, ..
                    } => RemovalRefusal::Different {
                        expected,
                        found,
                        left: placed,
                    },
                    other => other,
                });
            }
        }
        let mut removal = remove_tree(&self.taken, name, limits);
        if removal.skipped.total() > 0 && !removal.unfinished && removal.error.is_none() {
            // The rest was kept on purpose: its users expect it under its name.
            removal.remains = match self.put_back(name)? {
                Left::Disputed => Remains::Disputed,
                _ => Remains::InPlace,
            };
        } else if !removal.is_complete() {
            removal.remains = Remains::InQuarantine;
        }
        Ok(removal)
    }

    fn check(
        &self,
        name: &OsStr,
        expected: Option<&FileIdentity>,
        limits: &WalkLimits,
    ) -> Result<(), RemovalRefusal> {
        if let Some(stat) = stat_if_there(&self.taken, name)? {
            object(&stat, limits)?;
        }
        self.prove(&self.taken, name, expected, Left::PutBack)
    }

    fn prove(
        &self,
        directory: &Directory,
        name: &OsStr,
        expected: Option<&FileIdentity>,
        left: Left,
    ) -> Result<(), RemovalRefusal> {
        let Some(expected) = expected else {
            return Ok(());
        };
        let found = directory
            .identity_beneath(name)
            .map_err(|source| system("read its identity", source))?;
        compare(expected, found, left)
    }

    fn put_back(&self, name: &OsStr) -> Result<Left, RemovalRefusal> {
        let failed = |source| system("put it back from the quarantine", source);
        match self.taken.rename_into(name, self.root, name) {
            Ok(()) => return Ok(Left::PutBack),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let disputed = open_or_create(&self.directory, OsStr::new(DISPUTED)).map_err(failed)?;
        for number in 0..1000_u32 {
            let mut free = name.to_owned();
            if number > 0 {
                // A number alone, because appending one could make the name too long.
                free = OsString::from(number.to_string());
            }
            match self.taken.rename_into(name, &disputed, &free) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                answer => return answer.map(|()| Left::Disputed).map_err(failed),
            }
        }
        Err(failed(io::ErrorKind::AlreadyExists.into()))
    }

    /// Grants us all permissions on the directory `name`, once it is proven.
    fn open_up(&self, name: &OsStr, expected: Option<&FileIdentity>) -> Result<(), RemovalRefusal> {
        let failed = |source| system("open up the directory", source);
        let component = beneath::component(name).map_err(failed)?;
        let pinned = beneath::pin(self.root.as_fd(), component.as_c_str())
            .map_err(|error| failed(error.into()))?;
        if let Some(expected) = expected {
            let found = file_identity::of(pinned.as_fd()).map_err(failed)?;
            compare(expected, found, Left::Untouched)?;
        }
        let stat = status::of(&pinned).map_err(|error| failed(error.into()))?;
        let us = rustix::process::geteuid().as_raw();
        if stat.kind != crate::files::FileKind::Directory || stat.owner != us {
            return Err(failed(io::ErrorKind::PermissionDenied.into()));
        }
        beneath::change_mode(&pinned, stat.mode | 0o700).map_err(|error| failed(error.into()))
    }

    fn remove_if_empty(&self) -> io::Result<()> {
        for inner in [TAKEN, DISPUTED] {
            match self.directory.remove_empty_beneath(OsStr::new(inner)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match self.root.remove_empty_beneath(&self.name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Quarantine<'_> {
    fn drop(&mut self) {
        // What remains is found by the next sweep; `close` is the path that can report it.
        let _ = self.remove_if_empty();
    }
}

fn open_or_create(root: &Directory, name: &OsStr) -> io::Result<Directory> {
    match root.create_beneath(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        answer => return answer,
    }
    let directory = root.open_beneath(name)?;
    directory.require_private()?;
    Ok(directory)
}

fn stat_if_there(directory: &Directory, name: &OsStr) -> Result<Option<Stat>, RemovalRefusal> {
    match directory.stat_beneath(name) {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(system("inspect it", error)),
    }
}

fn object(stat: &Stat, limits: &WalkLimits) -> Result<(), RemovalRefusal> {
    if stat.is_mount_root == Some(true) {
        return Err(RemovalRefusal::MountPoint);
    }
    let us = rustix::process::geteuid().as_raw();
    if limits.owners == Owners::OnlyOurs && stat.owner != us {
        return Err(RemovalRefusal::ForeignOwner { owner: stat.owner });
    }
    Ok(())
}

fn compare(expected: &FileIdentity, found: FileIdentity, left: Left) -> Result<(), RemovalRefusal> {
    if *expected == found {
        return Ok(());
    }
    // If only the handle differs because it cannot be read now, nothing is proven either way.
    if !found.is_strong() && (expected.device, expected.inode) == (found.device, found.inode) {
        return Err(RemovalRefusal::Unprovable);
    }
    Err(RemovalRefusal::Different {
        expected: Box::new(expected.clone()),
        found: Box::new(found),
        left,
    })
}

fn system(step: &'static str, source: io::Error) -> RemovalRefusal {
    RemovalRefusal::System { step, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::place::Place;
    use super::*;
    use crate::files::Signs;

    const QUARANTINE: &str = ".quarantine";

    fn os(name: &str) -> &OsStr {
        OsStr::new(name)
    }

    fn identity(place: &Place, name: &str) -> FileIdentity {
        place.open().identity_beneath(os(name)).unwrap()
    }

    fn remove(place: &Place, expected: Option<&FileIdentity>) -> Result<Removal, RemovalRefusal> {
        let root = place.open();
        remove_proven(
            &root,
            os("tree"),
            expected,
            os(QUARANTINE),
            &WalkLimits::default(),
        )
    }

    /// The state that a sweep leaves if it is killed after the move.
    fn move_into_quarantine(place: &Place) {
        let root = place.open();
        let directory = root.create_beneath(os(QUARANTINE)).unwrap();
        let taken = directory.create_beneath(os(TAKEN)).unwrap();
        root.rename_into(os("tree"), &taken, os("tree")).unwrap();
    }

    #[test]
    fn the_proven_entry_is_removed_and_the_quarantine_with_it() {
        let place = Place::new();
        std::fs::write(place.directory("tree/a").join("file"), "").unwrap();
        let expected = identity(&place, "tree");
        let removal = remove(&place, Some(&expected)).unwrap();
        assert!(removal.is_complete(), "{removal:?}");
        assert_eq!((removal.files, removal.directories), (1, 2));
        assert_eq!(place.root().read_dir().unwrap().count(), 0);
        assert!(remove(&place, Some(&expected)).unwrap().is_complete());
    }

    #[test]
    fn a_successor_of_the_same_name_is_not_touched() {
        let place = Place::new();
        place.directory("tree");
        let expected = identity(&place, "tree");
        std::fs::remove_dir(place.path("tree")).unwrap();
        std::fs::write(place.directory("tree").join("precious"), "data").unwrap();
        let refusal = remove(&place, Some(&expected)).unwrap_err();
        assert!(
            matches!(&refusal, RemovalRefusal::Different { left: Left::Untouched, found, .. }
                if **found == identity(&place, "tree")),
            "{refusal:?}"
        );
        assert!(place.path("tree/precious").exists());
        assert!(!place.path(QUARANTINE).exists());
    }

    #[test]
    fn a_link_in_place_of_the_directory_is_not_followed() {
        let place = Place::new();
        place.directory("tree");
        let expected = identity(&place, "tree");
        std::fs::remove_dir(place.path("tree")).unwrap();
        symlink(place.victim(), place.path("tree")).unwrap();
        remove(&place, Some(&expected)).unwrap_err();
        assert!(remove(&place, None).unwrap().is_complete());
        assert!(std::fs::symlink_metadata(place.path("tree")).is_err());
        place.assert_victim_intact();
    }

    #[test]
    fn an_interrupted_removal_is_completed_by_the_next_call() {
        let place = Place::new();
        std::fs::write(place.directory("tree").join("file"), "").unwrap();
        let expected = identity(&place, "tree");
        move_into_quarantine(&place);
        std::fs::write(place.directory("tree").join("precious"), "data").unwrap();
        let removal = remove(&place, Some(&expected)).unwrap();
        assert!(removal.is_complete() && removal.files == 1, "{removal:?}");
        assert!(place.path("tree/precious").exists());
        assert!(!place.path(QUARANTINE).exists());
    }

    #[test]
    fn a_moved_entry_that_is_not_the_expected_one_is_put_back() {
        let place = Place::new();
        place.directory("tree");
        let expected = identity(&place, "tree");
        std::fs::remove_dir(place.path("tree")).unwrap();
        std::fs::write(place.directory("tree").join("precious"), "data").unwrap();
        move_into_quarantine(&place);
        let refusal = remove(&place, Some(&expected)).unwrap_err();
        let put_back = matches!(
            refusal,
            RemovalRefusal::Different {
                left: Left::PutBack,
                ..
            }
        );
        assert!(put_back, "{refusal:?}");
        assert!(place.path("tree/precious").exists());
    }

    #[test]
    fn an_entry_that_cannot_be_put_back_is_never_removed() {
        let place = Place::new();
        place.directory("tree");
        let expected = identity(&place, "tree");
        std::fs::remove_dir(place.path("tree")).unwrap();
        std::fs::write(place.directory("tree").join("precious"), "data").unwrap();
        move_into_quarantine(&place);
        place.directory("tree");
        let refusal = remove(&place, Some(&expected)).unwrap_err();
        let disputed = matches!(
            refusal,
            RemovalRefusal::Different {
                left: Left::Disputed,
                ..
            }
        );
        assert!(disputed, "{refusal:?}");
        assert!(remove(&place, None).unwrap().is_complete());
        let kept = place.path(QUARANTINE).join("disputed/tree/precious");
        assert_eq!(std::fs::read(kept).unwrap(), b"data");
    }

    #[test]
    fn a_process_that_exchanges_names_never_loses_its_own_entry() {
        let place = Place::new();
        std::fs::write(place.directory("other").join("precious"), "data").unwrap();
        let other = identity(&place, "other");
        place.while_exchanging("tree", "other", || {
            let root = place.open();
            let limits = WalkLimits::default();
            for _ in 0..300 {
                let ours = Directory::open(&place.directory("spare")).unwrap();
                let expected = ours.identity().unwrap();
                std::fs::write(place.path("spare/file"), "").unwrap();
                let goes_to = |name| root.rename_into(os("spare"), &root, os(name)).is_ok();
                assert!(
                    goes_to("tree") || goes_to("other"),
                    "an unrelated entry was left behind"
                );
                // Under one of the two names until it is found there.
                let gone = ["tree", "other"].iter().cycle().take(10_000).any(|name| {
                    let answer =
                        remove_proven(&root, os(name), Some(&expected), os(QUARANTINE), &limits);
                    answer.is_ok_and(|removal| removal.files == 1)
                });
                assert!(gone);
            }
        });
        let kept = [
            "tree",
            "other",
            ".quarantine/disputed/tree",
            ".quarantine/disputed/other",
        ]
        .iter()
        .find(|name| place.path(name).join("precious").exists())
        .expect("the other tree is still under a documented name");
        let found = Directory::open(&place.path(kept)).unwrap();
        assert_eq!(found.identity().unwrap(), other);
    }

    #[test]
    fn a_file_in_place_of_the_claimed_one_is_put_back() {
        let place = Place::new();
        std::fs::write(place.path("file"), "").unwrap();
        let root = place.open();
        let quarantine = Quarantine::open(&root, os(QUARANTINE)).unwrap();
        let claim = super::super::claim::Claims::new()
            .claim(&root, os("file"), None)
            .unwrap();
        std::fs::write(place.path("other"), "precious").unwrap();
        std::fs::rename(place.path("other"), place.path("file")).unwrap();
        let refusal = quarantine
            .remove_claimed(os("file"), &claim, &WalkLimits::default())
            .unwrap_err();
        let put_back = matches!(
            refusal,
            RemovalRefusal::Different {
                left: Left::PutBack,
                ..
            }
        );
        assert!(put_back, "{refusal:?}");
        assert_eq!(std::fs::read(place.path("file")).unwrap(), b"precious");
    }

    #[test]
    fn only_one_sweep_uses_it_at_a_time() {
        let place = Place::new();
        let root = place.open();
        let first = Quarantine::open(&root, os(QUARANTINE)).unwrap();
        let second = Quarantine::open(&root, os(QUARANTINE));
        assert!(matches!(second, Err(RemovalRefusal::Busy)), "{second:?}");
        first.close().unwrap();
        Quarantine::open(&root, os(QUARANTINE)).unwrap();
    }

    #[test]
    fn a_quarantine_that_is_not_ours_alone_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        symlink(place.victim(), place.path(QUARANTINE)).unwrap();
        place.directory("tree");
        remove(&place, None).unwrap_err();
        std::fs::remove_file(place.path(QUARANTINE)).unwrap();
        let wide = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(place.directory(QUARANTINE), wide).unwrap();
        let refusal = remove(&place, None).unwrap_err();
        let source = std::error::Error::source(&refusal).unwrap().to_string();
        assert_eq!(source, "its mode 0777 allows other users access");
        assert!(place.path("tree").exists());
    }

    #[test]
    fn members_that_are_kept_have_their_name_again() {
        let place = Place::new();
        let used = std::fs::File::create(place.directory("tree").join("used")).unwrap();
        std::fs::write(place.path("tree/plain"), "").unwrap();
        let _won = lock::try_exclusive(&used).unwrap();
        let limits = WalkLimits {
            signs: Signs::Respect,
            ..WalkLimits::default()
        };
        let root = place.open();
        let expected = identity(&place, "tree");
        let removal =
            remove_proven(&root, os("tree"), Some(&expected), os(QUARANTINE), &limits).unwrap();
        assert_eq!((removal.files, removal.remains), (1, Remains::InPlace));
        assert!(place.path("tree/used").exists());
    }

    #[test]
    fn a_directory_without_permissions_is_moved_nevertheless() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        std::fs::write(place.directory("tree").join("file"), "").unwrap();
        let none = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(place.path("tree"), none).unwrap();
        let expected = identity(&place, "tree");
        assert!(remove(&place, Some(&expected)).unwrap().is_complete());
    }

    #[test]
    fn an_identity_without_handle_is_no_proof() {
        let place = Place::new();
        place.directory("tree");
        let mut weak = identity(&place, "tree");
        weak.handle = None;
        let refusal = remove(&place, Some(&weak)).unwrap_err();
        assert!(matches!(refusal, RemovalRefusal::Unprovable), "{refusal:?}");
        assert!(place.path("tree").exists());
    }

    #[test]
    fn a_late_removal_stays_in_the_quarantine_and_is_listed_there() {
        let place = Place::new();
        std::fs::write(place.directory("tree").join("file"), "").unwrap();
        let expected = identity(&place, "tree");
        let root = place.open();
        let quarantine = Quarantine::open(&root, os(QUARANTINE)).unwrap();
        let late = WalkLimits {
            deadline: Some(std::time::Instant::now()),
            ..WalkLimits::default()
        };
        let removal = quarantine
            .remove_proven(os("tree"), Some(&expected), &late)
            .unwrap();
        assert!(removal.unfinished && removal.remains == Remains::InQuarantine);
        assert_eq!(quarantine.unfinished().unwrap(), ["tree"]);
        drop(quarantine);
        assert!(remove(&place, Some(&expected)).unwrap().is_complete());
        assert!(!place.path(QUARANTINE).exists());
    }
}
