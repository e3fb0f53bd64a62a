//! A disk that returns errors: chosen system calls fail with EIO, whatever their arguments.
#![expect(
    unsafe_code,
    reason = "a filter of system calls is installed by system calls alone"
)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The operations that fail on a failing disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskCall {
    /// Removes names: `unlink`, `unlinkat`, `rmdir`.
    Remove,
    /// Renames: `rename`, `renameat`, `renameat2`.
    Rename,
    /// Allocates space: `fallocate`, `ftruncate`.
    Reserve,
    /// Syncs: `fsync`, `fdatasync`.
    Sync,
    /// Reads metadata: `statx`.
    Look,
    /// Reads metadata by the older calls. The loader of a program needs them: only for
    /// [`fail_from_now_on`].
    LookByOlderCalls,
    /// Lists directories, those of `/proc` too: `getdents64`.
    List,
}

impl DiskCall {
    fn numbers(self) -> &'static [libc::c_long] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Remove => &[libc::SYS_unlinkat, libc::SYS_unlink, libc::SYS_rmdir],
            #[cfg(not(target_arch = "x86_64"))]
            Self::Remove => &[libc::SYS_unlinkat],
            #[cfg(target_arch = "x86_64")]
            Self::Rename => &[libc::SYS_renameat2, libc::SYS_renameat, libc::SYS_rename],
            #[cfg(not(target_arch = "x86_64"))]
            Self::Rename => &[libc::SYS_renameat2, libc::SYS_renameat],
            Self::Reserve => &[libc::SYS_fallocate, libc::SYS_ftruncate],
            Self::Sync => &[libc::SYS_fsync, libc::SYS_fdatasync],
            Self::Look => &[libc::SYS_statx],
            #[cfg(target_arch = "x86_64")]
            Self::LookByOlderCalls => &[
                libc::SYS_newfstatat,
                libc::SYS_stat,
                libc::SYS_lstat,
                libc::SYS_fstat,
            ],
            #[cfg(not(target_arch = "x86_64"))]
            Self::LookByOlderCalls => &[libc::SYS_newfstatat, libc::SYS_fstat],
            Self::List => &[libc::SYS_getdents64],
        }
    }
}

/// `AUDIT_ARCH_…` of the kernel's `audit.h`: the numbers above mean something there only.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: u32 = 0;

/// Makes these calls fail in the command and in everything that it starts. If such filters are not
/// available, `spawn` returns the error.
pub fn on_failing_disk<'a>(command: &'a mut Command, calls: &[DiskCall]) -> &'a mut Command {
    let filter = filter(calls);
    // SAFETY: the hook makes two system calls and allocates nothing: the filter was made before.
    unsafe { command.pre_exec(move || install(&filter)) }
}

/// Makes these calls fail in this process, in all its threads and in everything that it starts, for as long
/// as they live.
///
/// # Errors
/// The kernel cannot filter system calls, or does not permit it to this process.
pub fn fail_from_now_on(calls: &[DiskCall]) -> io::Result<()> {
    install(&filter(calls))
}

fn filter(calls: &[DiskCall]) -> Vec<libc::sock_filter> {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let is_equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let numbers: Vec<_> = calls.iter().flat_map(|call| call.numbers()).collect();
    let count = u8::try_from(numbers.len()).expect("the calls of a disk are few");
    let allow = step(answer, 0, 0, libc::SECCOMP_RET_ALLOW);
    let mut steps = vec![
        step(
            load,
            0,
            0,
            std::mem::offset_of!(libc::seccomp_data, arch) as u32,
        ),
        step(is_equal, 1, 0, ARCHITECTURE),
        allow,
        step(
            load,
            0,
            0,
            std::mem::offset_of!(libc::seccomp_data, nr) as u32,
        ),
    ];
    // Each jumps over those after it and over the answer for all other calls.
    let jumps = (1..=count).rev().zip(numbers);
    steps.extend(jumps.map(|(over, number)| step(is_equal, over, 0, *number as u32)));
    steps.push(allow);
    steps.push(step(
        answer,
        0,
        0,
        libc::SECCOMP_RET_ERRNO | libc::EIO as u32,
    ));
    steps
}

fn install(steps: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_ptr().cast_mut(),
    };
    // Without it, only root may filter.
    // SAFETY: takes numbers only.
    let answer = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel copies the program, which outlives the call, and writes nothing to it.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    match answer {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        // A thread has another filter already, and this is its number.
        _ => Err(io::ErrorKind::ResourceBusy.into()),
    }
}
