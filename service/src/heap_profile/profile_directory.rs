//! A directory of profiles, of which few are kept.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Form, HeapProfile, check, collect, failed, write};
use backstop_core::error::Error;

/// How many profiles a directory keeps when nobody says otherwise.
const KEPT: NonZeroUsize = NonZeroUsize::new(8).expect("eight is not zero");

/// Where profiles are written to, each as pprof and as a flame graph of the same moment:
/// `heap-20260131T235959.123Z-error.pb.gz` and `.svg`. Only what is named so is ever removed.
#[derive(Debug)]
pub(crate) struct ProfileDirectory {
    path: PathBuf,
    pub(crate) kept: NonZeroUsize,
}

/// Why a profile was taken: the last word of its name.
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

    /// Takes a profile and writes it; the directory is made if there is none. Gives the flame graph.
    pub(crate) fn write(&self, time: Timestamp, occasion: Occasion) -> Result<HeapProfile, Error> {
        check()?;
        std::fs::create_dir_all(&self.path).map_err(|error| {
            failed(
                "the directory of profiles cannot be made",
                &self.path,
                error,
            )
        })?;
        // First, so that a directory in which nothing can be removed does not grow.
        self.keep_to(self.kept.get(), None)?;
        let name = name(time, occasion);
        let file = |form: Form| self.path.join(format!("{name}{}", form.ending()));
        let profile = collect(&file(Form::Pprof))?;
        write(&profile, Form::Pprof, &file(Form::Pprof))?;
        let graph = write(&profile, Form::FlameGraph, &file(Form::FlameGraph))?;
        // A failure is the next one's to tell: this profile is there.
        if let Err(error) = self.keep_to(self.kept.get() - 1, Some(&name)) {
            tracing::warn!(error = error.chain(), "an old heap profile stays");
        }
        Ok(graph)
    }

    /// Removes the oldest profiles until there are this many beside the newest. That one is named, and
    /// not found by its time: the calendar may have been set back.
    fn keep_to(&self, many: usize, newest: Option<&str>) -> Result<(), Error> {
        let mut names = self.names()?;
        names.retain(|name| newest != Some(name.as_str()));
        let surplus = names.len().saturating_sub(many);
        for name in names.into_iter().take(surplus) {
            for form in Form::ALL {
                let path = self.path.join(format!("{name}{}", form.ending()));
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        let what = "an old profile cannot be removed";
                        return Err(failed(what, &path, error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The profiles that are there, by name without ending, the oldest first.
    fn names(&self) -> Result<Vec<String>, Error> {
        let unreadable = |error| {
            let what = "the directory of profiles cannot be read";
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

/// Whether a profile is named so. `heap-old` is somebody's own.
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
    // Only what would be written so again: the parser is more lenient than the writer.
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
    fn a_name_tells_the_time_and_the_occasion_and_is_known_again() {
        let time: Timestamp = "2026-01-31T23:59:59.123456Z".parse().unwrap();
        for occasion in Occasion::ALL {
            assert!(is_ours(&name(time, occasion)), "{occasion:?}");
        }
        let error = name(time, Occasion::Error);
        assert_eq!(error, "heap-20260131T235959.123Z-error");
    }

    #[test]
    fn the_oldest_go_and_what_is_somebodys_own_stays() {
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
        // The newest by its name is the oldest: the calendar was set back.
        directory.keep_to(2, Some(&of(4))).unwrap();
        assert_eq!(directory.names().unwrap(), [of(4), of(10), of(11)]);
        assert_eq!(files(place.path()).len(), 6 + own.len());
    }

    // This test program's allocator is the system's.
    #[test]
    fn without_profiling_nothing_is_made() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("heap");
        let directory = ProfileDirectory::new(path.clone());
        let error = directory.write(Timestamp::now(), Occasion::Error);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(!path.exists());
    }
}
