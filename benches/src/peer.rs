//! Which peers there are, and their versions.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The lock file of this workspace: which versions of the peers' libraries were built in.
const LOCK: &str = include_str!("../../Cargo.lock");

/// The peers that a question is answered without, each with the reason. A question without any other of
/// its peers is missed: `cargo xtask bench` installs them all.
pub(crate) const OPTIONAL: &[(&str, &str)] = &[(
    "systemd-run",
    "it needs systemd as the first process, which a container does not have",
)];

/// A program that is installed.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// The version of a library as it was built in.
pub(crate) fn library(name: &str) -> String {
    let heading = format!("name = \"{name}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != heading);
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1));
    version.unwrap_or("unknown").to_owned()
}

/// A program of the system, if it is installed.
pub(crate) fn program(name: &'static str) -> Option<Program> {
    let path = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())?;
    let flag = if name == "tmpreaper" {
        "-h"
    } else {
        "--version"
    };
    let output = Command::new(&path)
        .arg(flag)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some(Program {
        name,
        path,
        version: version_in(&String::from_utf8_lossy(&said)),
    })
}

/// The first word that looks like a version.
fn version_in(text: &str) -> String {
    let is_version = |word: &&str| {
        let digits = word.trim_start_matches('v');
        digits.starts_with(|first: char| first.is_ascii_digit())
    };
    let word = text.split_whitespace().find(is_version);
    let word = word.map_or("unknown", |word| word.trim_start_matches('v'));
    // What tini became in catatonit calls itself after it.
    word.split('_').next().unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_programs_say_them() {
        assert_eq!(version_in("tini version 0.19.0"), "0.19.0");
        assert_eq!(version_in("dumb-init v1.2.5"), "1.2.5");
        assert_eq!(version_in("find (GNU findutils) 4.9.0"), "4.9.0");
        assert_eq!(version_in("tmpreaper -- Version: 1.6.17-DEB"), "1.6.17-DEB");
        assert_eq!(version_in("usage"), "unknown");
    }

    #[test]
    fn the_version_of_a_library_is_the_one_that_is_built_in() {
        assert!(library("dashmap").starts_with("6."));
        assert_eq!(library("no-such-library"), "unknown");
    }
}
