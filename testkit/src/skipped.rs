//! Says that something could not be tested, so that it never counts as passed.

use std::fs::OpenOptions;
use std::io::Write;

/// The variable that names the file in which skipped suites are collected.
pub const SKIP_LOG: &str = "BACKSTOP_SKIP_LOG";

/// Says that `suite`, or a part of it, could not run here, and why: on stderr, past libtest's capture,
/// and in the file that `BACKSTOP_SKIP_LOG` names.
///
/// # Panics
/// The file cannot be written: a suite that was not run would pass unseen.
pub fn skip(suite: &str, reason: &str) {
    // A line each: a reason of several would be read as several suites.
    let reason = reason.replace('\n', " ");
    let line = format!("BACKSTOP-SKIPPED: {suite}: {reason}\n");
    // Nobody may be listening on stderr; the file is what counts.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let Some(path) = std::env::var_os(SKIP_LOG).filter(|path| !path.is_empty()) else {
        return;
    };
    // One write to a file opened for appending: the lines of tests side by side never mix.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!(
            "the skipped suite `{suite}` cannot be written to {}: {error}",
            path.display()
        );
    }
}
