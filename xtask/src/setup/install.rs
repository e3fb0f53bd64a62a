//! Installs what is missing, as far as this user may.

use std::process::Command;

use super::{Need, Source};
use crate::program;

/// How apt-get may be run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    Root,
    /// With sudo, without a password prompt.
    Sudo,
    /// Not at all: the line is printed instead.
    None,
}

impl Authority {
    pub(crate) fn probe() -> Self {
        if program::find("apt-get").is_none() {
            Self::None
        } else if is_root() {
            Self::Root
        } else if program::succeeds(Command::new("sudo").args(["-n", "true"])) {
            Self::Sudo
        } else {
            Self::None
        }
    }

    fn apt_get(self) -> Command {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::Sudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["-n", "env"]);
                sudo
            }
            Self::None => {
                let mut sudo = Command::new("sudo");
                sudo.arg("env");
                sudo
            }
        };
        // By env, since sudo clears the environment. The timeouts keep a dead mirror, or another
        // apt-get that holds the lock, from stopping a test run for ever.
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-y"]);
        command.args(["-o", "Acquire::http::Timeout=30"]);
        command.args(["-o", "Acquire::Retries=2"]);
        command.args(["-o", "DPkg::Lock::Timeout=120"]);
        command
    }

    fn apt_install(self, packages: &[&str]) -> Command {
        let mut command = self.apt_get();
        command.args(["install", "--no-install-recommends"]);
        command.args(packages);
        command
    }
}

/// What `install` would run, as one would type it.
pub(crate) fn rehearse(missing: &[&Need], authority: Authority) -> Vec<String> {
    let mut commands = Vec::new();
    let packages = apt_packages(missing);
    if !packages.is_empty() {
        commands.push(program::line(authority.apt_get().arg("update")));
        commands.push(program::line(&authority.apt_install(&packages)));
    }
    commands.extend(crates(missing).map(|name| program::line(&cargo_install(name))));
    commands
}

/// Installs what it may. A failure shows when the needs are checked again.
pub(crate) fn install(missing: &[&Need], authority: Authority) {
    let packages = apt_packages(missing);
    if !packages.is_empty() && authority == Authority::None {
        println!("some packages are missing and this user may not run apt-get; please run:");
        println!("  {}", program::line(&authority.apt_install(&packages)));
    } else if !packages.is_empty() {
        attempt(authority.apt_get().arg("update"));
        if !attempt(&mut authority.apt_install(&packages)) && packages.len() > 1 {
            // A name that this release of Debian does not have must not prevent the others.
            for package in packages {
                attempt(&mut authority.apt_install(&[package]));
            }
        }
    }
    for name in crates(missing) {
        attempt(&mut cargo_install(name));
    }
}

fn apt_packages(missing: &[&Need]) -> Vec<&'static str> {
    let of_apt = missing.iter().filter_map(|need| match need.source {
        Source::Apt(package) => Some(package),
        Source::Cargo(_) => None,
    });
    of_apt.collect()
}

fn crates(missing: &[&Need]) -> impl Iterator<Item = &'static str> {
    missing.iter().filter_map(|need| match need.source {
        Source::Cargo(name) => Some(name),
        Source::Apt(_) => None,
    })
}

fn cargo_install(name: &str) -> Command {
    let mut command = program::cargo();
    command.args(["install", "--locked", name]);
    command
}

fn attempt(command: &mut Command) -> bool {
    println!("$ {}", program::line(command));
    match program::status(command) {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("{error:#}");
            false
        }
    }
}

fn is_root() -> bool {
    // The effective user is the second number; asking the kernel directly would need `unsafe`.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    user.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

#[cfg(test)]
mod tests {
    use super::super::needs::ALL;
    use super::*;

    #[test]
    fn nothing_missing_runs_nothing() {
        assert!(rehearse(&[], Authority::Root).is_empty());
    }

    #[test]
    fn what_is_missing_is_installed_from_where_it_comes() {
        let missing: Vec<&Need> = ALL.iter().collect();
        let commands = rehearse(&missing, Authority::None);
        assert!(commands[0].starts_with("sudo ") && commands[0].ends_with(" update"));
        assert!(commands[1].contains(" install ") && commands[1].contains(" chromium-driver "));
        assert!(commands[2].ends_with("install --locked cargo-nextest"));
    }
}
