//! Processes that a test recognises again, whatever Backstop knows of them.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;
use std::process::Command;

use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;

/// A random text that stands in the environment, or among the arguments, of all that one round starts.
pub(crate) struct Mark(String);

impl Mark {
    const VARIABLE: &str = "BACKSTOP_TEST_MARK";

    pub(crate) fn new() -> Self {
        Self(Cookie::random().to_string())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn put_on<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(Self::VARIABLE, &self.0)
    }

    /// Every living process that bears it, with its command line.
    pub(crate) fn bearers(&self) -> Vec<(i32, String)> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let (arguments, environment) = shown(&entry.path());
            if self.is_in(&arguments) || self.is_in(&environment) {
                let line = String::from_utf8_lossy(&arguments).replace('\0', " ");
                found.push((pid, line));
            }
        }
        found
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        bytes
            .windows(self.0.len())
            .any(|window| window == self.0.as_bytes())
    }
}

/// The arguments and the environment of a process. One that executes a program just now shows neither,
/// and is looked at again; one that ended meanwhile or waits to be reaped has none.
fn shown(process: &Path) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| std::fs::read(process.join(name)).unwrap_or_default();
    for _ in 0..200 {
        let (arguments, environment) = (read("cmdline"), read("environ"));
        let executes_nothing = process.join("exe").read_link().is_err();
        if !arguments.is_empty() || executes_nothing {
            // Both are filled in together: after the arguments were seen, so is this.
            return (arguments, [environment, read("environ")].concat());
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    Default::default()
}

/// A round that fails leaves nothing behind either.
impl Drop for Mark {
    fn drop(&mut self) {
        for (pid, _) in self.bearers() {
            if let Ok(process) = PinnedProcess::pin(pid) {
                let _ = process.signal(Signal::KILL);
            }
        }
    }
}

/// What is in a directory, by name; nothing if it does not exist.
pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
