//! Starts a program directly inside a cgroup.
#![expect(unsafe_code, reason = "clone3 and _exit have no safe form")]

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::cgroup::Cgroup;
use super::fork_child::{exit_now, require_one_thread};
use crate::spawn_error::SpawnError;

/// `CLONE_INTO_CGROUP` of the kernel's `sched.h`, since Linux 5.7.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Starts `command` inside `group` and returns its PID.
///
/// To move a running process, the kernel first waits for a grace period on every processor, which
/// takes milliseconds; a process that is created inside the cgroup needs no move.
///
/// Only for a process with one thread, like [`fork_child`](super::fork_child::fork_child). Handlers
/// of `pthread_atfork` do not run: until it executes the program, the child has every descriptor of
/// this process, as [`executing`](super::fork::executing) requires.
///
/// # Errors
/// The child cannot be created inside the cgroup ([`SpawnError::Group`]), or the program cannot be
/// executed ([`SpawnError::Program`]). In both cases nothing is left running.
pub fn spawn_in_cgroup(command: &mut Command, group: &Cgroup) -> Result<i32, SpawnError> {
    require_one_thread().map_err(SpawnError::Group)?;
    // The kernel closes it when the program is executed: an end without data is success.
    let (mut answer, mut teller) = io::pipe().map_err(SpawnError::Group)?;
    // SAFETY: all zeros are a valid value of this plain structure of the kernel's.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = INTO_CGROUP;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.cgroup = group.as_fd().as_raw_fd() as u64;
    // SAFETY: without CLONE_VM the child gets a copy of all memory and continues here on a copy of
    // this stack. This process has one thread, so the copy is consistent, locks included.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match pid {
        -1 => Err(SpawnError::Group(io::Error::last_os_error())),
        0 => {
            let error = command.exec();
            let number = error.raw_os_error().unwrap_or(libc::EINVAL);
            // If the reader is closed, there is no one to report to.
            let _ = teller.write_all(&number.to_ne_bytes());
            exit_now(127)
        }
        pid => {
            drop(teller);
            let mut number = [0; size_of::<i32>()];
            match answer.read_exact(&mut number) {
                Ok(()) => {
                    reap(pid);
                    let error = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
                    Err(SpawnError::Program(error))
                }
                Err(_) => i32::try_from(pid)
                    .map_err(|_| SpawnError::Program(io::ErrorKind::InvalidData.into())),
            }
        }
    }
}

/// Reaps a child that has exited or is about to.
fn reap(pid: libc::c_long) {
    use rustix::process::{Pid, WaitOptions, waitpid};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    while pid.is_some()
        && matches!(
            waitpid(pid, WaitOptions::empty()),
            Err(rustix::io::Errno::INTR)
        )
    {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Cookie;
    use crate::pinned::PinnedProcess;
    use backstop_suites::{Suite, skip};
    use std::time::Duration;

    /// Runs in the single thread of a just forked process; the test process has other threads.
    fn spawn_one(group: &Cgroup, program: &str) -> Result<i32, SpawnError> {
        spawn_in_cgroup(Command::new(program).arg("61"), group)
    }

    /// Runs `body` in a forked process with one thread and returns its exit code.
    fn alone(body: impl Fn() -> u8 + Send + Sync + 'static) -> Option<i32> {
        let mut command = Command::new("true");
        // SAFETY: as in fork_child's tests: the C library's fork leaves its allocator usable.
        unsafe { command.pre_exec(move || exit_now(i32::from(body()))) };
        command.status().map_or(None, |status| status.code())
    }

    fn new_group() -> Option<Cgroup> {
        let name = format!("backstop-test-born-{}", Cookie::random());
        Cgroup::create(&name)
            .inspect_err(|error| skip(Suite::Cgroup, &error.to_string()))
            .ok()
    }

    fn still_the_same(group: &Cgroup) -> Cgroup {
        Cgroup::open(group.identity()).unwrap()
    }

    #[test]
    fn a_started_program_is_already_in_the_cgroup() {
        let Some(group) = new_group() else { return };
        let inner = still_the_same(&group);
        let code = alone(move || {
            let Ok(pid) = spawn_one(&inner, "sleep") else {
                return 1;
            };
            let is_inside = inner.processes().is_ok_and(|inside| inside == [pid]);
            let _ = inner.kill();
            let has_ended = PinnedProcess::pin(pid)
                .and_then(|child| child.wait_exit(Duration::from_secs(10)))
                .is_ok_and(|has_exited| has_exited);
            u8::from(!(is_inside && has_ended))
        });
        assert_eq!(code, Some(0));
        group.remove().unwrap();
    }

    #[test]
    fn a_missing_program_is_an_error_and_leaves_no_process() {
        let Some(group) = new_group() else { return };
        let inner = still_the_same(&group);
        let code = alone(move || {
            let reported = matches!(
                spawn_one(&inner, "/no/such/program"),
                Err(SpawnError::Program(error)) if error.kind() == io::ErrorKind::NotFound
            );
            u8::from(!(reported && inner.processes().is_ok_and(|inside| inside.is_empty())))
        });
        assert_eq!(code, Some(0));
        group.remove().unwrap();
    }

    #[test]
    fn a_multithreaded_process_cannot_use_it() {
        let Some(group) = new_group() else { return };
        let stop = std::sync::Barrier::new(2);
        let refused = std::thread::scope(|scope| {
            scope.spawn(|| stop.wait());
            let refused = spawn_one(&group, "true");
            stop.wait();
            refused
        });
        assert!(matches!(refused, Err(SpawnError::Group(_))), "{refused:?}");
        group.remove().unwrap();
    }
}
