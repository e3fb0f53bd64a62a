//! Running other programs: cargo above all.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context;

/// The cargo that runs this command, so that a pinned toolchain stays pinned.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// The path of a program in the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let directories = env::var_os("PATH")?;
    env::split_paths(&directories)
        .map(|directory| directory.join(name))
        .find(|path| {
            path.metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Runs to the end with the terminal passed through.
pub(crate) fn status(command: &mut Command) -> anyhow::Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))
}

/// Whether it starts and succeeds; its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Which of a program's streams is read as well as shown.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// Runs to the end, shows all output as it arrives, and returns the lines of one stream.
pub(crate) fn overheard(
    command: &mut Command,
    stream: Stream,
) -> anyhow::Result<(ExitStatus, Vec<String>)> {
    match stream {
        Stream::Output => command.stdout(Stdio::piped()),
        Stream::Error => command.stderr(Stdio::piped()),
    };
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    let lines = match stream {
        Stream::Output => show(child.stdout.take(), std::io::stdout()),
        Stream::Error => show(child.stderr.take(), std::io::stderr()),
    };
    // Waited for before a reading error is returned: an abandoned cargo would keep its lock.
    let status = child.wait()?;
    Ok((status, lines?))
}

fn show(from: Option<impl Read>, mut to: impl Write) -> anyhow::Result<Vec<String>> {
    let mut from = BufReader::new(from.context("the stream was not piped")?);
    let mut lines = Vec::new();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        lines.push(without_colour(&String::from_utf8_lossy(&line)));
        line.clear();
    }
    Ok(lines)
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.trim_end().chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A colour is ESC, `[`, numbers, and one letter that ends it.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed() {
        assert_eq!(
            without_colour("\u{1b}[32;1m3 passed\u{1b}[0m, x\n"),
            "3 passed, x"
        );
    }

    #[test]
    fn a_stream_is_overheard_and_the_status_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 3"]);
        let (status, lines) = overheard(&mut command, Stream::Output).unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn only_programs_are_found() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
