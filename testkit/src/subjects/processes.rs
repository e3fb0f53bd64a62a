//! Kinds whose resource is a tree of processes: found by the directory that they work in.

use std::path::{Path, PathBuf};
use std::process::Command;

use backstop_core::Backstop;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::Tracked;
use backstop_core::resource::{Presence, TrackedResource};

use crate::conformance::Subject;

/// A kind whose processes work in a directory of their own, by which they are found independently of
/// their owner and of the ledger.
pub struct Processes<R: TrackedResource> {
    /// The kind.
    pub name: &'static str,
    /// Starts the command as this kind does.
    pub open: fn(&Backstop, Command) -> Tracked<R>,
    /// The PID of the process that `open` started.
    pub pid: fn(&R) -> u32,
    /// The reclaimers of the adapter.
    pub reclaimers: fn() -> Reclaimers,
}

/// A leader that waits for one in a session of its own, working in `place`.
#[must_use]
pub fn two(place: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "setsid sleep 2001 & sleep 2002"])
        .current_dir(place);
    command
}

/// A directory in `place` that no other resource works in.
///
/// # Panics
/// It cannot be created.
#[must_use]
pub fn own_directory(place: &Path) -> PathBuf {
    let own = place.join(format!("{:?}", std::time::Instant::now()));
    std::fs::create_dir(&own).expect("the place is the suite's own");
    own
}

/// The PIDs of the processes that work in `place` or beneath it.
///
/// # Panics
/// There is no `/proc`.
#[must_use]
pub fn working_in(place: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("/proc is there");
    processes
        .map_while(Result::ok)
        .filter(|entry| {
            let directory = entry.path().join("cwd").read_link();
            directory.is_ok_and(|directory| directory.starts_with(place))
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.parse::<u32>().is_ok())
        .collect()
}

/// Kills every process that works in `place`, and removes the cgroups that were made for them.
pub fn end_those_in(place: &Path) {
    let mut left = working_in(place);
    let groups: Vec<PathBuf> = left.iter().filter_map(|pid| group_of(pid)).collect();
    while !left.is_empty() {
        let _ = Command::new("kill").arg("-9").args(&left).output();
        left = working_in(place);
    }
    for group in groups {
        // Of a dismissed child no other process removes it; else its release does.
        let _ = std::fs::remove_dir(group);
    }
}

/// The cgroup that was made for it.
fn group_of(pid: &str) -> Option<PathBuf> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let is_own = path.rsplit('/').next()?.starts_with("backstop-");
    let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let mut places = mounts.iter().map(|mount| Path::new(mount).join(path));
    places.find(|place| is_own && place.exists())
}

impl<R: TrackedResource> Subject for Processes<R> {
    type Resource = R;

    fn name(&self) -> &'static str {
        self.name
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<R> {
        (self.open)(backstop, two(&own_directory(place)))
    }
    fn trace(&self, resource: &R) -> String {
        let link = format!("/proc/{}/cwd", (self.pid)(resource));
        let directory = std::fs::read_link(link).expect("the process runs");
        directory.display().to_string()
    }
    fn look(&self, trace: &str) -> Presence {
        let found = working_in(Path::new(trace));
        match found.is_empty() {
            true => Presence::Gone,
            false => Presence::present(found.join(" ")),
        }
    }
    fn has_recipe(&self) -> bool {
        true
    }
    fn reclaimers(&self) -> Reclaimers {
        (self.reclaimers)()
    }
    fn destroy(&self, trace: &str) -> bool {
        end_those_in(Path::new(trace));
        true
    }
    fn leftovers(&self, place: &Path) -> Vec<String> {
        working_in(place)
    }
}
