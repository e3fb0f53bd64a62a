//! Reads files below `/proc`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, StatxFlags};

/// A file as `/proc` identifies it.
pub(super) type DeviceAndInode = (u64, u64);

/// Fails unless `/proc` shows the pid namespace that this process is in.
///
/// After `unshare --pid` without a new mount, a PID in `/proc` denotes a different process than the
/// same PID in a system call.
pub(super) fn require_own_namespace() -> io::Result<()> {
    static SAME: OnceLock<bool> = OnceLock::new();
    let same = *SAME.get_or_init(|| {
        let own = rustix::process::getpid().as_raw_nonzero().to_string();
        std::fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == own.as_str())
    });
    if same {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "/proc is not mounted, or shows another pid namespace than this process's",
    ))
}

/// Reads a file that fits into `buffer` with as few calls as possible.
pub(super) fn read_into<'b>(path: &str, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let file = open(path, OFlags::RDONLY)?;
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::read(&file, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => {
                filled += count;
                // The files that this is used for end with a line end; one more read to find the
                // end of the file would double the cost.
                if buffer[filled - 1] == b'\n' {
                    break;
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(&buffer[..filled])
}

/// Reads what fits into `buffer` in one call: for a process's files that the kernel returns whole.
pub(super) fn read_once<'b>(path: &str, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let file = open(path, OFlags::RDONLY)?;
    let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *buffer))?;
    Ok(&buffer[..length])
}

/// The text after `key` on the line that starts with it.
pub(super) fn after_key<'t>(text: &'t [u8], key: &[u8]) -> Option<&'t [u8]> {
    text.split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(key))
}

/// The number that the text starts with, after any spaces.
pub(super) fn first_number(text: &[u8]) -> Option<u64> {
    let mut words = text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    std::str::from_utf8(words.next()?).ok()?.parse().ok()
}

/// The size on the line that starts with `key`, in bytes: such lines count in units of 1024.
pub(super) fn kilobytes(text: &[u8], key: &[u8]) -> Option<u64> {
    first_number(after_key(text, key)?)?.checked_mul(1024)
}

/// Reads a whole file of at most `limit` bytes.
pub(super) fn read_all(path: &str, limit: usize) -> io::Result<Vec<u8>> {
    // These files report no length: enough room for most of them, so that they are read at once.
    let mut bytes = Vec::with_capacity(limit.min(16 * 1024));
    let file = std::fs::File::open(path)?;
    // One more than allowed, to distinguish a file that fits from one that was cut.
    io::Read::read_to_end(&mut io::Read::take(file, limit as u64 + 1), &mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("{path} is longer than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// The entries of a directory whose names are numbers.
pub(super) fn numbers_in(path: &str) -> io::Result<Vec<i32>> {
    let directory = open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); 16 * 1024];
    let mut entries = RawDir::new(&directory, &mut buffer);
    let mut numbers = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if let Some(number) = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|name| name.parse().ok())
        {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

/// The file that a link of `/proc` refers to.
///
/// Uses only what the kernel already knows, so that a dead network mount cannot hang it.
pub(super) fn linked_file(path: &str) -> io::Result<DeviceAndInode> {
    let found = rustix::fs::statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::INO)?;
    let device = rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor);
    Ok((device, found.stx_ino))
}

/// Whether the error only means that the process ended in the meantime.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Whether the error is temporary: a process is executing a program, or no file descriptor or
/// memory is available.
pub(super) fn is_passing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || matches!(
            error.raw_os_error(),
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)
        )
}

fn open(path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(
        path,
        flags | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}
