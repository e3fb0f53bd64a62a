//! Removing an entry whose identity is proven, for its owner or for a dead one.

use std::ffi::{OsStr, OsString};
use std::io;

use backstop_os::directory::Directory;
use backstop_os::files::{FileKind, Left, Owners, Removal, RemovalRefusal, Signs, WalkLimits};
use backstop_os::identity::{Cookie, FileIdentity};
use backstop_os::quarantine::remove_proven;
use backstop_os::removal::remove_tree;

use crate::resource::Deadline;

/// A name in a directory, and what it must be to be removed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doomed<'a> {
    pub(super) directory: &'a Directory,
    pub(super) name: &'a str,
    pub(super) cookie: Cookie,
    /// Its identity. Without a file handle, or without an identity, the random name is the proof.
    pub(super) identity: Option<&'a FileIdentity>,
}

impl Doomed<'_> {
    /// Removes it with all that is in it.
    ///
    /// # Guarantees
    /// Nothing is removed that is not the recorded one, no link is followed, and an earlier removal
    /// that was interrupted is finished. Nothing of that name is a complete removal of nothing.
    ///
    /// # Errors
    /// It is another file, or the system refused before anything was removed.
    pub(super) fn remove(&self, deadline: Deadline) -> Result<Removal, RemovalRefusal> {
        let limits = WalkLimits {
            deadline: Some(deadline.instant()),
            // Its content is proven to be ours, even if another user wrote there: a container's root, a
            // service.
            owners: Owners::Any,
            signs: Signs::Ignore,
            ..WalkLimits::default()
        };
        let has_quarantine = self
            .has_quarantine()
            .map_err(|source| RemovalRefusal::System {
                step: "check for an earlier removal",
                source,
            })?;
        if !has_quarantine {
            if self.directory.require_private().is_ok() {
                return self.remove_in_private(&limits);
            }
            if self.remove_if_empty() {
                return Ok(Removal {
                    directories: 1,
                    ..Removal::default()
                });
            }
        }
        let remove = || {
            remove_proven(
                self.directory,
                OsStr::new(self.name),
                self.identity.filter(|identity| identity.is_strong()),
                &self.quarantine_name(),
                &limits,
            )
        };
        match remove() {
            Err(RemovalRefusal::System { source, .. }) if is_full(&source) => {
                let emptied = self.make_room(&limits);
                let mut removal = remove()?;
                removal.files += emptied.files;
                removal.directories += emptied.directories;
                removal.bytes += emptied.bytes;
                Ok(removal)
            }
            answer => answer,
        }
    }

    /// Removes what is in the directory, through a handle that is proven: a quarantine takes space, and
    /// on a full disk only this makes some.
    fn make_room(&self, limits: &WalkLimits) -> Removal {
        let mut emptied = Removal::default();
        let Some(expected) = self.identity.filter(|identity| identity.is_strong()) else {
            return emptied;
        };
        let opened = self.directory.open_beneath(OsStr::new(self.name)).ok();
        let is_proven = |opened: &Directory| {
            let found = opened.identity();
            found.is_ok_and(|found| is_same(expected, &found))
        };
        if let Some(opened) = opened.filter(is_proven)
            && let Ok(entries) = opened.entries()
        {
            // Listed first: what is removed while it is listed may hide others.
            let names: Vec<OsString> = entries.flatten().map(|entry| entry.name).collect();
            for name in names {
                emptied.absorb(limits.listed, remove_tree(&opened, &name, limits));
            }
        }
        emptied
    }

    /// An empty directory goes without a quarantine: should another process exchange it for another in
    /// the instant between the check and the call, that call removes nothing that holds anything.
    fn remove_if_empty(&self) -> bool {
        let name = OsStr::new(self.name);
        let Some(expected) = self.identity.filter(|identity| identity.is_strong()) else {
            return false;
        };
        self.directory
            .identity_beneath(name)
            .is_ok_and(|found| is_same(expected, &found))
            && self.directory.remove_empty_beneath(name).is_ok()
    }

    /// Where no other user may write, no other user can exchange the entry, and it need not be moved away
    /// first.
    fn remove_in_private(&self, limits: &WalkLimits) -> Result<Removal, RemovalRefusal> {
        let name = OsStr::new(self.name);
        let found = match self.directory.identity_beneath(name) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Removal::default()),
            Err(source) => {
                let step = "read which file it is";
                return Err(RemovalRefusal::System { step, source });
            }
        };
        match self.identity {
            Some(expected) if !is_same(expected, &found) => Err(RemovalRefusal::Different {
                expected: Box::new(expected.clone()),
                found: Box::new(found),
                left: Left::Untouched,
            }),
            _ => Ok(remove_tree(self.directory, name, limits)),
        }
    }

    /// Whether an earlier removal moved it away and did not get to its end.
    ///
    /// # Errors
    /// That cannot be determined, which does not mean that there was none.
    pub(super) fn is_in_quarantine(&self) -> io::Result<bool> {
        let Some(quarantine) = self.quarantine()? else {
            return Ok(false);
        };
        let found = quarantine
            .open_beneath(OsStr::new("taken"))
            .and_then(|taken| taken.stat_beneath(OsStr::new(self.name)));
        match found {
            Ok(_) => Ok(true),
            Err(error) if shows_none_of_ours(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether an earlier removal made its quarantine and did not get to its end: the entry may be in
    /// it, gone from it, or not in it yet.
    ///
    /// # Errors
    /// As [`is_in_quarantine`](Self::is_in_quarantine).
    pub(super) fn has_quarantine(&self) -> io::Result<bool> {
        let Some(quarantine) = self.quarantine()? else {
            return Ok(false);
        };
        match quarantine.require_private() {
            Ok(()) => Ok(true),
            Err(error) if shows_none_of_ours(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What has the quarantine's name, if that is a directory.
    fn quarantine(&self) -> io::Result<Option<Directory>> {
        let name = self.quarantine_name();
        let error = match self.directory.open_beneath(&name) {
            Ok(quarantine) => return Ok(Some(quarantine)),
            Err(error) => error,
        };
        // A link is refused with an error that has no other cause.
        let is_no_directory = || {
            let found = self.directory.stat_beneath(&name);
            found.is_ok_and(|found| found.kind != FileKind::Directory)
        };
        if shows_none_of_ours(&error) || is_no_directory() {
            return Ok(None);
        }
        Err(error)
    }

    /// One for each entry, so that two releases in one directory never wait for each other, and the
    /// recipe of the entry names where an interrupted one put it.
    fn quarantine_name(&self) -> OsString {
        OsString::from(format!(".backstop-{}", self.cookie.abbreviation()))
    }
}

/// Whether nothing has that name, or something that no removal of ours made. Any other error (of the disk,
/// or because there is no descriptor or memory) does not show what is there.
fn shows_none_of_ours(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Whether two identities are of one file. Where the file system has no file handles, birth time and inode
/// are compared, in addition to the random name.
pub(super) fn is_same(recorded: &FileIdentity, found: &FileIdentity) -> bool {
    recorded == found
}
