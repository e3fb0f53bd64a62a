//! Other surroundings for an actor: namespaces, mounts and limits of its own.

use std::process::{Command, Stdio};

/// Wraps the command in another program, such as `unshare` or `prlimit`, that changes its environment and
/// then executes it: `command` with its arguments is appended to `wrapper`.
///
/// It has the environment variables of `command`, and communicates as every actor does.
///
/// # Panics
/// `wrapper` is empty.
#[must_use]
pub fn within(wrapper: &[&str], command: &Command) -> Command {
    let (program, arguments) = wrapper.split_first().expect("a wrapper is a program");
    let mut wrapped = Command::new(program);
    wrapped
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

/// The command in a mount namespace of its own, after the shell lines `mounts` were run there. What
/// they mount is visible to no other process and is unmounted with the last process in it.
#[must_use]
pub fn with_mounts(mounts: &str, command: &Command) -> Command {
    let script = format!("set -e\n{mounts}\nexec \"$@\"");
    let shell = ["sh", "-c", &script, "sh"];
    let wrapper = [
        &["unshare", "--mount", "--propagation", "private"],
        &shell[..],
    ]
    .concat();
    within(&wrapper, command)
}

/// Whether such surroundings are available here; else why not.
///
/// # Errors
/// The wrapper cannot be started, or fails, with its error output.
pub fn can_be_within(wrapper: &[&str]) -> Result<(), String> {
    let command = Command::new("true");
    let output = within(wrapper, &command).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", wrapper[0]))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{}: {}",
        wrapper.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
