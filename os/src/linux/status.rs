//! Reads the facts about a file.

use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, StatxTimestamp, statx};
use rustix::path::Arg;

use crate::files::{FileKind, Stat};

/// The facts about an open file.
pub(super) fn of(file: impl AsFd) -> rustix::io::Result<Stat> {
    ask(file, c"", AtFlags::EMPTY_PATH)
}

/// The facts about `name` in `directory`; for a link, about the link itself. Triggers no automount.
pub(super) fn at(directory: impl AsFd, name: impl Arg) -> rustix::io::Result<Stat> {
    ask(
        directory,
        name,
        AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT,
    )
}

fn ask(directory: impl AsFd, name: impl Arg, flags: AtFlags) -> rustix::io::Result<Stat> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    statx(directory, name, flags, wanted).map(|raw| plain(&raw))
}

fn plain(raw: &Statx) -> Stat {
    let born = raw.stx_mask & StatxFlags::BTIME.bits() != 0;
    Stat {
        device: rustix::fs::makedev(raw.stx_dev_major, raw.stx_dev_minor),
        inode: raw.stx_ino,
        owner: raw.stx_uid,
        mode: u32::from(raw.stx_mode) & 0o7777,
        kind: kind(FileType::from_raw_mode(u32::from(raw.stx_mode))),
        links: u64::from(raw.stx_nlink),
        len: raw.stx_size,
        // The unit is 512 bytes, whatever the file system's block size.
        allocated: raw.stx_blocks.saturating_mul(512),
        modified: time(&raw.stx_mtime),
        born: born.then(|| time(&raw.stx_btime)),
        is_mount_root: raw
            .stx_attributes_mask
            .contains(StatxAttributes::MOUNT_ROOT)
            .then(|| raw.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
    }
}

pub(super) fn kind(raw: FileType) -> FileKind {
    match raw {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::Socket => FileKind::Socket,
        FileType::Fifo => FileKind::Pipe,
        FileType::BlockDevice | FileType::CharacterDevice => FileKind::Device,
        FileType::Unknown => FileKind::Other,
    }
}

fn time(raw: &StatxTimestamp) -> SystemTime {
    let seconds = Duration::from_secs(raw.tv_sec.unsigned_abs());
    let whole = if raw.tv_sec < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(seconds)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    };
    whole
        .and_then(|whole| whole.checked_add(Duration::from_nanos(raw.tv_nsec.into())))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
