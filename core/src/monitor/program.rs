//! Programs that are running, by name.

use std::io;
use std::path::Path;

use backstop_os::process_table;

/// The PIDs of the running programs of this name, without the calling process: by the name that the
/// kernel shows, or by the file name of what was executed, since the kernel cuts names to 15 bytes.
///
/// # Errors
/// The process table cannot be read.
///
/// # Examples
/// ```
/// let found = backstop_core::monitor::running_programs("no-such-program-anywhere")?;
/// assert!(found.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn running_programs(name: &str) -> io::Result<Vec<i32>> {
    let own = std::process::id().cast_signed();
    let all = process_table::all()?.into_iter();
    Ok(all
        .filter(|process| process.pid != own && !process.has_exited())
        .filter(|process| process.comm == name || executes(process.pid, name))
        .map(|process| process.pid)
        .collect())
}

fn executes(pid: i32, name: &str) -> bool {
    let Ok(arguments) = process_table::command_line(pid) else {
        return false;
    };
    let first = arguments.first().map(Path::new);
    first
        .and_then(Path::file_name)
        .is_some_and(|file| file == name)
}
