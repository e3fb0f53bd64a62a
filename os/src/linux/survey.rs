//! Walks through a tree without changing it.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::io::Errno;

use super::descent::Descent;
use super::directory::Directory;
use super::{beneath, status};
use crate::files::{FileKind, Newest, SkipReason, Skipped, Stat, Survey, WalkLimits};

/// Counts `name` in `parent` with everything in it, and finds the newest member, by which the age
/// of the whole is judged.
///
/// *Guarantees.* No link is followed, no mount point is entered, no mode or time is changed. Of
/// `limits`, the deadline, the length of the list and the number of open directories apply; owners
/// and signs of use exclude nothing from a count.
///
/// If there is no entry of that name, the result is a complete survey of nothing, without a newest
/// member.
#[must_use]
pub fn survey(parent: &Directory, name: &OsStr, limits: &WalkLimits) -> Survey {
    let mut surveyor = Surveyor {
        descent: Descent::new(parent.as_fd(), limits.handles),
        limits,
        device: None,
        survey: Survey::default(),
    };
    if let Err(error) = surveyor.run(name) {
        surveyor.survey.error = Some(error);
    }
    surveyor.survey
}

struct Surveyor<'a> {
    descent: Descent<'a>,
    limits: &'a WalkLimits,
    device: Option<u64>,
    survey: Survey,
}

impl Surveyor<'_> {
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
                Ok(None) => {
                    self.descent.leave()?;
                }
                Err(error) => {
                    if let Some((name, _)) = self.descent.leave()? {
                        self.skip(&name, SkipReason::Failed(error.raw_os_error()));
                    }
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
        self.survey.unfinished |= late;
        late
    }

    fn visit(&mut self, name: &CStr) -> io::Result<()> {
        let stat = match status::at(self.descent.here(), name) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => {
                self.skip(name, SkipReason::Failed(error.raw_os_error()));
                return Ok(());
            }
        };
        let device = *self.device.get_or_insert(stat.device);
        let is_mounted = stat
            .is_mount_root
            .unwrap_or(stat.kind == FileKind::Directory && stat.device != device);
        if is_mounted {
            self.skip(name, SkipReason::MountPoint);
            return Ok(());
        }
        self.judge(name, &stat);
        if stat.kind != FileKind::Directory {
            self.survey.files += 1;
            if stat.links <= 1 {
                self.survey.bytes += stat.allocated;
            }
            return Ok(());
        }
        self.survey.directories += 1;
        match beneath::open(self.descent.here(), name, beneath::DIRECTORY) {
            Ok(directory) => self.descent.enter(name.to_owned(), directory)?,
            Err(Errno::NOENT) => {}
            Err(Errno::XDEV) => self.skip(name, SkipReason::MountPoint),
            Err(error) => self.skip(name, SkipReason::Failed(error.raw_os_error())),
        }
        Ok(())
    }

    fn judge(&mut self, name: &CStr, stat: &Stat) {
        let time = stat
            .born
            .map_or(stat.modified, |born| born.max(stat.modified));
        let newest = self.survey.newest.as_ref().map(|newest| newest.time);
        if newest.is_none_or(|newest| time > newest) {
            let path = self.descent.path(name);
            self.survey.newest = Some(Newest { path, time });
        }
    }

    fn skip(&mut self, name: &CStr, reason: SkipReason) {
        let descent = &self.descent;
        self.survey.skipped.add(self.limits.listed, || Skipped {
            path: descent.path(name),
            reason,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    use super::super::place::Place;
    use super::*;
    use backstop_suites::{Suite, skip};

    fn survey_tree(place: &Place, limits: &WalkLimits) -> Survey {
        survey(&place.open(), OsStr::new("tree"), limits)
    }

    #[test]
    fn it_counts_what_is_there_and_follows_no_link() {
        let place = Place::new();
        let inner = place.directory("tree/a/b");
        std::fs::write(inner.join("file"), vec![1_u8; 8192]).unwrap();
        symlink(place.victim(), inner.join("link")).unwrap();
        let found = survey_tree(&place, &WalkLimits::default());
        assert!(found.is_complete(), "{found:?}");
        assert_eq!((found.files, found.directories), (2, 3));
        assert!(found.bytes >= 8192 && inner.join("file").exists());
    }

    #[test]
    fn a_young_member_makes_the_tree_young() {
        let place = Place::new();
        let inner = place.directory("tree/a");
        let file = File::create(inner.join("young")).unwrap();
        std::fs::write(inner.join("other"), "").unwrap();
        let future = SystemTime::now() + Duration::from_secs(3600);
        file.set_modified(future).unwrap();
        let newest = survey_tree(&place, &WalkLimits::default()).newest.unwrap();
        assert_eq!(newest.path.to_str(), Some("tree/a/young"));
        assert_eq!(newest.time, future);
    }

    #[test]
    fn an_old_change_time_does_not_make_a_new_file_old() {
        let place = Place::new();
        let made = SystemTime::now() - Duration::from_secs(60);
        let file = File::create(place.path("tree")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let keeps_birth = place
            .open()
            .stat_beneath(OsStr::new("tree"))
            .unwrap()
            .born
            .is_some();
        if !keeps_birth {
            skip(Suite::BirthTimes, "this file system keeps no birth times");
            return;
        }
        assert!(
            survey_tree(&place, &WalkLimits::default())
                .newest
                .unwrap()
                .time
                > made
        );
    }

    #[test]
    fn a_missing_name_has_no_age_and_a_late_survey_proves_none() {
        let place = Place::new();
        let nothing = survey_tree(&place, &WalkLimits::default());
        assert!(nothing.is_complete() && nothing.newest.is_none());
        place.directory("tree/a");
        let late = WalkLimits {
            deadline: Some(Instant::now()),
            ..WalkLimits::default()
        };
        assert!(!survey_tree(&place, &late).is_complete());
    }
}
