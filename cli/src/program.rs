//! Which program a name or PID on the command line means.

use backstop_core::monitor::running_programs;

use crate::exit::Failure;

/// The PID that `text` names: a PID, or the name of the only such program.
pub(crate) fn find(text: &str) -> Result<i32, Failure> {
    if let Ok(pid) = text.parse::<i32>() {
        return match pid {
            1.. => Ok(pid),
            _ => Err(Failure::usage(format!("invalid PID `{text}`"))),
        };
    }
    let mut found = running_programs(text)?;
    match found[..] {
        [] => Err(Failure::usage(format!(
            "no program named `{text}` is running"
        ))),
        [pid] => Ok(pid),
        _ => {
            let count = found.len();
            found.truncate(16);
            let pids: Vec<String> = found.iter().map(i32::to_string).collect();
            Err(Failure::usage(format!(
                "{count} programs are named `{text}`: use one PID of {}",
                pids.join(", ")
            )))
        }
    }
}
