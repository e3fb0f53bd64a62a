//! Finds the processes whose environment carries a cookie.

use std::io;

use super::pinned::PinnedProcess;
use super::{environment, procfs};
use crate::identity::Cookie;
use crate::scan::Scan;

/// The carriers of some cookies.
pub(super) struct Carriers {
    /// Each with the place of its cookie; one that carries two of them is there twice.
    pub(super) scan: Scan<(usize, PinnedProcess)>,
    /// Whether nothing moved during the look that could have hidden a process.
    pub(super) is_settled: bool,
}

/// Finds, pins and proves every living process but this one that carries one of the cookies, in one look
/// at all processes. What is unreadable or unsettled may carry any of them.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub(super) fn carriers(cookies: &[Cookie]) -> io::Result<Carriers> {
    let seen = environment::with_any_cookie(cookies)?;
    let mut scan = Scan {
        found: Vec::new(),
        unreadable: seen.unreadable,
        unsettled: seen.unsettled,
    };
    let mut is_settled = seen.unsettled == 0;
    let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    for (index, pid) in seen.found.into_iter().filter(|(_, pid)| *pid != own) {
        // Read once more after it was pinned, because the number may have been given away before.
        let proven = PinnedProcess::pin(pid)
            .and_then(|pinned| Ok(pinned.has_cookie(&cookies[index])?.then_some(pinned)));
        match proven {
            Ok(Some(pinned)) => scan.found.push((index, pinned)),
            Ok(None) => is_settled = false,
            Err(error) => {
                is_settled = false;
                if procfs::is_passing(&error) {
                    // Executing a program at this moment, or no descriptor is left.
                    scan.unsettled += 1;
                } else if !procfs::is_gone(&error) {
                    scan.unreadable += 1;
                }
            }
        }
    }
    Ok(Carriers { scan, is_settled })
}
