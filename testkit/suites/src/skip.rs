//! Reports that something could not be tested, so that it never counts as passed.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::Suite;

/// The variable that names the file in which skipped suites are collected.
pub const SKIP_LOG: &str = "BACKSTOP_SKIP_LOG";

/// What every line in it begins with. Then come the suite, the test in brackets, and the reason, each
/// followed by a colon but the last.
pub const SKIPPED: &str = "BACKSTOP-SKIPPED";

/// Reports that `suite`, or a part of it, could not run here, and why: on stderr, past libtest's capture,
/// and in the file that `BACKSTOP_SKIP_LOG` names.
///
/// # Panics
/// The file cannot be written: a suite that was not run would pass unseen.
pub fn skip(suite: Suite, reason: &str) {
    let test = env::var("NEXTEST_TEST_NAME").unwrap_or_else(|_| {
        // libtest names each test's thread after it.
        let thread = std::thread::current();
        thread.name().unwrap_or("unknown").to_owned()
    });
    // A line each: a reason of several would be read as several suites.
    let reason = reason.replace('\n', " ");
    let line = format!("{SKIPPED}: {suite} [{test}]: {reason}\n");
    // Stderr may be closed; the file is what counts.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let Some(path) = env::var_os(SKIP_LOG).filter(|path| !path.is_empty()) else {
        return;
    };
    if let Err(error) = append(Path::new(&path), &line) {
        panic!(
            "the skipped suite `{suite}` cannot be written to {}: {error}",
            path.display()
        );
    }
}

/// One write to a file opened for appending: the lines of tests side by side never mix.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}
