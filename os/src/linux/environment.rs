//! Finds processes by their environment.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use super::{process_table, procfs};
use crate::identity::Cookie;
use crate::scan::Scan;

/// Longer than the longest argument list that Linux accepts by default.
const LONGEST_ENVIRONMENT: usize = 16 * 1024 * 1024;
/// Attempts, a millisecond apart.
const EXECUTION_TRIES: usize = 20;

/// The value of a variable in the environment that the process was executed with.
///
/// Variables that it set for itself afterwards are not visible.
///
/// # Errors
/// No process has this PID, it may not be inspected, its environment is longer than 16 MiB, or it
/// has been executing a program for 20 ms and shows no environment yet (`WouldBlock`).
pub fn environment_value(pid: i32, name: &std::ffi::OsStr) -> io::Result<Option<OsString>> {
    let environment = read(pid)?;
    let found = values(&environment, name.as_bytes()).next();
    Ok(found.map(|value| OsString::from_vec(value.to_vec())))
}

/// Whether its environment carries this cookie: as the run that it belongs to, or anywhere in its
/// lineage. A child that is just being started may show its parent's environment for a moment.
///
/// # Errors
/// As [`environment_value`].
pub fn has_cookie(pid: i32, cookie: &Cookie) -> io::Result<bool> {
    let environment = read(pid)?;
    let wanted = cookie.to_string();
    Ok(carried(&environment).any(|carried| carried == wanted.as_bytes()))
}

/// Every process whose environment carries this cookie, this one included.
///
/// A process that is executing a program at this moment shows nothing; it is read again for a short
/// time, and counts as unsettled if it still shows nothing.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn with_cookie(cookie: &Cookie) -> io::Result<Scan<i32>> {
    let scan = with_any_cookie(std::slice::from_ref(cookie))?;
    Ok(Scan {
        found: scan.found.into_iter().map(|(_, pid)| pid).collect(),
        unreadable: scan.unreadable,
        unsettled: scan.unsettled,
    })
}

/// Like [`with_cookie`] for several cookies in one scan: each process with the index of the cookie
/// that it carries, once for each of them.
///
/// # Errors
/// As [`with_cookie`].
pub(super) fn with_any_cookie(cookies: &[Cookie]) -> io::Result<Scan<(usize, i32)>> {
    let texts: Vec<String> = cookies.iter().map(Cookie::to_string).collect();
    let mut scan = Scan::default();
    for pid in process_table::pids()? {
        match read(pid) {
            Ok(environment) => {
                let carried: HashSet<&[u8]> = carried(&environment).collect();
                let is_carried = |text: &String| carried.contains(text.as_bytes());
                let found = texts.iter().enumerate();
                let found = found.filter(|(_, text)| is_carried(text));
                scan.found.extend(found.map(|(index, _)| (index, pid)));
            }
            Err(error) if procfs::is_gone(&error) => {}
            Err(error) if procfs::is_passing(&error) => scan.unsettled += 1,
            Err(_) if is_kernel_thread(pid) => {}
            Err(_) => scan.unreadable += 1,
        }
    }
    Ok(scan)
}

/// Kernel threads have no environment that could be hidden.
pub(super) fn is_kernel_thread(pid: i32) -> bool {
    process_table::stat(pid).is_ok_and(|stat| stat.is_kernel_thread)
}

/// Between switching to its new memory and filling it, a process that executes a program shows
/// neither environment nor arguments, and its parent may continue before that: in 5 of 12 test runs
/// a test met such a child right after its start.
fn read(pid: i32) -> io::Result<Vec<u8>> {
    for _ in 0..EXECUTION_TRIES {
        let environment = procfs::read_all(&format!("/proc/{pid}/environ"), LONGEST_ENVIRONMENT)?;
        if !environment.is_empty() {
            return Ok(environment);
        }
        let stat = process_table::stat(pid)?;
        if stat.is_kernel_thread || stat.has_exited() {
            return Ok(environment);
        }
        if !process_table::command_line(pid)?.is_empty() {
            // The arguments are filled in together with the environment, so these are settled; but
            // that may have happened after the first read.
            return procfs::read_all(&format!("/proc/{pid}/environ"), LONGEST_ENVIRONMENT);
        }
        // It waits for pages of the new program, and no event reports when it has them.
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::new(
        io::ErrorKind::WouldBlock,
        format!("process {pid} is executing a program and shows no environment yet"),
    ))
}

/// The cookies that an environment carries, as text. It may contain a variable twice; each value
/// was written by a process that knew the cookie.
fn carried(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    [Cookie::ENVIRONMENT_VARIABLE, Cookie::LINEAGE_VARIABLE]
        .into_iter()
        .flat_map(move |name| values(environment, name.as_bytes()))
        .flat_map(|value| value.split(|byte| *byte == b':'))
}

fn values<'e>(environment: &'e [u8], name: &'e [u8]) -> impl Iterator<Item = &'e [u8]> {
    environment
        .split(|byte| *byte == 0)
        .filter_map(move |entry| entry.strip_prefix(name)?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pinned::PinnedProcess;
    use crate::signal::Signal;
    use std::process::Command;

    #[test]
    fn a_name_is_not_found_in_longer_names_or_in_values() {
        let environment = b"AB=1\0XA=2\0C=A=3\0A=4\0A=5";
        assert_eq!(values(environment, b"A").collect::<Vec<_>>(), [b"4", b"5"]);
        assert_eq!(values(b"", b"A").count(), 0);
    }

    #[test]
    fn a_child_shows_its_cookie_as_soon_as_it_executes() {
        let cookie = Cookie::random();
        for _ in 0..200 {
            let mut child = Command::new("sleep")
                .arg("60")
                .env(Cookie::ENVIRONMENT_VARIABLE, cookie.to_string())
                .spawn()
                .unwrap();
            // The parent continues while the child still has the parent's memory for a moment.
            let late = std::time::Instant::now() + Duration::from_secs(60);
            while !has_cookie(child.id() as i32, &cookie).unwrap() {
                assert!(std::time::Instant::now() < late, "no cookie is visible");
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn every_cookie_in_the_lineage_is_found() {
        let [outer, inner] = [Cookie::random(), Cookie::random()];
        let mut child = Command::new("sleep")
            .arg("60")
            .env(Cookie::LINEAGE_VARIABLE, format!("{outer}:{inner}"))
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        assert!(has_cookie(pid, &outer).unwrap() && has_cookie(pid, &inner).unwrap());
        assert!(!has_cookie(pid, &Cookie::random()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn an_emptied_environment_is_read_as_empty() {
        let mut child = Command::new("sleep").arg("60").env_clear().spawn().unwrap();
        assert!(!has_cookie(child.id() as i32, &Cookie::random()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_double_forked_daemon_is_found_by_its_cookie() {
        let cookie = Cookie::random();
        let started = Command::new("sh")
            .args(["-c", "setsid sh -c 'sleep 60 & exit 0' & wait"])
            .env(Cookie::ENVIRONMENT_VARIABLE, cookie.to_string())
            .status()
            .unwrap();
        assert!(started.success());
        let scan = with_cookie(&cookie).unwrap();
        assert_eq!(scan.found.len(), 1, "{scan:?}");
        let daemon = PinnedProcess::pin(scan.found[0]).unwrap();
        assert!(daemon.has_cookie(&cookie).unwrap());
        assert!(!daemon.has_cookie(&Cookie::random()).unwrap());
        let value = environment_value(daemon.pid(), Cookie::ENVIRONMENT_VARIABLE.as_ref()).unwrap();
        assert_eq!(value, Some(OsString::from(cookie.to_string())));
        let _ = daemon.signal(Signal::KILL).unwrap();
        assert!(
            daemon
                .wait_exit(std::time::Duration::from_secs(10))
                .unwrap()
        );
        assert!(with_cookie(&cookie).unwrap().found.is_empty());
    }
}
