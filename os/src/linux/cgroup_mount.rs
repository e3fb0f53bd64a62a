//! Finds the cgroup that this process is in.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::procfs;

const LONGEST_TABLE: usize = 16 * 1024 * 1024;

/// The directory of this process's own cgroup, in the v2 hierarchy.
pub(super) fn own_directory() -> io::Result<PathBuf> {
    directory("self", Version::Two).map(|(directory, _)| directory)
}

/// The two versions of cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Version 1, with a hierarchy for each controller.
    One,
    /// Version 2, with one hierarchy.
    Two,
}

/// The directory of a process's cgroup, and where its hierarchy is mounted: in version 1 that of the
/// memory controller. `process` is a PID, or `self`.
pub(super) fn directory(process: &str, version: Version) -> io::Result<(PathBuf, PathBuf)> {
    let mounts = procfs::read_all("/proc/self/mountinfo", LONGEST_TABLE)?;
    let membership = procfs::read_all(&format!("/proc/{process}/cgroup"), LONGEST_TABLE)?;
    let (path, missing) = match version {
        Version::One => (memory_path(&membership), "1 whose memory is counted"),
        Version::Two => (own_path(&membership), "2"),
    };
    path.and_then(|path| mounted(&mounts, &path, version))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                format!("the process is in no mounted cgroup of version {missing}"),
            )
        })
}

/// The path of the line `0::/path`; the other lines are of version 1.
fn own_path(membership: &[u8]) -> Option<PathBuf> {
    let path = membership
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"0::"))?;
    present(path)
}

/// The path of the line `NUMBER:…,memory,…:/path` of version 1.
fn memory_path(membership: &[u8]) -> Option<PathBuf> {
    let path = membership.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let controllers = fields.nth(1)?;
        let mut controllers = controllers.split(|byte| *byte == b',');
        controllers.find(|controller| *controller == b"memory")?;
        fields.next()
    })?;
    present(path)
}

fn present(path: &[u8]) -> Option<PathBuf> {
    let is_there = path.starts_with(b"/") && !path.ends_with(b" (deleted)");
    is_there.then(|| PathBuf::from(OsString::from_vec(path.to_vec())))
}

/// Where a path of a version's tree is among the mounts, with the place of the mount. On hosts that
/// have both versions the second is mounted beneath the other, at `/sys/fs/cgroup/unified`.
fn mounted(mounts: &[u8], path: &Path, version: Version) -> Option<(PathBuf, PathBuf)> {
    mounts.split(|byte| *byte == b'\n').find_map(|line| {
        // ID PARENT MAJOR:MINOR ROOT MOUNT OPTIONS [OPTIONAL…] - TYPE SOURCE OPTIONS
        let mut fields = line.split(|byte| *byte == b' ');
        let root = unescaped(fields.nth(3)?);
        let mount = unescaped(fields.next()?);
        let mut fields = fields.skip_while(|field| *field != b"-");
        let kind = fields.nth(1)?;
        let is_wanted = match version {
            Version::Two => kind == b"cgroup2",
            Version::One => {
                let mut options = fields.nth(1)?.split(|byte| *byte == b',');
                kind == b"cgroup" && options.any(|option| option == b"memory")
            }
        };
        if !is_wanted {
            return None;
        }
        // A container may see only a part of the hierarchy, from `root` on.
        let beneath = path.strip_prefix(&root).ok()?;
        let is_plain = |part| matches!(part, std::path::Component::Normal(_));
        beneath
            .components()
            .all(is_plain)
            .then(|| (mount.join(beneath), mount))
    })
}

/// Spaces, tabs, line ends and backslashes are escaped as three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escape = match (first, tail) {
            (
                b'\\',
                [
                    a @ b'0'..=b'3',
                    b @ b'0'..=b'7',
                    c @ b'0'..=b'7',
                    after @ ..,
                ],
            ) => {
                rest = after;
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        bytes.push(escape.unwrap_or(*first));
    }
    PathBuf::from(std::ffi::OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(mounts: &[u8], path: &Path) -> Option<PathBuf> {
        mounted(mounts, path, Version::Two).map(|(directory, _)| directory)
    }

    #[test]
    fn version_2_is_found_alone_and_beneath_version_1() {
        for mounts in [
            "30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate",
            "1 1 0:1 / / rw - ext4 /dev/vda rw\n30 1 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n32 30 0:28 / /sys/fs/cgroup rw shared:1 master:2 - cgroup2 cgroup2 rw",
        ] {
            let found = directory(mounts.as_bytes(), Path::new("/user.slice/a"));
            assert_eq!(found, Some("/sys/fs/cgroup/user.slice/a".into()));
        }
    }

    #[test]
    fn a_container_sees_its_part_only() {
        let mounts = b"30 1 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw";
        assert_eq!(
            directory(mounts, Path::new("/docker/ab/c")),
            Some("/sys/fs/cgroup/c".into())
        );
        assert_eq!(directory(mounts, Path::new("/docker/xy")), None);
        assert_eq!(directory(mounts, Path::new("/docker/ab/../../x")), None);
    }

    #[test]
    fn escapes_and_broken_lines_are_read() {
        assert_eq!(unescaped(br"/a\040b\134\x"), PathBuf::from(r"/a b\\x"));
        for mounts in [
            "",
            "30",
            "30 1 0:26 / /x",
            "30 1 0:26 / /x rw -",
            "30 1 0:26 / /x rw cgroup2",
        ] {
            assert_eq!(
                directory(mounts.as_bytes(), Path::new("/")),
                None,
                "{mounts}"
            );
        }
    }

    #[test]
    fn version_1_is_found_by_its_controller() {
        let membership = b"4:cpu:/x\n3:blkio,memory:/a/b\n0::/\n";
        let path = memory_path(membership).unwrap();
        assert_eq!(path, Path::new("/a/b"));
        let mounts = b"34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        assert_eq!(
            mounted(mounts, &path, Version::One),
            Some((
                "/sys/fs/cgroup/memory/a/b".into(),
                "/sys/fs/cgroup/memory".into()
            ))
        );
        assert_eq!(memory_path(b"0::/a\n"), None);
        assert_eq!(memory_path(b"4\n3:memory\n"), None);
    }

    #[test]
    fn the_own_path_is_the_one_of_version_2() {
        let own = |text: &str| own_path(text.as_bytes());
        assert_eq!(own("4:cpu:/x\n0::/a:b\n"), Some("/a:b".into()));
        assert_eq!(own("4:cpu:/x\n"), None);
        assert_eq!(own("0::/a (deleted)\n"), None);
        assert_eq!(own(""), None);
    }
}
