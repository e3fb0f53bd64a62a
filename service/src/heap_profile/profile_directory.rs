//! A directory of profiles, of which a limited number is kept.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Form, HeapProfile, check, collect, failed, write};
use backstop_core::error::Error;

/// The default number of profiles kept.
const KEPT: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

/// The directory that profiles are written to, each as pprof and as a flame graph of the same
/// moment: `heap-20260131T235959.123Z-error.pb.gz` and `.svg`. Only files with such names are ever
/// removed.
#[derive(Debug)]
pub(crate) struct ProfileDirectory {
    path: PathBuf,
    pub(crate) kept: NonZeroUsize,
}

/// Why a profile was taken: the last part of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    Warning,
    Error,
    Critical,
    Signal,
}

impl Occasion {
    const ALL: [Self; 4] = [Self::Warning, Self::Error, Self::Critical, Self::Signal];

    const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Signal => "signal",
        }
    }
}

impl ProfileDirectory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, kept: KEPT }
    }

    /// Takes a profile and writes it; creates the directory if there is none. Returns the flame
    /// graph.
    pub(crate) fn write(&self, time: Timestamp, occasion: Occasion) -> Result<HeapProfile, Error> {
        check()?;
        std::fs::create_dir_all(&self.path).map_err(|error| {
            failed("cannot create the directory of profiles", &self.path, error)
        })?;
        // First, so that a directory from which nothing can be removed does not grow.
        self.keep_to(self.kept.get(), None)?;
        let name = name(time, occasion);
        let file = |form: Form| self.path.join(format!("{name}{}", form.ending()));
        let profile = collect(&file(Form::Pprof))?;
        write(&profile, Form::Pprof, &file(Form::Pprof))?;
        let graph = write(&profile, Form::FlameGraph, &file(Form::FlameGraph))?;
        // A failure is reported by the next one: this profile was written.
        if let Err(error) = self.keep_to(self.kept.get() - 1, Some(&name)) {
            tracing::warn!(
                error = error.chain(),
                "an old heap profile could not be removed"
            );
        }
        Ok(graph)
    }

    /// Removes the oldest profiles until this many are left besides the newest. The newest is
    /// passed by name rather than found by its time: the clock may have been set back.
    fn keep_to(&self, many: usize, newest: Option<&str>) -> Result<(), Error> {
        let mut names = self.names()?;
        names.retain(|name| newest != Some(name.as_str()));
        let surplus = names.len().saturating_sub(many);
        for name in names.into_iter().take(surplus) {
            for form in Form::ALL {
                let path = self.path.join(format!("{name}{}", form.ending()));
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let what = "cannot remove an old profile";
                        return Err(failed(what, &path, error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The existing profiles, by name without extension, oldest first.
    fn names(&self) -> Result<Vec<String>, Error> {
        let unreadable = |error| {
            let what = "cannot read the directory of profiles";
            failed(what, &self.path, error)
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?.file_name();
            let name = entry.to_str().and_then(|file| {
                let mut endings = Form::ALL.into_iter().map(Form::ending);
                endings.find_map(|ending| file.strip_suffix(ending))
            });
            names.extend(name.filter(|name| is_ours(name)).map(str::to_owned));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

const TIME: &str = "%Y%m%dT%H%M%S%.3fZ";

fn name(time: Timestamp, occasion: Occasion) -> String {
    let time = time.to_zoned(TimeZone::UTC);
    format!("heap-{}-{}", time.strftime(TIME), occasion.name())
}

/// Whether a profile has such a name. `heap-old` belongs to a user.
fn is_ours(text: &str) -> bool {
    let parts = text
        .strip_prefix("heap-")
        .and_then(|rest| rest.rsplit_once('-'));
    let Some((time, word)) = parts else {
        return false;
    };
    let occasion = Occasion::ALL
        .into_iter()
        .find(|occasion| occasion.name() == word);
    let time = jiff::civil::DateTime::strptime(TIME, time)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map(|time| time.timestamp());
    // Only names that would be written again like this: the parser is more lenient than the writer.
    matches!((occasion, time), (Some(occasion), Ok(time)) if name(time, occasion) == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstop_core::error::ErrorKind;
    use jiff::ToSpan;

    fn files(directory: &std::path::Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_name_contains_the_time_and_the_occasion_and_is_recognized() {
        let time: Timestamp = "2026-01-31T23:59:59.123456Z".parse().unwrap();
        for occasion in Occasion::ALL {
            assert!(is_ours(&name(time, occasion)), "{occasion:?}");
        }
        let error = name(time, Occasion::Error);
        assert_eq!(error, "heap-20260131T235959.123Z-error");
    }

    #[test]
    fn the_oldest_are_removed_and_other_files_kept() {
        let place = tempfile::tempdir().unwrap();
        let own = [
            "heap-before-error.svg",
            "heap-20260131T235959.123Z-error.svg.bak",
            "heap-20260131T235959.123Z-mine.svg",
            "heap-20260131T235959Z-error.svg",
            "heap-2026131T235959.123Z-error.pb.gz",
            "heap.svg",
        ];
        for file in own {
            std::fs::write(place.path().join(file), "").unwrap();
        }
        let start: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        let of = |hour: i64| name(start + hour.hours(), Occasion::Warning);
        for hour in 0..12 {
            for form in Form::ALL {
                let file = format!("{}{}", of(hour), form.ending());
                std::fs::write(place.path().join(file), "").unwrap();
            }
        }
        let directory = ProfileDirectory::new(place.path().to_owned());
        directory.keep_to(8, None).unwrap();
        let left: Vec<_> = (4..12).map(of).collect();
        assert_eq!(directory.names().unwrap(), left);
        assert_eq!(files(place.path()).len(), 16 + own.len());
        // The newest has the oldest name: the clock was set back.
        directory.keep_to(2, Some(&of(4))).unwrap();
        assert_eq!(directory.names().unwrap(), [of(4), of(10), of(11)]);
        assert_eq!(files(place.path()).len(), 6 + own.len());
    }

    // This test program's allocator is the system's.
    #[test]
    fn without_profiling_nothing_is_created() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("heap");
        let directory = ProfileDirectory::new(path.clone());
        let error = directory.write(Timestamp::now(), Occasion::Error);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(!path.exists());
    }
}
