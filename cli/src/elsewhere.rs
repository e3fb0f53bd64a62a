//! Commands that are not in this program: in a program of their own next to it, or in a build with another
//! feature.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments;
use crate::exit::{Exit, Failure};

/// A command that may not be in this program.
struct Elsewhere {
    name: &'static str,
    place: Place,
}

/// Where a command is.
#[derive(Clone, Copy)]
enum Place {
    /// In the program `backstop-NAME`, next to this one or in PATH: it links libraries that no other
    /// command should have to load. Built with the feature of its name.
    Program { about: &'static str },
    /// In this program, if it is built with the feature.
    Feature(&'static str),
}

const COMMANDS: &[Elsewhere] = &[
    feature("watch", "monitor"),
    feature("check", "monitor"),
    feature("report", "monitor"),
    feature("history", "monitor"),
    feature("init", "monitor"),
    feature("serve", "serve"),
    feature("lint", "lint"),
    feature("excel", "excel"),
    feature("memory", "memory"),
    feature("webdriver", "webdriver"),
    program("db", "Inspect databases and clean up what they leave"),
    program("camera", "Inspect and release video sources"),
];

const fn feature(name: &'static str, feature: &'static str) -> Elsewhere {
    let place = Place::Feature(feature);
    Elsewhere { name, place }
}

const fn program(name: &'static str, about: &'static str) -> Elsewhere {
    let place = Place::Program { about };
    Elsewhere { name, place }
}

/// Executes the command that `line` names, if it is not in this program; `None` if it is, or if there is
/// no such command.
pub(crate) fn execute(line: &[OsString]) -> Option<Result<Exit, Failure>> {
    let (position, name) = named(line)?;
    let command = COMMANDS.iter().find(|command| name == command.name)?;
    match command.place {
        Place::Program { .. } => Some(execute_program(command.name, line, position)),
        Place::Feature(_) if is_in_this_build(command.name) => None,
        Place::Feature(feature) => {
            let what = format!("`backstop {}`", command.name);
            Some(Err(missing(&what, feature)))
        }
    }
}

/// The error for something that needs another feature than this build has.
pub(crate) fn missing(what: &str, feature: &str) -> Failure {
    Failure::usage(format!(
        "{what} is not in this build: build it with the feature `{feature}`, e.g. `cargo install \
         --path cli --features {feature}`"
    ))
}

/// The position and the name of the subcommand, which comes first after the options of every command.
fn named(line: &[OsString]) -> Option<(usize, &OsStr)> {
    let mut words = line.iter().enumerate().skip(1);
    while let Some((position, word)) = words.next() {
        match word.to_str() {
            Some("--config") => drop(words.next()),
            Some(option) if option.starts_with("--config=") => {}
            Some(option) if option.starts_with('-') => return None,
            // `backstop help db` is the help of `db`.
            Some("help") => {}
            _ => return Some((position, word)),
        }
    }
    None
}

fn is_in_this_build(name: &str) -> bool {
    arguments::command().find_subcommand(name).is_some()
}

/// Replaces this process with the program of a command. It gets all arguments but the command's name, and
/// its exit code is the command's.
fn execute_program(name: &str, line: &[OsString], position: usize) -> Result<Exit, Failure> {
    let file = format!("backstop-{name}");
    let Some(path) = find(&file) else {
        return Err(Failure::usage(format!(
            "`{file}` was not found next to this program or in PATH: install it, e.g. with `cargo \
             install --path cli --features {name}`"
        )));
    };
    let mut command = Command::new(&path);
    for (number, word) in line.iter().enumerate().skip(1) {
        if number < position && word == "help" {
            command.arg("--help");
        } else if number != position {
            command.arg(word);
        }
    }
    replace(command).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

#[cfg(unix)]
fn replace(mut command: Command) -> std::io::Result<Exit> {
    use std::os::unix::process::CommandExt;
    // It returns only if that failed.
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> std::io::Result<Exit> {
    let code = command.status()?.code();
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(Exit::of_command(code.unwrap_or(u8::MAX)))
}

/// Finds a program next to this one, or in PATH.
fn find(file: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A relative place is in whatever directory this was started in, which may be another user's.
    let in_path = std::env::split_paths(&path).filter(|place| place.is_absolute());
    let mut places = beside.into_iter().chain(in_path);
    places.find_map(|place| Some(place.join(file)).filter(|path| is_executable(path)))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// The commands with those whose programs are installed, for help.
pub(crate) fn with_installed(command: clap::Command) -> clap::Command {
    COMMANDS
        .iter()
        .fold(command, |command, one| match one.place {
            Place::Program { about } if find(&format!("backstop-{}", one.name)).is_some() => {
                command.subcommand(clap::Command::new(one.name).about(about))
            }
            _ => command,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(line: &str) -> Option<String> {
        let line: Vec<OsString> = line.split(' ').map(Into::into).collect();
        named(&line).map(|(_, name)| name.to_string_lossy().into_owned())
    }

    #[test]
    fn the_command_comes_after_the_options_of_every_command() {
        for line in [
            "backstop db ls --json",
            "backstop --config x.toml db",
            "backstop --config=x db",
            "backstop help db",
        ] {
            assert_eq!(name_in(line).as_deref(), Some("db"), "{line}");
        }
        assert_eq!(name_in("backstop run -- db").as_deref(), Some("run"));
        for line in ["backstop", "backstop --version db", "backstop --config db"] {
            assert_eq!(name_in(line), None, "{line}");
        }
    }

    #[test]
    fn a_command_of_this_build_is_left_to_it_and_another_names_its_feature() {
        let execute = |name: &str| execute(&["backstop", name].map(OsString::from));
        assert!(execute("ps").is_none());
        for command in COMMANDS {
            let Place::Feature(feature) = command.place else {
                continue;
            };
            match execute(command.name) {
                None => assert!(is_in_this_build(command.name)),
                Some(result) => {
                    let failure = result.unwrap_err();
                    assert!(failure.message().contains(&format!("`{feature}`")));
                }
            }
        }
    }
}
