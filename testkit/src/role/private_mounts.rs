//! A mount namespace in which several actors play, one after the other.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::within;

/// A private mount namespace. What is mounted in it is visible to no other process, and is unmounted with this
/// value and the last process in it, also if the test is killed.
#[derive(Debug)]
pub struct PrivateMounts(Child);

impl PrivateMounts {
    /// Makes one, and runs the shell lines `mounts` in it.
    ///
    /// # Errors
    /// Namespaces cannot be made here, or a line failed.
    pub fn with(mounts: &str) -> Result<Self, String> {
        // It waits for the end of its input, which is this value's end.
        let script = format!("set -e\n{mounts}\necho mounted\nexec cat >/dev/null");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let out = holder.stdout.take().expect("its output is piped");
        let mut line = String::new();
        let read = BufReader::new(out).read_line(&mut line);
        let mounts_are_there = read.is_ok() && line == "mounted\n";
        let holder = Self(holder);
        if mounts_are_there {
            Ok(holder)
        } else {
            Err("mounts of a test's own cannot be made here".to_owned())
        }
    }

    /// The command in this namespace.
    #[must_use]
    pub fn within(&self, command: &Command) -> Command {
        let target = self.0.id().to_string();
        within(&["nsenter", "--mount", "--target", &target, "--"], command)
    }

    /// A path as it is seen there, for this process.
    #[must_use]
    pub fn seen(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").unwrap_or(path);
        Path::new("/proc")
            .join(self.0.id().to_string())
            .join("root")
            .join(path)
    }
}

impl Drop for PrivateMounts {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
