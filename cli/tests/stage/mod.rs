//! A place of a test's own: ledger directory, temp directory, and the command to run there.

#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(
    clippy::unwrap_used,
    reason = "a stage that cannot be set up fails its test"
)]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use backstop_os::pinned::PinnedProcess;
use backstop_os::process_table;

/// Everything that a test needs stands beneath one directory, which any user may enter.
pub(crate) struct Stage {
    place: tempfile::TempDir,
    user: Option<u32>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::of_user(None)
    }

    /// A stage whose commands run as another user: the binary is copied to where that user can
    /// execute it.
    pub(crate) fn of_user(user: Option<u32>) -> Self {
        let place = tempfile::tempdir().unwrap();
        let stage = Self { place, user };
        for name in ["", "ledgers", "tmp", "work"] {
            let path = stage.place.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            let mode = if name == "ledgers" { 0o700 } else { 0o755 };
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            if let Some(user) = user.filter(|_| !name.is_empty()) {
                std::os::unix::fs::chown(&path, Some(user), Some(user)).unwrap();
            }
        }
        let built = env!("CARGO_BIN_EXE_backstop");
        // A copy is open for writing while it is made, also in what another test forks meanwhile, and
        // cannot be executed as long ("text file busy"): only where a link cannot be made.
        if std::fs::hard_link(built, stage.binary()).is_err() {
            std::fs::copy(built, stage.binary()).unwrap();
        }
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn binary(&self) -> PathBuf {
        self.path("backstop")
    }

    pub(crate) fn backstop(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.binary());
        command.args(arguments);
        command
    }

    /// An actor of this test, as a library user's program on this stage.
    pub(crate) fn actor(&self, role: &str) -> Command {
        let mut command = backstop_testkit::role::command(role).unwrap();
        command
            .env("BACKSTOP_DIR", self.path("ledgers"))
            .env("TMPDIR", self.path("tmp"))
            .env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// Any program, in the surroundings of this stage.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path("work"))
            .env("BACKSTOP_DIR", self.path("ledgers"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOME", self.path("work"))
            .env_remove("BACKSTOP_COOKIE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        Finished::of(&self.backstop(arguments).output().unwrap())
    }

    /// What is left in the ledger directory but receipts, and in the temp directory.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for name in ["ledgers", "tmp"] {
            for entry in std::fs::read_dir(self.path(name)).unwrap() {
                let entry = entry.unwrap().path();
                if !entry.to_string_lossy().contains("receipts") {
                    left.push(entry.display().to_string());
                }
            }
        }
        left
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// How long anything may take: far beyond what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` gives something; what is waited for either comes or the test fails.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The process numbers that a script wrote, one a line, once there are so many.
pub(crate) fn pids_in(path: &Path, count: usize) -> Vec<PinnedProcess> {
    until("the script has written its process numbers", || {
        let text = std::fs::read_to_string(path).ok()?;
        let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        (pids.len() == count).then(|| {
            pids.iter()
                .map(|pid| PinnedProcess::pin(*pid).unwrap())
                .collect()
        })
    })
}

/// The supervisor of a run: its guardian's only child.
pub(crate) fn supervisor_of(guardian: &Child) -> PinnedProcess {
    until("the guardian has its supervisor", || {
        let children = process_table::children(guardian.id() as i32).ok()?;
        PinnedProcess::pin(*children.first()?).ok()
    })
}
