//! Finds the processes that use a file or directory.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{environment, process_table, procfs};
use crate::holder::{FileHolder, FileUse, Mappings};
use crate::scan::Scan;

/// Every use of the file with this inode on this device.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn holders_of(device: u64, inode: u64, mappings: Mappings) -> io::Result<Scan<FileHolder>> {
    scan(mappings, |link| {
        procfs::linked_file(link).is_ok_and(|found| found == (device, inode))
    })
}

/// Every use of the file or directory at `path`, or of anything beneath it, including unlinked
/// files.
///
/// Beneath a directory it compares names as `/proc` shows them, so `path` must be absolute and
/// without links; a process in another mount namespace shows its own names.
///
/// # Errors
/// As [`holders_of`].
pub fn holders_beneath(path: &Path, mappings: Mappings) -> io::Result<Scan<FileHolder>> {
    scan(mappings, |link| {
        std::fs::read_link(link).is_ok_and(|target| {
            let bytes = target.as_os_str().as_bytes();
            let name = bytes.strip_suffix(b" (deleted)").unwrap_or(bytes);
            Path::new(std::ffi::OsStr::from_bytes(name)).starts_with(path)
        })
    })
}

fn scan(mappings: Mappings, is_wanted: impl Fn(&str) -> bool) -> io::Result<Scan<FileHolder>> {
    let mut scan = Scan::default();
    for pid in process_table::pids()? {
        match holds(pid, mappings, &is_wanted) {
            Ok(holds) => scan
                .found
                .extend(holds.into_iter().map(|hold| FileHolder { pid, hold })),
            Err(error) if procfs::is_gone(&error) => {}
            Err(_) if environment::is_kernel_thread(pid) => {}
            Err(_) => scan.unreadable += 1,
        }
    }
    Ok(scan)
}

fn holds(
    pid: i32,
    mappings: Mappings,
    is_wanted: &impl Fn(&str) -> bool,
) -> io::Result<Vec<FileUse>> {
    // First the call that needs the permission, so that an unreadable process is counted as a whole
    // rather than read in part.
    let mut holds: Vec<FileUse> = procfs::numbers_in(&format!("/proc/{pid}/fd"))?
        .into_iter()
        .filter(|number| is_wanted(&format!("/proc/{pid}/fd/{number}")))
        .map(FileUse::Descriptor)
        .collect();
    for (name, hold) in [
        ("cwd", FileUse::WorkingDirectory),
        ("root", FileUse::Root),
        ("exe", FileUse::Executable),
    ] {
        if is_wanted(&format!("/proc/{pid}/{name}")) {
            holds.push(hold);
        }
    }
    if mappings == Mappings::Include {
        let directory = format!("/proc/{pid}/map_files");
        for entry in std::fs::read_dir(&directory)? {
            let name = entry?.file_name();
            if is_wanted(&format!("{directory}/{}", name.to_string_lossy())) {
                holds.push(FileUse::Mapping);
                break;
            }
        }
    }
    Ok(holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn descriptors_and_directories_are_found_also_after_unlinking() {
        let directory = tempfile::tempdir().unwrap();
        let directory_path = directory.path().canonicalize().unwrap();
        let path = directory_path.join("held");
        let file = std::fs::File::create(&path).unwrap();
        let mut child = Command::new("sleep")
            .arg("60")
            .current_dir(&directory_path)
            .stdin(Stdio::from(std::fs::File::open(&path).unwrap()))
            .spawn()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let pid = child.id() as i32;
        let by_child = |scan: Scan<FileHolder>| {
            scan.found
                .into_iter()
                .filter(|holder| holder.pid == pid)
                .collect::<Vec<_>>()
        };

        let status = rustix::fs::fstat(&file).unwrap();
        let exact = holders_of(status.st_dev, status.st_ino, Mappings::Skip).unwrap();
        assert!(
            exact
                .found
                .iter()
                .any(|holder| holder.pid == std::process::id() as i32)
        );
        let descriptor = FileHolder {
            pid,
            hold: FileUse::Descriptor(0),
        };
        assert_eq!(by_child(exact), [descriptor]);

        let directory_hold = FileHolder {
            pid,
            hold: FileUse::WorkingDirectory,
        };
        let beneath = by_child(holders_beneath(&directory_path, Mappings::Skip).unwrap());
        assert_eq!(beneath, [descriptor, directory_hold]);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_running_program_is_held_by_mapping_and_execution() {
        let own = std::process::id() as i32;
        let program = std::env::current_exe().unwrap().canonicalize().unwrap();
        let scan = holders_beneath(&program, Mappings::Include).unwrap();
        for hold in [FileUse::Executable, FileUse::Mapping] {
            assert!(
                scan.found.contains(&FileHolder { pid: own, hold }),
                "{hold:?}"
            );
        }
    }
}
