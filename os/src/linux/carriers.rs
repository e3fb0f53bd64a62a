//! Finds the processes of many trees by their cookies, in one scan of all processes.

use std::io;

use super::pinned::PinnedProcess;
use super::tree_pass::own_pid;
use super::{environment, procfs};
use crate::identity::Cookie;
use crate::scan::Scan;

/// Finds, pins and proves every living process except this one that carries one of the cookies,
/// each with the index of its cookie; one that carries two of them is returned twice.
///
/// Unreadable or unsettled processes may belong to any of them.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn carriers(cookies: &[Cookie]) -> io::Result<Scan<(usize, PinnedProcess)>> {
    let seen = environment::with_any_cookie(cookies)?;
    let mut scan = Scan {
        found: Vec::new(),
        unreadable: seen.unreadable,
        unsettled: seen.unsettled,
    };
    let others = seen.found.into_iter().filter(|(_, pid)| *pid != own_pid());
    for (index, pid) in others {
        // Read once more after it was pinned, because the PID may have been reused before.
        let proven = PinnedProcess::pin(pid)
            .and_then(|pinned| Ok(pinned.has_cookie(&cookies[index])?.then_some(pinned)));
        match proven {
            Ok(Some(pinned)) if !pinned.has_exited() => scan.found.push((index, pinned)),
            Ok(_) => {}
            Err(error) if procfs::is_gone(&error) => {}
            Err(error) if procfs::is_passing(&error) => scan.unsettled += 1,
            Err(_) => scan.unreadable += 1,
        }
    }
    Ok(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Signal;
    use std::process::Command;

    #[test]
    fn each_is_found_by_its_own_cookies_and_by_no_other() {
        let cookies = [Cookie::random(), Cookie::random(), Cookie::random()];
        let [first, second, _] = cookies;
        let start = |name: &str, value: String| {
            let mut command = Command::new("sleep");
            command.arg("60").env(name, value).spawn().unwrap()
        };
        let mut children = [
            start(Cookie::ENVIRONMENT_VARIABLE, first.to_string()),
            start(Cookie::LINEAGE_VARIABLE, format!("{first}:{second}")),
        ];
        let [one, two] = [0, 1].map(|index: usize| children[index].id() as i32);
        let found = || {
            let scan = carriers(&cookies).unwrap();
            let mut found: Vec<_> = scan
                .found
                .iter()
                .map(|(index, process)| (*index, process.pid()))
                .collect();
            found.sort_unstable();
            (found, scan)
        };
        let mut expected = vec![(0, one), (0, two), (1, two)];
        expected.sort_unstable();
        let (seen, scan) = found();
        assert_eq!(seen, expected);
        let _ = scan.found[0].1.signal(Signal::KILL).unwrap();
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(found().0.is_empty());
        assert!(carriers(&[]).unwrap().found.is_empty());
    }
}
