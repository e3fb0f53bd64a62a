//! Writing: the ledger of this process.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::directory::{LedgerDirectory, SUFFIX};
use super::growth::Growth;
use super::layout::{self, RecordTag};
use super::lease::{Lease, LeaseAttempt};
use super::reading::OwnerRecord;
use super::records::{Record, Space};
use super::region::Region;
use super::slot::FreeSlot;
use super::thread_cache::{self, Local};
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{ResourceId, Site};
use backstop_os::files::OpenMode;
use backstop_os::fork;
use backstop_os::identity::Cookie;

/// How many slots a thread takes from the shared list at once, and the maximum that it keeps.
const BATCH: usize = 64;
const KEPT: usize = 2 * BATCH;

/// How often creating a ledger is retried when sweeps interfere.
const TRIES: u32 = 16;

/// The ledger of this process. A copyable handle: a ledger lives as long as its process.
#[derive(Clone, Copy)]
pub struct Ledger(&'static Inner);

/// Where a ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Medium {
    /// In a file in this directory, visible to observers and to the reclaimer.
    Directory(PathBuf),
    /// Only in this process's memory: invisible to other processes, and lost if it is killed.
    Anonymous,
}

/// Fields of a ledger's header besides its owner's identity.
#[derive(Debug, Clone, Default)]
pub struct LedgerOptions {
    /// The run that this process belongs to: the cookie that `backstop run` put into its
    /// environment.
    pub run: Option<Cookie>,
}

struct Inner {
    number: u64,
    medium: Medium,
    path: Option<PathBuf>,
    cookie: Cookie,
    header: Region,
    growth: Mutex<Growth>,
    free: Mutex<Vec<FreeSlot>>,
    closing: Mutex<Option<Closing>>,
}

/// What is needed to remove the ledger's file.
struct Closing {
    lease: Lease,
    directory: LedgerDirectory,
    name: OsString,
}

impl Ledger {
    /// Creates this process's ledger in `directory`.
    ///
    /// # Errors
    /// The directory or the file cannot be used, or its space cannot be reserved.
    pub fn create(directory: &Path, options: &LedgerOptions) -> Result<Self, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::create_once(directory, options) {
                // A sweep removed the new file: it was not locked yet, as if its owner had died.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => {}
                created => return created,
            }
        }
    }

    fn create_once(directory: &Path, options: &LedgerOptions) -> Result<Self, Error> {
        let place = LedgerDirectory::open(directory)?;
        let cookie = Cookie::random();
        let failed = |message: &'static str| {
            let directory = directory.display().to_string();
            move |error| Error::io(Stage::Open, message, error).with("directory", directory)
        };
        let (file, unnamed) = place
            .create_unnamed(cookie)
            .map_err(failed("cannot create the ledger"))?;
        // The lease locks a separate open file: a forked child inherits the mapping, which would
        // keep a lock on the open file that was mapped.
        let prepared = place
            .handle()
            .open_file_beneath(&unnamed, OpenMode::ReadWrite)
            .and_then(|leased| Self::prepare(&file, leased, cookie, options))
            .map_err(failed("cannot prepare the ledger"));
        let (header, growth, lease) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                // Readers ignore an unnamed file; if it cannot be removed either, a sweep will do
                // it.
                let _ = place.handle().unlink_beneath(&unnamed);
                return Err(error);
            }
        };
        // Only now is it visible to readers: complete, and under its lease.
        let name = OsString::from(format!("{}-{cookie}{SUFFIX}", std::process::id()));
        place
            .handle()
            .rename_into(&unnamed, place.handle(), &name)
            .map_err(failed("cannot rename the ledger"))?;
        let path = place.path_of(&name);
        Ok(Self::begin(Inner {
            number: next_number(),
            medium: Medium::Directory(directory.to_owned()),
            path: Some(path),
            cookie,
            header,
            growth: Mutex::new(growth),
            free: Mutex::new(Vec::new()),
            closing: Mutex::new(Some(Closing {
                lease,
                directory: place,
                name,
            })),
        }))
    }

    /// A ledger in this process's memory only.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn anonymous() -> Result<Self, Error> {
        let header = Region::anonymous(layout::HEADER_LENGTH)
            .map_err(|error| Error::io(Stage::Open, "no memory for a ledger", error))?;
        Ok(Self::begin(Inner {
            number: next_number(),
            medium: Medium::Anonymous,
            path: None,
            cookie: Cookie::random(),
            header,
            growth: Mutex::new(Growth::of(None)),
            free: Mutex::new(Vec::new()),
            closing: Mutex::new(None),
        }))
    }

    fn prepare(
        file: &File,
        leased: File,
        cookie: Cookie,
        options: &LedgerOptions,
    ) -> std::io::Result<(Region, Growth, Lease)> {
        let LeaseAttempt::Won(lease) = Lease::attempt(leased)? else {
            return Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "a sweep is removing the new file",
            ));
        };
        let header = Region::of_file(file, 0, layout::HEADER_LENGTH)?;
        OwnerRecord::of_self(cookie, options.run)?.write(&header)?;
        Ok((header, Growth::of(Some(file.try_clone()?)), lease))
    }

    fn begin(inner: Inner) -> Self {
        let ledger = Self(Box::leak(Box::new(inner)));
        thread_cache::share(ledger.0.number, &ledger.0.free);
        ledger
    }

    /// Reads every ledger in the directories where this user's programs keep them: for observers.
    #[must_use]
    pub fn read_all() -> super::ReadAll {
        super::reading::read_all()
    }

    /// The number by which threads know it.
    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    /// Whether both are the same ledger.
    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    /// Where it is kept.
    #[must_use]
    pub fn medium(&self) -> &Medium {
        &self.0.medium
    }

    /// Its file, if it has one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The random name of this process's run, which is part of the names of what it leaves on disk.
    #[must_use]
    pub fn cookie(&self) -> Cookie {
        self.0.cookie
    }

    /// How many resources could not be recorded because space or memory was unavailable.
    #[must_use]
    pub fn untracked(&self) -> u64 {
        self.0
            .header
            .u64_at(layout::UNTRACKED)
            .load(Ordering::Relaxed)
    }

    /// Counts a resource that could not be recorded.
    pub(crate) fn count_untracked(&self) {
        if fork::is_original_process() {
            // Relaxed: a count, read for display.
            self.0
                .header
                .u64_at(layout::UNTRACKED)
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn take_free(&self) -> Option<FreeSlot> {
        let taken = Local::with(self.0.number, |local| {
            if local.free.is_empty() {
                self.refill(&mut local.free);
            }
            local.free.pop()
        });
        match taken {
            Some(free) => free,
            None => {
                let mut one = Vec::new();
                self.refill(&mut one);
                let free = one.pop();
                self.0.free.lock().append(&mut one);
                free
            }
        }
    }

    fn refill(&self, into: &mut Vec<FreeSlot>) {
        let mut free = self.0.free.lock();
        if free.is_empty() {
            self.0.growth.lock().add_slots(&self.0.header, &mut free);
        }
        let rest = free.len().saturating_sub(BATCH);
        into.extend(free.drain(rest..));
    }

    /// Frees the space of texts.
    pub(super) fn free_records(&self, spaces: impl IntoIterator<Item = Space>) {
        let mut growth = self.0.growth.lock();
        for space in spaces {
            growth.records.free(space);
        }
    }

    pub(super) fn give_back(&self, slot: FreeSlot) {
        let kept = Local::with(self.0.number, |local| {
            local.free.push(slot);
            if local.free.len() > KEPT {
                let surplus: Vec<_> = local.free.drain(..BATCH).collect();
                self.0.free.lock().extend(surplus);
            }
        });
        if kept.is_none() {
            self.0.free.lock().push(slot);
        }
    }

    pub(super) fn site(&self, site: Site) -> Option<u32> {
        let address = site.address();
        let cached = Local::with(self.0.number, |local| local.position(address, 0)).flatten();
        if cached.is_some() {
            return cached;
        }
        let position = self.common(RecordTag::Site, &site.to_string())?;
        Local::with(self.0.number, |local| local.remember(address, 0, position));
        Some(position)
    }

    pub(super) fn shared(&self, tag: RecordTag, text: &'static str) -> Option<u32> {
        let cached = Local::with(self.0.number, |local| local.name(tag, text)).flatten();
        if cached.is_some() {
            return cached;
        }
        let position = self.common(tag, clipped(text))?;
        Local::with(self.0.number, |local| {
            local.remember_name(tag, text, position);
        });
        Some(position)
    }

    /// Writes a name once for all resources.
    fn common(&self, tag: RecordTag, text: &str) -> Option<u32> {
        let mut growth = self.0.growth.lock();
        if let Some(position) = growth.interned.find(tag, text) {
            return Some(position);
        }
        let record = Record {
            tag,
            slot: 0,
            generation: 0,
            kind: 0,
            payload: text.as_bytes(),
        };
        let (position, _) = growth.write(&self.0.header, &record)?;
        growth.interned.remember(tag, text, position);
        Some(position)
    }

    /// Writes a text that belongs to one resource, and, if `kind` is given, to its kind.
    pub(super) fn own(
        &self,
        tag: RecordTag,
        id: ResourceId,
        kind: u32,
        text: &str,
    ) -> Option<(u32, Space)> {
        let record = Record {
            tag,
            slot: id.slot,
            generation: id.generation,
            kind,
            payload: text.as_bytes(),
        };
        self.0.growth.lock().write(&self.0.header, &record)
    }

    /// Removes the ledger's file and releases its lease. Entries that are still open stay open in
    /// memory, but are no longer visible to other processes.
    ///
    /// # Errors
    /// The file cannot be removed: a sweep will do it.
    pub fn remove(&self) -> Result<(), Error> {
        if !fork::is_original_process() {
            return Ok(());
        }
        let Some(closing) = self.0.closing.lock().take() else {
            return Ok(());
        };
        let removed = closing.directory.handle().unlink_beneath(&closing.name);
        drop(closing.lease);
        removed.map_err(|error| {
            Error::io(Stage::Release, "cannot remove the ledger", error)
                .with("path", closing.directory.path_of(&closing.name).display())
        })
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Ledger({:?})", self.0.medium)
    }
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: only uniqueness matters.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// At most the first four kilobytes of a text, cut between characters.
pub(super) fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(4096)]
}
