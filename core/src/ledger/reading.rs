//! Reading: any process's ledger, whether it is alive or dead. A reader takes no lock in the owner
//! and trusts no byte: every offset is checked, every record has a checksum, unknown kinds are
//! kept.

mod bytes;
mod owner_record;
mod slot_view;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

pub use bytes::Damage;
pub use owner_record::OwnerRecord;
pub use slot_view::SlotView;

use bytes::LedgerBytes;

use super::directory::{LedgerDirectory, default_directories};
use super::entry::{Entry, State};
use super::slot::Slot;
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::ResourceId;
use backstop_os::clock;
use backstop_os::directory::Directory;
use backstop_os::files::OpenMode;
use backstop_os::pinned::PinnedProcess;

/// One ledger, as it was when it was read.
#[derive(Debug)]
pub struct LedgerReading {
    path: PathBuf,
    bytes: LedgerBytes,
}

/// All ledgers that a reader may see, and the files that could not be read.
#[derive(Debug, Default)]
pub struct ReadAll {
    /// The ledgers.
    pub ledgers: Vec<LedgerReading>,
    /// The files that are not readable as ledgers. They are not removed.
    pub unreadable: Vec<UnreadableLedger>,
}

/// A file that should be a ledger and cannot be read as one.
#[derive(Debug)]
pub struct UnreadableLedger {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, and where.
    pub error: Error,
}

impl LedgerReading {
    /// The largest ledger that is read: one of some sixty million resources.
    pub const LARGEST: u64 = 4 << 30;

    /// Reads the ledger at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is not a ledger of this version and byte order, or its header's
    /// checksum is wrong. The error names file and offset.
    pub fn of_path(path: &Path) -> Result<Self, Error> {
        let file = open(path).map_err(|error| {
            Error::io(Stage::Read, "cannot open the ledger", error).with("path", path.display())
        })?;
        Self::of_file(&file, path)
    }

    /// Reads the ledger in `file`, which is named `path` in errors.
    ///
    /// # Errors
    /// As for [`of_path`](Self::of_path).
    pub fn of_file(mut file: &File, path: &Path) -> Result<Self, Error> {
        let failed = |error| {
            Error::io(Stage::Read, "cannot read the ledger", error).with("path", path.display())
        };
        let length = file.metadata().map_err(failed)?.len();
        if length > Self::LARGEST {
            return Err(
                Error::new(ErrorKind::Limit, Stage::Read, "ledger too large")
                    .with("path", path.display())
                    .with("bytes", length)
                    .with("limit", Self::LARGEST),
            );
        }
        // A caller that waits for a lease reads the same open file twice.
        file.rewind().map_err(failed)?;
        let mut bytes = Vec::with_capacity(length as usize);
        file.by_ref()
            .take(Self::LARGEST)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        Self::of_bytes(bytes, path)
    }

    /// Reads a ledger from its bytes, named `path` in errors.
    ///
    /// # Errors
    /// As for [`of_path`](Self::of_path).
    pub fn of_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, Error> {
        let bytes =
            LedgerBytes::check(bytes).map_err(|error| error.with("path", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The process that wrote it.
    #[must_use]
    pub fn owner(&self) -> &OwnerRecord {
        self.bytes.owner()
    }

    /// Whether the owner is running. An owner that cannot be proven dead counts as alive.
    #[must_use]
    pub fn is_owner_alive(&self) -> bool {
        match PinnedProcess::verify(&self.owner().process, None) {
            Ok(_) => true,
            Err(refusal) => !refusal.proves_gone(),
        }
    }

    /// The time now on the clock of this ledger's entries; `None` if it was written before the machine
    /// last started, so that no age can be computed.
    #[must_use]
    pub fn clock(&self) -> Option<u64> {
        let boot = clock::boot_id().ok()?;
        (boot == self.owner().process.boot).then(clock::monotonic)
    }

    /// How many resources the owner could not write down.
    #[must_use]
    pub fn untracked(&self) -> u64 {
        self.bytes.untracked()
    }

    /// All slots with a resource that is not closed, without copying anything.
    pub fn slots(&self) -> impl Iterator<Item = SlotView<'_>> {
        self.bytes.slots()
    }

    /// All resources that are not closed. A corrupt text is replaced by a description of the
    /// damage; the resource is kept.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.slots().map(|slot| slot.entry()).collect()
    }

    /// All resources that are not closed, each with the offset of its slot.
    pub(crate) fn orphans(&self) -> Vec<(u64, Entry)> {
        self.slots()
            .map(|slot| (slot.offset(), slot.entry()))
            .collect()
    }

    /// Marks a resource as closed, for the holder of the lease of the ledger in `file`.
    pub(crate) fn mark_closed(file: &File, offset: u64, id: ResourceId) -> std::io::Result<()> {
        let word = Slot::word(State::Closed, id.generation);
        backstop_os::write_at::write_all_at(file, &word.to_ne_bytes(), offset)
    }

    /// The damage found in the file: at most the first hundred places.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        self.bytes.damage()
    }
}

/// Opens a regular file for reading, and nothing else: no link, no pipe that would block.
fn open(path: &Path) -> std::io::Result<File> {
    let name = path
        .file_name()
        .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    Directory::open(parent)?.open_file_beneath(name, OpenMode::Read)
}

/// Reads every ledger in the directories where this user's programs keep them.
///
/// A directory that does not exist contains none; one that cannot be used is reported among the
/// unreadable.
#[must_use]
pub fn read_all() -> ReadAll {
    let mut all = ReadAll::default();
    for directory in default_directories() {
        read_directory(&directory, &mut all);
    }
    all
}

/// Finds the ledger of the process that has this PID, without reading those of others.
///
/// A process that ended without removing its ledger may have had the same PID: a caller that needs
/// certainty compares the owner's identity.
#[must_use]
pub fn ledger_of(pid: i32) -> Option<PathBuf> {
    let prefix = format!("{pid}-");
    default_directories().into_iter().find_map(|directory| {
        let place = Some(&directory)
            .filter(|directory| directory.exists())
            .and_then(|directory| LedgerDirectory::open(directory).ok())?;
        let mut names = place.ledgers().ok()?;
        names.retain(|name| name.to_string_lossy().starts_with(&prefix));
        // Of several, the one whose owner is alive; its file was written to last.
        let newest = names.into_iter().max_by_key(|name| {
            let file = std::fs::metadata(place.path_of(name));
            file.and_then(|file| file.modified()).ok()
        });
        newest.map(|name| place.path_of(&name))
    })
}

/// Reads every ledger in `directory` into `all`.
pub fn read_directory(directory: &Path, all: &mut ReadAll) {
    if !LedgerDirectory::may_exist(directory) {
        return;
    }
    let listed = LedgerDirectory::open(directory).and_then(|place| {
        let names = place.ledgers().map_err(|error| {
            Error::io(Stage::Read, "cannot list the ledger directory", error)
                .with("path", directory.display())
        })?;
        Ok((place, names))
    });
    let (place, names) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            all.unreadable.push(UnreadableLedger {
                path: directory.to_owned(),
                error,
            });
            return;
        }
    };
    for name in names {
        let path = place.path_of(&name);
        match LedgerReading::of_path(&path) {
            Ok(reading) => all.ledgers.push(reading),
            // It was removed between listing and reading, because its owner ended.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => all.unreadable.push(UnreadableLedger { path, error }),
        }
    }
}
