//! Open files of any path: only the handle is tracked, not the file.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::release::Tracked;
use backstop_core::resource::{Footprint, Kind, Presence, Progress, Site, Step, TrackedResource};

use super::{LimitedAccess, LimitedFile};
use crate::{HANDLE, HandleLimit, error};

/// An open file of any path, closed with its guard. The file itself stays.
///
/// It has no recipe: the kernel closes it when its process dies.
#[derive(Debug)]
pub struct FileHandle {
    file: LimitedFile,
    descriptor: i32,
    device: u64,
    inode: u64,
}

/// Opens a file under the global limit, tracked by [`Backstop::global`].
///
/// # Errors
/// As [`HandleLimit::open_file`].
///
/// # Examples
/// ```
/// use std::io::Read;
///
/// let read = std::fs::OpenOptions::new().read(true).clone();
/// let file = backstop_tempfs::open_file("/proc/version", &read)?;
/// let mut text = String::new();
/// file.access().read_to_string(&mut text)?;
/// assert!(file.release().outcome.is_released());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn open_file(path: impl AsRef<Path>, how: &OpenOptions) -> Result<Tracked<FileHandle>, Error> {
    HandleLimit::global().open_file(Backstop::global(), path, how)
}

impl HandleLimit {
    /// Opens a file under this limit.
    ///
    /// # Errors
    /// The limit is reached, or the process has no file descriptor left: the error names the longest-open
    /// files. Or the file cannot be opened with these options.
    #[track_caller]
    pub fn open_file(
        &self,
        backstop: Backstop,
        path: impl AsRef<Path>,
        how: &OpenOptions,
    ) -> Result<Tracked<FileHandle>, Error> {
        let path = path.as_ref();
        let permit = self.take(path, Site::caller())?;
        let message = "the file cannot be opened";
        let file = match how.open(path) {
            Ok(file) => file,
            Err(cause) => {
                drop(permit);
                return Err(self.explain(error::at(path, Stage::Open, message)(cause)));
            }
        };
        let facts = file
            .metadata()
            .map_err(error::at(path, Stage::Open, message))?;
        Ok(backstop.track(FileHandle {
            descriptor: file.as_raw_fd(),
            device: facts.dev(),
            inode: facts.ino(),
            file: LimitedFile::new(PathBuf::from(path), file, permit),
        }))
    }
}

impl FileHandle {
    /// The path by which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> LimitedAccess<'_> {
        LimitedAccess::new(&self.file, None)
    }
}

impl TrackedResource for FileHandle {
    fn kind(&self) -> Kind {
        HANDLE
    }

    fn label(&self) -> Cow<'static, str> {
        self.path().display().to_string().into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(1)
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.file.close(step.deadline).map(|()| Progress::Done)
    }

    fn verify(&self) -> Presence {
        if self.file.is_closed() != Some(true) {
            return Presence::present("its user");
        }
        // The descriptor may refer to another file by now; it is unclear only if it refers to the same one.
        match std::fs::metadata(format!("/proc/self/fd/{}", self.descriptor)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if Path::new("/proc/self/fd").exists() {
                    Presence::Gone
                } else {
                    Presence::unknown("the system does not list open descriptors")
                }
            }
            Ok(facts) if (facts.dev(), facts.ino()) != (self.device, self.inode) => Presence::Gone,
            Ok(_) => Presence::unknown(format!(
                "it was closed, and descriptor {} refers to the same file again",
                self.descriptor
            )),
            Err(error) => Presence::unknown(error.to_string()),
        }
    }
}
