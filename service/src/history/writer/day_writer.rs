//! The open file of one day.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use jiff::civil::Date;

use crate::history::day;
use backstop_os::directory::Directory;
use backstop_os::files::OpenMode;
use backstop_os::write_at::write_all_at;

/// Appends to the file of a day. Before the first day, and if the file cannot be opened, every
/// append tries to open it.
#[derive(Default)]
pub(super) struct DayWriter {
    date: Option<Date>,
    open: Option<Open>,
    /// Whether this writer has appended anything.
    begun: bool,
}

struct Open {
    file: File,
    inode: u64,
    /// The offset of the end of the last complete line.
    len: u64,
}

impl DayWriter {
    pub(super) fn open(directory: &Directory, date: Date) -> Self {
        Self {
            date: Some(date),
            // If it cannot be opened, the append reports it.
            open: Open::of(directory, date).ok(),
            begun: false,
        }
    }

    /// Whether this writer has started that day, and its file has not been removed.
    pub(super) fn has_begun(&self, date: Date, directory: &Directory) -> bool {
        let name = day::name_of(date);
        self.begun
            && self.date == Some(date)
            && self.open.as_ref().is_none_or(|open| {
                directory
                    .stat_beneath(OsStr::new(&name))
                    .is_ok_and(|stat| stat.inode == open.inode)
            })
    }

    /// The length of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.len)
    }

    /// Appends complete lines, or nothing.
    pub(super) fn append(&mut self, directory: &Directory, lines: &[u8]) -> io::Result<()> {
        let open = match (&mut self.open, self.date) {
            (Some(open), _) => open,
            (closed, Some(date)) => closed.insert(Open::of(directory, date)?),
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        open.append(lines)?;
        self.begun = true;
        Ok(())
    }
}

impl Open {
    fn of(directory: &Directory, date: Date) -> io::Result<Self> {
        let name = day::name_of(date);
        let file = open_or_create(directory, OsStr::new(&name))?;
        let mut open = Self {
            inode: directory.stat_beneath(OsStr::new(&name))?.inode,
            len: file.metadata()?.len(),
            file,
        };
        if open.is_torn()? {
            open.append(b"\n")?;
        }
        Ok(open)
    }

    /// Whether the last line has no line end: its writer was killed, or the disk was full.
    fn is_torn(&mut self) -> io::Result<bool> {
        let mut last = [b'\n'];
        if self.len > 0 {
            self.file.seek(SeekFrom::Start(self.len - 1))?;
            self.file.read_exact(&mut last)?;
        }
        Ok(last != *b"\n")
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        match write_all_at(&self.file, lines, self.len) {
            Ok(()) => {
                self.len += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // A part may have been written. If it cannot be truncated either, the next line
                // overwrites it.
                let _ = self.file.set_len(self.len);
                Err(error)
            }
        }
    }
}

pub(super) fn open_or_create(directory: &Directory, name: &OsStr) -> std::io::Result<File> {
    match directory.create_file_beneath(name) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            directory.open_file_beneath(name, OpenMode::ReadWrite)
        }
        answer => answer,
    }
}
