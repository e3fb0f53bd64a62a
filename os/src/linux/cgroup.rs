//! A cgroup (v2) around a tree of processes, which its processes cannot leave.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

use super::cgroup_mount;
use crate::cgroup_identity::CgroupIdentity;

/// `CGROUP2_SUPER_MAGIC` of the kernel's `magic.h`.
const CGROUP2: u64 = 0x6367_7270;

/// A cgroup, held by its directory.
///
/// Dropping it keeps the cgroup: [`Cgroup::remove`] removes it.
#[derive(Debug)]
pub struct Cgroup {
    directory: OwnedFd,
    identity: CgroupIdentity,
}

impl Cgroup {
    /// Creates a cgroup beneath the one that this process is in, and checks that processes can be
    /// moved into it and killed in it.
    ///
    /// # Errors
    /// `name` is not a plain file name (`InvalidInput`), cgroup v2 is not mounted or cannot kill
    /// (`Unsupported`, before Linux 5.14), or the tree was not delegated to this user. Nothing is
    /// left behind.
    pub fn create(name: &str) -> io::Result<Self> {
        let mut parts = Path::new(name).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
        if !is_plain {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a cgroup's name must be a plain file name",
            ));
        }
        let path = Self::path_for(name)?;
        let parent = path.parent().unwrap_or(&path).to_owned();
        rustix::fs::mkdir(&path, Mode::from_raw_mode(0o755))?;
        Self::probe(&parent, &path).inspect_err(|_| {
            let _ = rustix::fs::rmdir(&path);
        })
    }

    fn probe(parent: &Path, path: &Path) -> io::Result<Self> {
        let group = Self::open_path(path)?;
        // Moving a process asks for permission at the group that both have above them as well.
        for procs in [parent.join("cgroup.procs"), path.join("cgroup.procs")] {
            rustix::fs::open(procs, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        }
        match group.open_file("cgroup.kill", OFlags::WRONLY) {
            Ok(_) => Ok(group),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this kernel's cgroups do not support cgroup.kill",
            )),
            Err(error) => Err(error),
        }
    }

    /// Opens a recorded cgroup.
    ///
    /// # Errors
    /// There is none at its path (`NotFound`), or a different one (also `NotFound`, because the
    /// recorded one is gone), or the path is on another file system (`InvalidInput`).
    pub fn open(expected: &CgroupIdentity) -> io::Result<Self> {
        let group = Self::open_path(&expected.path)?;
        if group.identity.inode == expected.inode {
            return Ok(group);
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} is another cgroup: inode {}, recorded: {}",
                expected.path.display(),
                group.identity.inode,
                expected.inode
            ),
        ))
    }

    /// The path at which [`create`](Self::create) would create a cgroup with this name, to be
    /// recorded before it is created.
    ///
    /// # Errors
    /// No cgroup v2 hierarchy is mounted that contains this process.
    pub fn path_for(name: &str) -> io::Result<PathBuf> {
        Ok(cgroup_mount::own_directory()?.join(name))
    }

    /// Opens the cgroup with this path: for a path whose name alone is proof, because it contains a
    /// cookie.
    ///
    /// # Errors
    /// There is none (`NotFound`), or the path is on another file system (`InvalidInput`).
    pub fn open_path(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        if rustix::fs::fstatfs(&directory)?.f_type as u64 != CGROUP2 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} is not a cgroup (v2)", path.display()),
            ));
        }
        let inode = rustix::fs::fstat(&directory)?.st_ino;
        Ok(Self {
            directory,
            identity: CgroupIdentity {
                path: path.to_owned(),
                inode,
            },
        })
    }

    /// Distinguishes it from a later one with the same path.
    #[must_use]
    pub fn identity(&self) -> &CgroupIdentity {
        &self.identity
    }

    /// Moves a process, with all its threads, into the cgroup.
    ///
    /// # Errors
    /// No process has this PID, or moving it is not permitted.
    pub fn add(&self, pid: i32) -> io::Result<()> {
        self.write("cgroup.procs", pid.to_string().as_bytes())
    }

    /// Opens the file by which a new child moves itself into the cgroup, between fork and exec.
    ///
    /// # Errors
    /// The cgroup was removed, or no file descriptor is available.
    pub fn entrance(&self) -> io::Result<Entrance> {
        Ok(Entrance {
            processes: self.open_file("cgroup.procs", OFlags::WRONLY)?,
            is_closed: AtomicBool::new(false),
        })
    }

    /// Kills every process in the cgroup and its descendants, including those being forked at that
    /// moment.
    ///
    /// # Errors
    /// The cgroup was removed.
    pub fn kill(&self) -> io::Result<()> {
        self.write("cgroup.kill", b"1")
    }

    /// The PIDs of all processes in the cgroup and its descendants.
    ///
    /// Processes in a pid namespace that is not visible from here are not included;
    /// [`Cgroup::is_populated`] counts them too.
    ///
    /// # Errors
    /// The cgroup was removed.
    pub fn processes(&self) -> io::Result<Vec<i32>> {
        let mut found = Vec::new();
        collect(self.directory.as_fd(), &mut found)?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Whether any living process is in the cgroup or its descendants.
    ///
    /// # Errors
    /// The cgroup was removed.
    pub fn is_populated(&self) -> io::Result<bool> {
        is_populated(&self.open_file("cgroup.events", OFlags::RDONLY)?)
    }

    /// Waits until it has no living processes, at most until `deadline`, and returns whether that
    /// is so.
    ///
    /// # Errors
    /// The cgroup was removed.
    pub fn wait_empty(&self, deadline: Instant) -> io::Result<bool> {
        let events = self.open_file("cgroup.events", OFlags::RDONLY)?;
        loop {
            // Reading arms the notification: whatever changes afterwards ends the poll.
            if !is_populated(&events)? {
                return Ok(true);
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return Ok(false);
            }
            let limit = Timespec::try_from(remaining).ok();
            match poll(&mut [PollFd::new(&events, PollFlags::PRI)], limit.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Removes the group and those beneath it, from the bottom up.
    ///
    /// # Errors
    /// A process is left in one of them (`ResourceBusy`), or the path is another group's by now
    /// (`NotFound`).
    pub fn remove(&self) -> io::Result<()> {
        remove_beneath(self.directory.as_fd())?;
        Self::open(&self.identity)?;
        Ok(rustix::fs::unlinkat(
            CWD,
            &self.identity.path,
            AtFlags::REMOVEDIR,
        )?)
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        open_at(self.directory.as_fd(), name, flags)
    }

    fn write(&self, name: &str, value: &[u8]) -> io::Result<()> {
        let file = self.open_file(name, OFlags::WRONLY)?;
        rustix::io::write(&file, value)?;
        Ok(())
    }
}

impl AsFd for Cgroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// The file by which a just forked child enters a cgroup.
#[derive(Debug)]
pub struct Entrance {
    processes: OwnedFd,
    is_closed: AtomicBool,
}

impl Entrance {
    /// Moves the calling process into the cgroup, with one async-signal-safe call that allocates
    /// nothing.
    ///
    /// # Errors
    /// The cgroup was removed or is full.
    pub fn enter(&self) -> io::Result<()> {
        // Relaxed: the fork orders it after whatever its parent did before.
        if !self.is_closed.load(Ordering::Relaxed) {
            rustix::io::write(&self.processes, b"0")?;
        }
        Ok(())
    }

    /// Has children that are started from here on stay outside: what a command does before it
    /// executes cannot be taken back otherwise.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

/// Whether the error only means that a cgroup no longer exists.
#[must_use]
pub fn is_removed(error: &io::Error) -> bool {
    // The second is what the kernel answers about a removed group that is still open.
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

fn open_at(directory: BorrowedFd<'_>, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::empty())?)
}

/// What `cgroup.events` says of living processes in the group or beneath it.
fn is_populated(events: &OwnedFd) -> io::Result<bool> {
    let mut buffer = [0_u8; 256];
    let count = rustix::io::pread(events, &mut buffer, 0)?;
    let text = std::str::from_utf8(&buffer[..count]).unwrap_or("");
    let mut lines = text.lines();
    match lines.find_map(|line| line.strip_prefix("populated ")) {
        Some("0") => Ok(false),
        Some("1") => Ok(true),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "cgroup.events does not say whether the group is populated",
        )),
    }
}

/// The direct children of a cgroup.
fn groups_beneath(directory: BorrowedFd<'_>) -> io::Result<Vec<(PathBuf, OwnedFd)>> {
    let mut groups = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if entry.file_type() != FileType::Directory || name == "." || name == ".." {
            continue;
        }
        match open_at(directory, &name, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(group) => groups.push((PathBuf::from(name.as_ref()), group)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(groups)
}

fn collect(directory: BorrowedFd<'_>, found: &mut Vec<i32>) -> io::Result<()> {
    let mut text = String::new();
    let procs = open_at(directory, "cgroup.procs", OFlags::RDONLY)?;
    match io::Read::read_to_string(&mut std::fs::File::from(procs), &mut text) {
        Ok(_) => {}
        // A threaded cgroup has no list of processes; its parent lists them.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {}
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(()),
        Err(error) => return Err(error),
    }
    // 0 denotes a process in a pid namespace that is not visible from here.
    found.extend(
        text.lines()
            .filter_map(|line| line.parse::<i32>().ok())
            .filter(|pid| *pid > 0),
    );
    for (_, group) in groups_beneath(directory)? {
        collect(group.as_fd(), found)?;
    }
    Ok(())
}

fn remove_beneath(directory: BorrowedFd<'_>) -> io::Result<()> {
    for (name, group) in groups_beneath(directory)? {
        remove_beneath(group.as_fd())?;
        match rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(unsafe_code, reason = "pre_exec")]
mod tests {
    use super::*;
    use crate::takedown::{Reap, Roots};
    use backstop_suites::{Suite, skip};
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};
    use std::time::Duration;

    fn new_group(purpose: &str) -> Option<Cgroup> {
        let name = format!(
            "backstop-test-{purpose}-{}",
            crate::identity::Cookie::random()
        );
        match Cgroup::create(&name) {
            Ok(group) => Some(group),
            Err(error) => {
                skip(Suite::Cgroup, &error.to_string());
                None
            }
        }
    }

    fn child_in(group: &Cgroup, script: &str) -> Child {
        let entrance = group.entrance().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        // SAFETY: entering is one async-signal-safe call.
        unsafe { command.pre_exec(move || entrance.enter()) };
        command.spawn().unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn nothing_in_a_group_outlives_its_kill() {
        let Some(group) = new_group("kill") else {
            return;
        };
        assert!(!group.is_populated().unwrap());
        let mut child = child_in(
            &group,
            "trap '' TERM; setsid sleep 61 & (setsid sleep 61 &); wait",
        );
        let nested = group.identity().path.join("nested");
        std::fs::create_dir(&nested).unwrap();
        let mut inner = Command::new("sleep").arg("61").spawn().unwrap();
        std::fs::write(nested.join("cgroup.procs"), inner.id().to_string()).unwrap();

        assert!(group.is_populated().unwrap());
        let inside = group.processes().unwrap();
        assert!(inside.contains(&(child.id() as i32)) && inside.contains(&(inner.id() as i32)));
        assert_eq!(
            group.remove().unwrap_err().kind(),
            io::ErrorKind::ResourceBusy
        );
        group.kill().unwrap();
        assert!(group.wait_empty(soon()).unwrap());
        assert!(group.processes().unwrap().is_empty());
        child.wait().unwrap();
        inner.wait().unwrap();
        group.remove().unwrap();
        assert!(!group.identity().path.exists());
    }

    #[test]
    fn a_group_of_the_same_name_is_not_the_recorded_one() {
        let Some(group) = new_group("same") else {
            return;
        };
        let recorded = group.identity().clone();
        assert!(Cgroup::open(&recorded).is_ok());
        group.remove().unwrap();
        assert_eq!(
            Cgroup::open(&recorded).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        std::fs::create_dir(&recorded.path).unwrap();
        assert_eq!(
            Cgroup::open(&recorded).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(group.remove().unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::remove_dir(&recorded.path).unwrap();
    }

    #[test]
    fn a_tree_in_a_group_is_taken_down_and_a_spared_process_is_not() {
        let Some(group) = new_group("tree") else {
            return;
        };
        let mut child = child_in(&group, "setsid sleep 61 & sleep 61");
        let mut spared = Command::new("sleep").arg("61").spawn().unwrap();
        group.add(spared.id() as i32).unwrap();
        let takedown = |except: &[i32]| {
            crate::tree::kill_until_empty(Roots::Cgroup(&group), except, Reap::Nothing, soon())
                .unwrap()
        };
        assert!(takedown(&[spared.id() as i32]).is_empty);
        child.wait().unwrap();
        assert!(spared.try_wait().unwrap().is_none());
        assert!(takedown(&[]).is_empty);
        spared.wait().unwrap();
        group.remove().unwrap();
    }

    #[test]
    fn a_closed_entrance_leaves_a_child_outside() {
        let Some(group) = new_group("closed") else {
            return;
        };
        let entrance = std::sync::Arc::new(group.entrance().unwrap());
        let mut command = Command::new("sleep");
        let inner = entrance.clone();
        // SAFETY: entering is one async-signal-safe call.
        unsafe { command.arg("61").pre_exec(move || inner.enter()) };
        let mut inside = command.spawn().unwrap();
        assert_eq!(group.processes().unwrap(), [inside.id() as i32]);
        entrance.close();
        let mut outside = command.spawn().unwrap();
        assert_eq!(group.processes().unwrap(), [inside.id() as i32]);
        for child in [&mut inside, &mut outside] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(group.wait_empty(soon()).unwrap());
        group.remove().unwrap();
        assert!(is_removed(&group.is_populated().unwrap_err()));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["", ".", "..", "a/b", "/a", "a/"] {
            assert_eq!(
                Cgroup::create(name).unwrap_err().kind(),
                io::ErrorKind::InvalidInput,
                "{name}"
            );
        }
    }
}
