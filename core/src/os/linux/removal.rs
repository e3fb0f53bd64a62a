//! Removing a tree through open directories only.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::fs::{AtFlags, Mode, fchmod, unlinkat};
use rustix::io::Errno;

use super::descent::Descent;
use super::directory::Directory;
use super::{beneath, signs, status};
use crate::os::files::{
    FileKind, Limits, Owners, Remains, Removal, Signs, SkipReason, Skipped, Stat,
};

/// How often a directory that filled again while it was emptied is emptied, and how often a name that
/// changes its kind is looked at.
const ROUNDS: u32 = 3;

/// Removes `name` in `parent` with everything in it.
///
/// *Guarantees.* Links are unlinked and never followed. What is mounted is left alone. A file is only
/// unlinked: one with another name elsewhere keeps its content and mode. Other users' entries stay
/// unless `limits` says otherwise. Any depth needs a fixed number of descriptors and no stack. A
/// directory of ours that its mode keeps us out of is opened up through its handle, and gets its mode
/// back if it stays. One entry that cannot be removed does not keep the others.
///
/// *When it does not hold.* A system call that hangs, on a dead network file system, is not ended by
/// the deadline, which is asked between entries.
///
/// Nothing of that name is a complete removal of nothing.
pub fn remove_tree(parent: &Directory, name: &OsStr, limits: &Limits) -> Removal {
    let mut remover = Remover {
        descent: Descent::new(parent.as_fd(), limits.handles),
        limits,
        us: rustix::process::geteuid().as_raw(),
        device: None,
        signs: signs::Signs::default(),
        removal: Removal::default(),
    };
    if let Err(error) = remover.run(name) {
        remover.removal.error = Some(error);
    }
    let mut removal = remover.removal;
    if !removal.is_complete() {
        removal.remains = Remains::InPlace;
    }
    removal
}

struct Remover<'a> {
    descent: Descent<'a>,
    limits: &'a Limits,
    us: u32,
    /// The tree's device, for kernels that do not say what is a mount root.
    device: Option<u64>,
    signs: signs::Signs,
    removal: Removal,
}

impl Remover<'_> {
    fn run(&mut self, name: &OsStr) -> io::Result<()> {
        let name = beneath::component(name)?;
        if self.is_late() {
            return Ok(());
        }
        self.visit(&name)?;
        while self.descent.depth() > 0 {
            if self.is_late() {
                return Ok(());
            }
            match self.descent.next_name() {
                Ok(Some(name)) => self.visit(&name)?,
                Ok(None) => self.finish()?,
                Err(error) => {
                    self.give_up_here(error)?;
                }
            }
        }
        Ok(())
    }

    fn is_late(&mut self) -> bool {
        let late = self
            .limits
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        self.removal.unfinished |= late;
        late
    }

    /// Unlinks `name`, or goes down into it.
    fn visit(&mut self, name: &CStr) -> io::Result<()> {
        for _ in 0..ROUNDS {
            match self.attempt(name)? {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // The name changed its kind between the look and the act.
                Err(Errno::NOTDIR | Errno::ISDIR | Errno::LOOP) => {}
                Err(Errno::XDEV) => {
                    self.skip(name, SkipReason::MountPoint);
                    return Ok(());
                }
                Err(error) => {
                    self.skip(name, SkipReason::Failed(error.raw_os_error()));
                    return Ok(());
                }
            }
        }
        self.skip(name, SkipReason::Changing);
        Ok(())
    }

    /// The outer error ends the walk, the inner one concerns this name.
    fn attempt(&mut self, name: &CStr) -> io::Result<rustix::io::Result<()>> {
        let stat = match self.with_access(|remover| status::at(remover.descent.here(), name)) {
            Ok(stat) => stat,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(reason) = self.objection(&stat) {
            self.skip(name, reason);
            return Ok(Ok(()));
        }
        if stat.kind == FileKind::Directory {
            return self.go_down(name);
        }
        let unused = if self.respects_signs() {
            match self.signs.look(self.descent.here(), name, &stat) {
                Ok(unused) => Some(unused),
                Err(reason) => {
                    self.skip(name, reason);
                    return Ok(Ok(()));
                }
            }
        } else {
            None
        };
        let unlinked =
            self.with_access(|remover| unlinkat(remover.descent.here(), name, AtFlags::empty()));
        drop(unused);
        Ok(unlinked.map(|()| {
            self.removal.files += 1;
            if stat.links <= 1 {
                self.removal.bytes += stat.allocated;
            }
        }))
    }

    fn respects_signs(&self) -> bool {
        match self.limits.signs {
            Signs::Ignore => false,
            Signs::Respect => true,
            Signs::RespectBelow => self.descent.depth() > 0,
        }
    }

    fn objection(&mut self, stat: &Stat) -> Option<SkipReason> {
        let is_mounted = stat.is_mount_root.unwrap_or_else(|| {
            // Only of directories: an overlay's files tell the device of the layer they are in.
            let device = *self.device.get_or_insert(stat.device);
            stat.kind == FileKind::Directory && stat.device != device
        });
        if is_mounted {
            Some(SkipReason::MountPoint)
        } else if self.limits.owners == Owners::OnlyOurs && stat.owner != self.us {
            Some(SkipReason::ForeignOwner(stat.owner))
        } else {
            None
        }
    }

    fn go_down(&mut self, name: &CStr) -> io::Result<rustix::io::Result<()>> {
        let (directory, mode_before) = match self.open(name) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        // Once more, of what is open now: the name may have changed since it was looked at.
        let reason = match status::of(&directory) {
            Ok(stat) => self.objection(&stat),
            Err(error) => return Ok(Err(error)),
        };
        let respects = self.respects_signs();
        let reason = reason.or_else(|| {
            respects
                .then(|| signs::lock_directory(directory.as_fd()).err())
                .flatten()
        });
        if let Some(reason) = reason {
            if let Some(mode) = mode_before {
                // Best effort: the directory is ours and open, and is only left stricter or wider
                // for ourselves.
                let _ = fchmod(&directory, Mode::from_raw_mode(mode));
            }
            self.skip(name, reason);
            return Ok(Ok(()));
        }
        self.descent.enter(name.to_owned(), directory)?;
        if let Some(notes) = self.descent.notes() {
            notes.mode_before = mode_before;
        }
        Ok(Ok(()))
    }

    /// Opens a directory, opening it up first if it is ours and its mode keeps us out.
    fn open(&mut self, name: &CStr) -> rustix::io::Result<(OwnedFd, Option<u32>)> {
        let opened = self
            .with_access(|remover| beneath::open(remover.descent.here(), name, beneath::DIRECTORY));
        if !matches!(opened, Err(Errno::ACCESS)) {
            return Ok((opened?, None));
        }
        let pinned = beneath::pin(self.descent.here(), name)?;
        let stat = status::of(&pinned)?;
        if stat.kind != FileKind::Directory {
            return Err(Errno::NOTDIR);
        }
        if stat.owner != self.us || self.objection(&stat).is_some() {
            return Err(Errno::ACCESS);
        }
        beneath::change_mode(&pinned, stat.mode | 0o700)?;
        Ok((beneath::open_pinned(&pinned)?, Some(stat.mode)))
    }

    /// Does something in the directory in which the walk is; if its mode forbids that and it is ours,
    /// changes the mode through the handle and does it again.
    fn with_access<T>(
        &mut self,
        act: impl Fn(&Self) -> rustix::io::Result<T>,
    ) -> rustix::io::Result<T> {
        let answer = act(self);
        if !matches!(answer, Err(Errno::ACCESS)) || self.descent.depth() == 0 {
            return answer;
        }
        let stat = status::of(self.descent.here())?;
        if stat.owner != self.us || stat.mode & 0o700 == 0o700 {
            return answer;
        }
        fchmod(self.descent.here(), Mode::from_raw_mode(stat.mode | 0o700))?;
        if let Some(notes) = self.descent.notes() {
            notes.mode_before.get_or_insert(stat.mode);
        }
        act(self)
    }

    /// Removes the directory in which the walk is, whose names are all seen, and goes up.
    fn finish(&mut self) -> io::Result<()> {
        let (keeps, rounds) = match self.descent.notes() {
            Some(notes) => (notes.keeps_members, notes.rounds),
            None => return Ok(()),
        };
        if keeps {
            return self.go_up().map(|_| ());
        }
        let mut removed = self.remove_here()?;
        if removed == Err(Errno::ACCESS) {
            // It is the upper directory that forbids it.
            let (name, _) = self.go_up()?;
            removed = self.with_access(|remover| {
                unlinkat(remover.descent.here(), &*name, AtFlags::REMOVEDIR)
            });
            self.account(&name, removed);
            return Ok(());
        }
        if matches!(removed, Err(Errno::NOTEMPTY | Errno::EXIST)) && rounds < ROUNDS {
            // Somebody adds to it, or the file system's listing skipped names after removals.
            self.descent.begin_again()?;
            return Ok(());
        }
        let (name, _) = self.go_up()?;
        self.account(&name, removed);
        Ok(())
    }

    fn remove_here(&mut self) -> io::Result<rustix::io::Result<()>> {
        let (above, name) = self.descent.above()?;
        Ok(unlinkat(above, name, AtFlags::REMOVEDIR))
    }

    fn account(&mut self, name: &CStr, removed: rustix::io::Result<()>) {
        match removed {
            Ok(()) => self.removal.directories += 1,
            Err(Errno::NOENT) => {}
            Err(error) => self.skip(name, SkipReason::Failed(error.raw_os_error())),
        }
    }

    /// Leaves a directory that cannot be listed.
    fn give_up_here(&mut self, error: Errno) -> io::Result<()> {
        let (name, _) = self.go_up()?;
        self.skip(&name, SkipReason::Failed(error.raw_os_error()));
        Ok(())
    }

    /// Goes up, giving the directory below its mode back if it stays.
    fn go_up(&mut self) -> io::Result<(CString, bool)> {
        let restore = match self.descent.notes() {
            Some(notes) if notes.keeps_members => notes.mode_before,
            _ => None,
        };
        // First, because going up can need the right to search below.
        self.descent.above()?;
        if let Some(mode) = restore {
            // Best effort, as above.
            let _ = fchmod(self.descent.here(), Mode::from_raw_mode(mode));
        }
        let Some((name, notes)) = self.descent.leave()? else {
            return Ok((CString::default(), false));
        };
        if notes.keeps_members
            && let Some(upper) = self.descent.notes()
        {
            upper.keeps_members = true;
        }
        Ok((name, notes.keeps_members))
    }

    fn skip(&mut self, name: &CStr, reason: SkipReason) {
        if let Some(notes) = self.descent.notes() {
            notes.keeps_members = true;
        }
        let descent = &self.descent;
        self.removal.skipped.add(self.limits.listed, || Skipped {
            path: descent.path(name),
            reason,
        });
    }
}
