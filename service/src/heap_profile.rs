//! Which call stacks have the memory in use: for programs whose allocator is jemalloc.
//!
//! jemalloc samples the stack of one allocation per N bytes (512 KiB by default) and drops it when
//! the allocation is freed; a profile contains the live samples, scaled up. Requirements:
//!
//! - build with the feature `heap-profile`,
//! - set [`Allocator`] as the program's allocator,
//! - start the program with `_RJEM_MALLOC_CONF=prof:true` in its environment (`MALLOC_CONF`, where
//!   jemalloc was built without the prefix). `prof:true,lg_prof_sample:16` samples one allocation
//!   in 64 KiB instead: more precise and more expensive. jemalloc reads it once, at the start.
//!   [`check`] reports whether all requirements are met.
//!
//! A profile is written by [`dump`]; on a signal, after [`dump_on_signal`] (`kill -USR2 PID`); and
//! on alerts about memory, by the sink [`HeapProfiles`](crate::alert::HeapProfiles).
//!
//! # Examples
//! ```no_run
//! use backstop_service::heap_profile;
//! use backstop_os::signal::Signal;
//!
//! #[global_allocator]
//! static ALLOCATOR: heap_profile::Allocator = heap_profile::ALLOCATOR;
//!
//! fn main() -> Result<(), backstop_core::error::Error> {
//!     // Without profiling the program continues with a warning.
//!     if let Err(error) = heap_profile::check() {
//!         eprintln!("no heap profiles: {error}");
//!     }
//!     let _profiles = heap_profile::dump_on_signal(Signal::USR2, "/var/lib/example/heap")?;
//!     // … the program's own work …
//!     heap_profile::dump("heap.svg")?;
//!     heap_profile::dump("heap.pb.gz")?;
//!     Ok(())
//! }
//! ```

mod on_signal;
mod profile_directory;
mod scratch;

use std::ffi::CString;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pprof_util::{FlamegraphOptions, StackProfile};

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::resource::Bytes;
use backstop_os::jemalloc;
use scratch::Scratch;

pub use on_signal::{DumpOnSignal, DumpStatistics, dump_on_signal};
pub(crate) use profile_directory::{Occasion, ProfileDirectory};

/// The allocator that is profiled. Using this name ensures that the program's and the profiled one
/// have the same version, which two entries in two manifests do not.
pub type Allocator = jemalloc::Jemalloc;

/// The allocator that is profiled, as a value for `#[global_allocator]`.
pub const ALLOCATOR: Allocator = jemalloc::Jemalloc;

/// A profile that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapProfile {
    /// The file.
    pub path: PathBuf,
    /// Number of stacks in it.
    pub stacks: usize,
    /// The memory in use by all of them, as estimated from the samples.
    pub in_use: Bytes,
}

/// The format of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pprof,
    FlameGraph,
}

/// Writes the memory in use by stack: as pprof if the path ends in `.pb.gz`, as a flame graph if it
/// ends in `.svg`. An existing file is replaced atomically.
///
/// It resolves the names of functions, which takes a large part of a second the first time, and
/// holds the allocator's lock while it collects: use it for a command or an alert, not for every
/// sample. Resolved names stay in memory for the next time: tens of megabytes if the program
/// contains its debug information, and later profiles show them.
///
/// # Errors
/// - The path has another extension: an invalid setting.
/// - The program's allocator is not jemalloc, it was not started with profiling, or profiling is
///   switched off at the moment: unsupported, and the error describes the remedy.
/// - The file cannot be written.
pub fn dump(path: impl AsRef<Path>) -> Result<HeapProfile, Error> {
    let path = path.as_ref();
    let form = Form::of(path)?;
    check()?;
    write(&collect(path)?, form, path)
}

/// Whether a profile can be taken now.
///
/// # Errors
/// The program's allocator is not jemalloc, it was not started with profiling, or profiling is
/// switched off at the moment: unsupported, and the error describes the remedy.
pub fn check() -> Result<(), Error> {
    let unsupported = |message| Error::new(ErrorKind::Unsupported, Stage::Use, message);
    if !jemalloc::is_the_programs() {
        return Err(unsupported(
            "the program's allocator is not jemalloc: make heap_profile::ALLOCATOR its \
             #[global_allocator]",
        ));
    }
    let asked = jemalloc::is_profiling()
        .map_err(|error| unsupported("jemalloc was built without profiling").with_source(error))?;
    if !asked {
        return Err(unsupported(
            "the program was started without profiling: set _RJEM_MALLOC_CONF=prof:true \
             (MALLOC_CONF, where jemalloc has no prefix) in its environment",
        ));
    }
    match jemalloc::is_sampling() {
        Ok(true) => Ok(()),
        _ => Err(unsupported(
            "profiling is switched off at the moment: prof_active is false",
        )),
    }
}

/// Makes jemalloc write its profile, and reads it.
fn collect(path: &Path) -> Result<StackProfile, Error> {
    let raw = Scratch::beside(path);
    let name = CString::new(raw.path().as_os_str().as_bytes()).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            Stage::Use,
            "the path contains a zero byte",
        )
        .with_source(error)
    })?;
    jemalloc::dump(&name)
        .map_err(|error| failed("jemalloc cannot write its profile", raw.path(), error))?;
    let file = File::open(raw.path())
        .map_err(|error| failed("cannot read jemalloc's profile", raw.path(), error))?;
    let mappings = mappings::MAPPINGS.as_deref();
    pprof_util::parse_jeheap(BufReader::new(file), mappings).map_err(|error| {
        Error::new(
            ErrorKind::Corrupt,
            Stage::Read,
            "cannot parse jemalloc's profile",
        )
        .with_source(error)
    })
}

fn write(profile: &StackProfile, form: Form, path: &Path) -> Result<HeapProfile, Error> {
    let bytes = form.bytes(profile)?;
    let new = Scratch::beside(path);
    std::fs::write(new.path(), bytes)
        .and_then(|()| std::fs::rename(new.path(), path))
        .map_err(|error| failed("cannot write the profile", path, error))?;
    let weights = profile.stacks.iter().map(|(stack, _)| stack.weight);
    Ok(HeapProfile {
        path: path.to_owned(),
        stacks: profile.stacks.len(),
        in_use: Bytes(weights.sum::<f64>() as u64),
    })
}

fn failed(message: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::io(Stage::Use, message, error).with("path", path.display())
}

impl Form {
    const ALL: [Self; 2] = [Self::Pprof, Self::FlameGraph];

    /// The extension of such a file.
    const fn ending(self) -> &'static str {
        match self {
            Self::Pprof => ".pb.gz",
            Self::FlameGraph => ".svg",
        }
    }

    fn of(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ends_so = |form: &Self| name.ends_with(form.ending());
        Self::ALL.into_iter().find(ends_so).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                Stage::Use,
                "a profile's path must end in .pb.gz (pprof) or .svg (flame graph)",
            )
            .with("path", path.display())
        })
    }

    fn bytes(self, profile: &StackProfile) -> Result<Vec<u8>, Error> {
        match self {
            Self::Pprof => Ok(profile.to_pprof(("inuse_space", "bytes"), ("space", "bytes"), None)),
            Self::FlameGraph => {
                let mut options = FlamegraphOptions::default();
                options.title = "memory in use".to_owned();
                options.count_name = "bytes".to_owned();
                profile.to_flamegraph(&mut options).map_err(|error| {
                    Error::new(ErrorKind::Io, Stage::Use, "cannot draw the flame graph")
                        .with_source(error)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // This test program's allocator is the system's.
    #[test]
    fn a_program_with_another_allocator_gets_an_error() {
        let error = dump("never.svg").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("#[global_allocator]"), "{error}");
    }

    #[test]
    fn a_path_with_another_extension_is_refused_first() {
        for path in ["heap", "heap.gz", "heap.txt", "", "/"] {
            let error = dump(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{path}");
        }
    }
}
