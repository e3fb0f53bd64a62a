//! A child that is between fork and exec when its parent is killed.
#![expect(
    unsafe_code,
    reason = "what a child does before it executes has no safe form"
)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes the command's child wait, before it executes, until its parent is dead, and N milliseconds
/// longer: in that time other processes find neither its environment nor its program.
///
/// The process that starts it does not return from `spawn` and must be killed. A child whose parent is not
/// killed exits after a minute.
pub fn start_slowly(command: &mut Command, milliseconds: u32) -> &mut Command {
    let parent = std::process::id();
    let hook = move || {
        for _ in 0..60_000 {
            // SAFETY: takes nothing and touches no memory.
            let above = unsafe { libc::getppid() };
            if u32::try_from(above) != Ok(parent) {
                break;
            }
            pause(1);
        }
        pause(milliseconds);
        Ok(())
    };
    // SAFETY: the hook calls only getppid and nanosleep, which are async-signal-safe, and allocates
    // nothing.
    unsafe { command.pre_exec(hook) }
}

fn pause(milliseconds: u32) {
    let span = libc::timespec {
        tv_sec: libc::time_t::from(milliseconds / 1000),
        tv_nsec: libc::c_long::from(milliseconds % 1000) * 1_000_000,
    };
    // SAFETY: the time is a valid one on the stack; the second pointer may be null.
    unsafe { libc::nanosleep(&raw const span, std::ptr::null_mut()) };
}
