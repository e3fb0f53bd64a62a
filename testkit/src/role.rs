//! The same test again, in a separate process that may be killed.
//!
//! A test that needs another process starts its own binary for the one test that is running, with a
//! role in the environment. The test checks for its [`assigned`] role first and plays it instead of
//! testing.

mod actor;
mod private_mounts;
mod surroundings;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

pub use actor::Actor;
pub use private_mounts::PrivateMounts;
pub use surroundings::{can_be_within, with_mounts, within};

/// The variable that holds the role.
pub const ROLE: &str = "BACKSTOP_TESTKIT_ROLE";

/// The prefix of each line that an actor prints.
const SAID: &str = "BACKSTOP-SAID: ";

/// The role that this process has to play; `None` in the test itself.
#[must_use]
pub fn assigned() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The command that runs the calling test again in `role`.
///
/// # Errors
/// The calling test is unknown: the thread is not libtest's.
pub fn command(role: &str) -> Result<Command, String> {
    // libtest runs each test on a thread that it names after it, also one at a time.
    let thread = std::thread::current();
    let test = thread
        .name()
        .filter(|name| *name != "main")
        .ok_or("the calling test is not known: call from the thread on which libtest runs it")?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command
        .args([test, "--exact", "--nocapture", "--include-ignored"])
        .args(["--test-threads", "1", "--quiet"]);
    cast(&mut command, role);
    Ok(command)
}

/// Has a command's process play `role`: for a test binary without libtest's harness, which
/// [`command`] is for.
pub fn cast<'a>(command: &'a mut Command, role: &str) -> &'a mut Command {
    command
        .env(ROLE, role)
        // What is set for the test is not meant for the actor.
        .env_remove("BACKSTOP_KILL_AT")
        .env_remove("BACKSTOP_COOKIE")
        .env_remove("BACKSTOP")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
}

/// Sends a line to the test that started this actor.
///
/// # Panics
/// The text has several lines, or the test is gone.
pub fn say(text: &str) {
    assert!(!text.contains('\n'), "an actor sends one line at a time");
    // On a new line: libtest may have begun one.
    let line = format!("\n{SAID}{text}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .expect("the test listens to its actor");
}

/// Waits until the test lets this actor continue, by closing its input.
pub fn wait_for_cue() {
    let mut rest = Vec::new();
    // A broken pipe is a cue too.
    let _ = std::io::stdin().read_to_end(&mut rest);
}

/// Waits to be killed. Ends without ceremony if the test ends first, so that no actor outlives it.
pub fn wait_to_be_killed() -> ! {
    wait_for_cue();
    backstop_os::fork_child::exit_now(0)
}
