//! This program again, as a process that a question needs: one that adopts, one that is killed.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::questions::{five_processes, owner_killed, tree_of_400};

/// The word that makes this program play a role.
pub(crate) const WORD: &str = "role";

/// This program in a role.
pub(crate) fn command(role: &str, arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([WORD, role])
        .args(arguments)
        .stdin(Stdio::null());
    Ok(command)
}

/// Plays a role to its end, and returns what it prints then.
pub(crate) fn play(line: &[String]) -> anyhow::Result<String> {
    let (role, arguments) = line.split_first().context("a role has a name")?;
    match (role.as_str(), arguments) {
        ("tree", [count, rounds]) => tree_of_400::play(count.parse()?, rounds.parse()?),
        ("owner", []) => owner_killed::play(),
        ("process-wrap", command) => five_processes::play(command),
        _ => bail!("there is no role {role} with {} arguments", arguments.len()),
    }
}
