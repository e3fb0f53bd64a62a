//! A process to be killed: this test program again, in one of its roles.
#![expect(
    clippy::print_stdout,
    reason = "a role says to its test how far it has come"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use backstop_core::reclaim::{Reclaimers, Sweep, SweepReport};

const ROLE: &str = "BACKSTOP_TEST_ROLE";
const READY: &str = "READY ";

/// Directories of one test: for ledgers, and for what victims make.
pub(crate) struct Ground {
    _place: tempfile::TempDir,
    pub(crate) ledgers: PathBuf,
    pub(crate) base: PathBuf,
}

/// A started role.
pub(crate) struct Victim {
    pub(crate) child: Child,
    /// What it said before it was ready or dead.
    pub(crate) said: Vec<String>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap();
        let (ledgers, base) = (path.join("ledgers"), path.join("base"));
        std::fs::create_dir(&base).unwrap();
        Self {
            _place: place,
            ledgers,
            base,
        }
    }

    /// Everything in the base, however deep.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        let mut open = vec![self.base.clone()];
        while let Some(directory) = open.pop() {
            // What goes while it is looked at is not left.
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.symlink_metadata().is_ok_and(|facts| facts.is_dir()) {
                    open.push(path.clone());
                }
                left.push(path);
            }
        }
        left.sort();
        left
    }

    pub(crate) fn sweep(&self) -> SweepReport {
        self.pass(false)
    }

    pub(crate) fn rehearse(&self) -> SweepReport {
        self.pass(true)
    }

    fn pass(&self, rehearse: bool) -> SweepReport {
        let reclaimers = Reclaimers::local();
        Sweep::new(&reclaimers)
            .directories(vec![self.ledgers.clone()])
            .rehearse(rehearse)
            .run()
    }

    /// Starts a role, to be killed at `kill_at` if that is not empty, and waits until it is ready or
    /// dead.
    pub(crate) fn start(&self, role: &str, kill_at: &str) -> Victim {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "play", "--nocapture", "--test-threads=1"])
            .env(ROLE, role);
        self.spawn(command, kill_at)
    }

    pub(crate) fn spawn(&self, mut command: Command, kill_at: &str) -> Victim {
        command
            .env("BACKSTOP_DIR", &self.ledgers)
            .env("TMPDIR", &self.base)
            .env_remove("BACKSTOP")
            .env_remove("BACKSTOP_COOKIE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if !kill_at.is_empty() {
            command.env("BACKSTOP_KILL_AT", kill_at);
        }
        let mut child = command.spawn().unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            let ready = line.to_lowercase().contains("ready");
            said.push(line);
            if ready {
                break;
            }
        }
        Victim { child, said }
    }
}

impl Victim {
    /// The paths that it named.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        self.said
            .iter()
            .filter_map(|line| Some(Path::new(line.split_once("AT ")?.1)))
            .collect()
    }

    /// SIGKILL, and its end awaited.
    pub(crate) fn kill(mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }
}

/// The role that this process is to play, if it is one.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

pub(crate) fn name_path(path: &Path) {
    println!("\nAT {}", path.display());
}

/// Says that it is ready, and waits for its end; without a parent it ends by itself.
pub(crate) fn wait() {
    use std::io::Read;
    println!("\n{READY}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
