//! What this process has at one moment, item by item, as far as a check compares it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::reach::Reach;
use crate::release::Backstop;
use crate::resource::ResourceId;
use backstop_os::process_stat::ProcessState;
use backstop_os::{descriptors, process_table, thread};

/// The items to compare.
#[derive(Debug, Default)]
pub(super) struct Belongings {
    /// Of the backstop that is compared.
    pub(super) resources: BTreeSet<ResourceId>,
    /// How often each is open.
    pub(super) handles: BTreeMap<String, u64>,
    /// By ID.
    pub(super) threads: BTreeMap<u32, String>,
    /// By PID.
    pub(super) children: BTreeMap<i32, String>,
    pub(super) files: BTreeSet<PathBuf>,
    /// What could not be inspected, and why.
    pub(super) not_compared: Vec<String>,
}

impl Belongings {
    pub(super) fn now(reach: Reach, backstop: Option<Backstop>, watched: &[PathBuf]) -> Self {
        let mut found = Self::default();
        match reach {
            Reach::Process => found.read_process(),
            Reach::Thread => found.read_thread(),
        }
        if let Some(backstop) = backstop {
            found.resources.extend(backstop.not_released());
        }
        for directory in watched {
            let entries = entries(directory, |_| true);
            found.add_files(directory, entries);
        }
        found
    }

    fn read_process(&mut self) {
        match descriptors::listed() {
            Ok(listed) => {
                for (_, what) in listed {
                    *self.handles.entry(what).or_default() += 1;
                }
            }
            Err(error) => self.not_compared.push(format!("handles: {error}")),
        }
        match thread::listed() {
            Ok(listed) => self.threads.extend(listed),
            Err(error) => self.not_compared.push(format!("threads: {error}")),
        }
        let pid = i32::try_from(std::process::id()).unwrap_or_default();
        self.add_children(process_table::children(pid));
        let directory = std::env::temp_dir();
        let number = std::process::id().to_string();
        let entries = entries(&directory, |name| has_number(name, &number));
        self.add_files(&directory, entries);
    }

    fn read_thread(&mut self) {
        let why = "other tests may run in this process";
        self.not_compared
            .extend(["handles", "threads", "temp files"].map(|sort| format!("{sort}: {why}")));
        self.add_children(thread::children());
    }

    fn add_children(&mut self, pids: io::Result<Vec<i32>>) {
        match pids {
            Ok(pids) => {
                let named = pids.into_iter().map(|pid| (pid, child_name(pid)));
                self.children.extend(named);
            }
            Err(error) => self.not_compared.push(format!("children: {error}")),
        }
    }

    fn add_files(&mut self, directory: &Path, entries: io::Result<Vec<PathBuf>>) {
        match entries {
            Ok(entries) => self.files.extend(entries),
            // The body may create it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let what = format!("files of {}: {error}", directory.display());
                self.not_compared.push(what);
            }
        }
    }
}

fn child_name(pid: i32) -> String {
    match process_table::stat(pid) {
        Ok(stat) if stat.state == ProcessState::Zombie => {
            format!("{} (exited, not reaped)", stat.comm)
        }
        Ok(stat) => stat.comm,
        Err(_) => "(gone)".to_owned(),
    }
}

fn entries(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if is_wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Whether the name contains this number, and not as a part of a longer one.
fn has_number(name: &str, number: &str) -> bool {
    name.split(|character: char| !character.is_ascii_digit())
        .any(|digits| digits == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_number_is_found() {
        assert!(has_number("app-4711-cache", "4711"));
        assert!(has_number("4711.sock", "4711"));
        assert!(!has_number("app-14711", "4711"));
        assert!(!has_number("app", "4711"));
    }
}
