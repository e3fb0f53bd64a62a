//! Removes a tree through open directories only.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::fs::{AtFlags, Mode, fchmod, unlinkat};
use rustix::io::Errno;

use super::descent::Descent;
use super::directory::Directory;
use super::{beneath, signs, status};
use crate::files::{
    FileKind, Owners, Remains, Removal, Signs, SkipReason, Skipped, Stat, WalkLimits,
};

/// How often a directory that was refilled while it was emptied is emptied, and how often a name
/// that changes its type is inspected.
const ROUNDS: u32 = 3;

/// Removes `name` in `parent` with everything in it.
///
/// *Guarantees.* Links are unlinked and never followed. Mount points are kept. A file is only
/// unlinked: one with another name elsewhere keeps its content and mode. Other users' entries are
/// kept unless `limits` allows otherwise. Any depth needs a fixed number of descriptors and no
/// stack. If the mode of one of our own directories denies us access, permissions are added through
/// its descriptor, and its mode is restored if it is kept. An entry that cannot be removed does not
/// stop the removal of others.
///
/// *When it does not hold.* The deadline is checked between entries: it does not end a system call
/// that hangs, for example on a dead network file system.
///
/// If there is no entry of that name, the result is a complete removal of nothing.
pub fn remove_tree(parent: &Directory, name: &OsStr, limits: &WalkLimits) -> Removal {
    let mut remover = Remover::new(parent, limits);
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
    limits: &'a WalkLimits,
    us: u32,
    /// The tree's device, for kernels that do not report what is a mount root.
    device: Option<u64>,
    signs: signs::Signs,
    removal: Removal,
}

impl<'a> Remover<'a> {
    fn new(parent: &'a Directory, limits: &'a WalkLimits) -> Self {
        Self {
            descent: Descent::new(parent.as_fd(), limits.handles),
            limits,
            us: rustix::process::geteuid().as_raw(),
            device: None,
            signs: signs::Signs::default(),
            removal: Removal::default(),
        }
    }

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

    /// Unlinks `name`, or enters it.
    fn visit(&mut self, name: &CStr) -> io::Result<()> {
        for _ in 0..ROUNDS {
            match self.attempt(name)? {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // The name changed its type between the check and the act.
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
            match self.signs.check(self.descent.here(), name, &stat) {
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
            // Only of directories: an overlay's files report the device of the layer that they are
            // in.
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
        // Once more, now for the open directory: the name may have changed since it was inspected.
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
                // Best effort: the directory is ours and open; only our own permissions on it
                // differ.
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

    /// Opens a directory; if it is ours and its mode denies us access, permissions are added first.
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

    /// Does something in the current directory; if its mode forbids that and it is ours, changes
    /// the mode through the descriptor and tries again.
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

    /// Removes the current directory, all of whose names were visited, and goes up.
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
            // The parent directory forbids it.
            let (name, _) = self.go_up()?;
            removed = self.with_access(|remover| {
                unlinkat(remover.descent.here(), &*name, AtFlags::REMOVEDIR)
            });
            self.account(&name, removed);
            return Ok(());
        }
        if matches!(removed, Err(Errno::NOTEMPTY | Errno::EXIST)) && rounds < ROUNDS {
            // Another process is adding to it, or the file system's listing skipped names after
            // removals.
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

    /// Goes up, and restores the mode of the directory below if it is kept.
    fn go_up(&mut self) -> io::Result<(CString, bool)> {
        let restore = match self.descent.notes() {
            Some(notes) if notes.keeps_members => notes.mode_before,
            _ => None,
        };
        // First, because going up can need search permission below.
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

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::time::Duration;

    use super::super::place::{Mount, Place};
    use super::*;
    use backstop_suites::{Suite, skip};

    #[test]
    fn a_tree_is_removed_with_its_links_and_counted_correctly() {
        let place = Place::new();
        let victim = place.victim();
        let tree = place.directory("tree/a/b");
        std::fs::write(tree.join("file"), vec![1_u8; 8192]).unwrap();
        symlink(&victim, tree.join("link-to-directory")).unwrap();
        symlink(victim.join("precious"), tree.join("link-to-file")).unwrap();
        symlink("..", tree.join("link-up")).unwrap();
        let removal = place.remove("tree", &WalkLimits::default());
        assert!(removal.is_complete(), "{removal:?}");
        assert_eq!((removal.files, removal.directories), (4, 3));
        assert!(removal.bytes >= 8192);
        assert!(!place.path("tree").exists());
        place.assert_victim_intact();
    }

    #[test]
    fn a_link_at_the_top_is_unlinked_and_a_missing_name_is_gone() {
        let place = Place::new();
        symlink(place.victim(), place.path("link")).unwrap();
        let removal = place.remove("link", &WalkLimits::default());
        assert_eq!((removal.files, removal.directories), (1, 0));
        assert!(place.remove("link", &WalkLimits::default()).is_complete());
        place.assert_victim_intact();
    }

    #[test]
    fn a_directory_exchanged_for_a_link_is_not_followed() {
        let place = Place::new();
        let victim = place.victim();
        let (spare, inner) = (place.path("spare"), place.path("tree/inner"));
        place.while_exchanging("spare", "tree/inner", || {
            for _ in 0..6000 {
                place.directory("tree");
                // Whichever is missing is created as the type that the other is not.
                for (missing, other) in [(&inner, &spare), (&spare, &inner)] {
                    let _ = match other.is_symlink() {
                        true => std::fs::create_dir(missing),
                        false => symlink(&victim, missing),
                    };
                }
                let _ = place.remove("tree", &WalkLimits::default());
                place.assert_victim_intact();
            }
        });
    }

    #[test]
    fn a_link_that_was_a_directory_when_inspected_is_not_entered() {
        let place = Place::new();
        symlink(place.victim(), place.path("link")).unwrap();
        let parent = place.open();
        let limits = WalkLimits::default();
        let mut remover = Remover::new(&parent, &limits);
        let refused = remover.go_down(c"link").unwrap();
        assert!(
            matches!(refused, Err(Errno::LOOP | Errno::NOTDIR)),
            "{refused:?}"
        );
        assert_eq!(remover.descent.depth(), 0);
    }

    #[test]
    fn directories_without_permissions_are_removed() {
        let place = Place::new();
        for (name, mode) in [("none", 0o000), ("read", 0o400), ("search", 0o100)] {
            let inner = place.directory(&format!("tree/{name}"));
            std::fs::create_dir(inner.join("below")).unwrap();
            std::fs::write(inner.join("file"), "").unwrap();
            std::fs::set_permissions(&inner, Permissions::from_mode(mode)).unwrap();
        }
        std::fs::set_permissions(place.path("tree"), Permissions::from_mode(0o500)).unwrap();
        let removal = place.remove("tree", &WalkLimits::default());
        assert!(removal.is_complete(), "{removal:?}");
        assert_eq!((removal.files, removal.directories), (3, 7));
    }

    #[test]
    fn any_depth_needs_no_stack_and_few_descriptors() {
        const DEPTH: u64 = 5000;
        let place = Place::new();
        let mut deepest = Directory::open(place.root()).unwrap();
        for level in 0..DEPTH {
            if level % 100 == 0 {
                deepest.create_file_beneath(OsStr::new("file")).unwrap();
            }
            deepest = deepest.create_beneath(OsStr::new("d")).unwrap();
        }
        drop(deepest);
        let run = || {
            let limits = WalkLimits {
                handles: 3,
                ..WalkLimits::default()
            };
            let survey = super::super::survey::survey(&place.open(), OsStr::new("d"), &limits);
            assert!(survey.is_complete(), "{survey:?}");
            assert_eq!(survey.directories, DEPTH);
            let removal = place.remove("d", &limits);
            assert!(removal.is_complete(), "{removal:?}");
            assert_eq!(removal.directories, DEPTH);
            // The file of level 0 is next to the tree.
            assert_eq!(removal.files, DEPTH / 100 - 1);
        };
        std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(128 * 1024);
            small.spawn_scoped(scope, run).unwrap().join().unwrap();
        });
    }

    #[test]
    fn a_wide_and_deep_tree_is_removed_completely() {
        let place = Place::new();
        let mut path = place.directory("tree");
        for _ in 0..12 {
            for file in 0..40 {
                std::fs::write(path.join(format!("file-{file}")), "").unwrap();
                std::fs::create_dir(path.join(format!("directory-{file}"))).unwrap();
            }
            path = path.join("directory-20");
        }
        let limits = WalkLimits {
            handles: 2,
            ..WalkLimits::default()
        };
        let removal = place.remove("tree", &limits);
        assert!(removal.is_complete(), "{removal:?}");
        assert_eq!((removal.files, removal.directories), (480, 481));
    }

    #[test]
    fn a_file_with_another_name_keeps_content_and_mode() {
        let place = Place::new();
        let outside = place.victim().join("precious");
        std::fs::set_permissions(&outside, Permissions::from_mode(0o400)).unwrap();
        place.directory("tree");
        std::fs::hard_link(&outside, place.path("tree/name")).unwrap();
        let removal = place.remove("tree", &WalkLimits::default());
        assert!(removal.is_complete(), "{removal:?}");
        assert_eq!((removal.files, removal.bytes), (1, 0));
        place.assert_victim_intact();
        assert_eq!(outside.metadata().unwrap().mode() & 0o7777, 0o400);
    }

    #[test]
    fn mount_points_are_kept_and_the_rest_is_removed() {
        let place = Place::new();
        let mounted = place.directory("tree/mounted");
        std::fs::write(place.path("tree/file"), "").unwrap();
        let Some(mount) = Mount::tmpfs(&mounted) else {
            skip(Suite::Mount, "a tmpfs cannot be mounted here");
            return;
        };
        std::fs::write(mounted.join("precious"), "data").unwrap();
        let removal = place.remove("tree", &WalkLimits::default());
        assert_eq!(
            reasons(&removal),
            [("tree/mounted", SkipReason::MountPoint)]
        );
        assert_eq!((removal.files, removal.remains), (1, Remains::InPlace));
        assert_eq!(std::fs::read(mounted.join("precious")).unwrap(), b"data");
        let survey =
            super::super::survey::survey(&place.open(), OsStr::new("tree"), &WalkLimits::default());
        assert_eq!((survey.files, survey.skipped.total()), (0, 1));
        drop(mount);
        assert!(place.remove("tree", &WalkLimits::default()).is_complete());
    }

    #[test]
    fn other_users_entries_are_kept_unless_any_owner_is_allowed() {
        if !rustix::process::geteuid().is_root() {
            skip(Suite::OtherUsers, "only root can give a file away");
            return;
        }
        let place = Place::new();
        let theirs = place.directory("tree/a").join("theirs");
        std::fs::write(&theirs, "").unwrap();
        std::fs::write(place.path("tree/ours"), "").unwrap();
        std::os::unix::fs::chown(&theirs, Some(4242), None).unwrap();
        let removal = place.remove("tree", &WalkLimits::default());
        assert_eq!(
            reasons(&removal),
            [("tree/a/theirs", SkipReason::ForeignOwner(4242))]
        );
        assert!(theirs.exists() && !place.path("tree/ours").exists());
        let any = WalkLimits {
            owners: Owners::Any,
            ..WalkLimits::default()
        };
        assert!(place.remove("tree", &any).is_complete());
    }

    #[test]
    fn a_deadline_stops_it_and_the_next_call_continues() {
        let place = Place::new();
        place.directory("tree/a");
        let late = WalkLimits {
            deadline: Some(Instant::now()),
            ..WalkLimits::default()
        };
        let removal = place.remove("tree", &late);
        assert!(removal.unfinished && !removal.is_complete());
        assert_eq!(removal.remains, Remains::InPlace);
        let enough = WalkLimits {
            deadline: Some(Instant::now() + Duration::from_secs(60)),
            ..WalkLimits::default()
        };
        assert!(place.remove("tree", &enough).is_complete());
    }

    #[test]
    fn signs_of_use_keep_an_entry_where_they_are_respected() {
        let place = Place::new();
        let tree = place.directory("tree");
        let locked = std::fs::File::create(tree.join("locked")).unwrap();
        let inside = std::fs::File::open(place.directory("tree/locked-directory")).unwrap();
        std::fs::write(tree.join("locked-directory/member"), "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(tree.join("live.sock")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(tree.join("dead.sock")).unwrap());
        std::fs::write(tree.join("sticky"), "").unwrap();
        std::fs::set_permissions(tree.join("sticky"), Permissions::from_mode(0o1600)).unwrap();
        std::fs::write(tree.join("plain"), "").unwrap();
        for file in [&locked, &inside] {
            let won = super::super::lock::try_exclusive(file).unwrap();
            assert_eq!(won, crate::files::LockAttempt::Won);
        }
        let respect = WalkLimits {
            signs: Signs::Respect,
            ..WalkLimits::default()
        };
        let removal = place.remove("tree", &respect);
        let mut found = reasons(&removal);
        found.sort_by_key(|(path, _)| path.to_string());
        assert_eq!(
            found,
            [
                ("tree/live.sock", SkipReason::LiveSocket),
                ("tree/locked", SkipReason::Locked),
                ("tree/locked-directory", SkipReason::Locked),
                ("tree/sticky", SkipReason::Sticky),
            ]
        );
        assert_eq!(removal.files, 2);
        assert!(tree.join("locked-directory/member").exists());
        assert!(place.remove("tree", &WalkLimits::default()).is_complete());
    }

    #[test]
    fn a_callers_own_lock_on_the_first_directory_does_not_block_it() {
        let place = Place::new();
        let tree = std::fs::File::open(place.directory("tree")).unwrap();
        let _won = super::super::lock::try_exclusive(&tree).unwrap();
        let with = |signs| WalkLimits {
            signs,
            ..WalkLimits::default()
        };
        let removal = place.remove("tree", &with(Signs::Respect));
        assert_eq!(reasons(&removal), [("tree", SkipReason::Locked)]);
        assert!(
            place
                .remove("tree", &with(Signs::RespectBelow))
                .is_complete()
        );
    }

    #[test]
    fn the_list_of_skipped_entries_is_bounded_and_the_count_is_not() {
        let place = Place::new();
        let tree = place.directory("tree");
        for file in 0..10 {
            let path = tree.join(format!("{file}"));
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o1600)).unwrap();
        }
        let limits = WalkLimits {
            signs: Signs::Respect,
            listed: 3,
            ..WalkLimits::default()
        };
        let removal = place.remove("tree", &limits);
        assert_eq!(removal.skipped.listed().len(), 3);
        assert_eq!(removal.skipped.total(), 10);
    }

    #[test]
    fn a_directory_that_is_kept_gets_its_mode_back() {
        let place = Place::new();
        let inner = place.directory("tree/inner");
        std::fs::write(inner.join("kept"), "").unwrap();
        std::fs::set_permissions(inner.join("kept"), Permissions::from_mode(0o1600)).unwrap();
        std::fs::set_permissions(&inner, Permissions::from_mode(0o100)).unwrap();
        let limits = WalkLimits {
            signs: Signs::Respect,
            ..WalkLimits::default()
        };
        let removal = place.remove("tree", &limits);
        assert_eq!(reasons(&removal), [("tree/inner/kept", SkipReason::Sticky)]);
        assert_eq!(inner.metadata().unwrap().mode() & 0o777, 0o100);
        assert!(place.remove("tree", &WalkLimits::default()).is_complete());
    }

    #[test]
    fn a_walk_ends_when_its_way_back_was_moved() {
        let place = Place::new();
        let victim = place.directory("elsewhere/victim");
        std::fs::write(victim.join("precious"), "data").unwrap();
        let deep = place.directory("tree/a/b/c");
        let parent = place.open();
        let mut descent = Descent::new(parent.as_fd(), 2);
        for name in [c"tree", c"a", c"b", c"c"] {
            let opened = beneath::open(descent.here(), name, beneath::DIRECTORY).unwrap();
            descent.enter(name.to_owned(), opened).unwrap();
        }
        // `tree` and `a` are closed by now; `..` of `b` is made the victim.
        std::fs::rename(deep.parent().unwrap(), victim.join("b")).unwrap();
        descent.leave().unwrap();
        let error = descent.leave().unwrap_err();
        assert!(error.to_string().contains("moved"), "{error}");
    }

    fn reasons(removal: &Removal) -> Vec<(&str, SkipReason)> {
        let listed = removal.skipped.listed().iter();
        listed
            .map(|skipped| (skipped.path.to_str().unwrap(), skipped.reason.clone()))
            .collect()
    }
}
