//! The summary of a run, for people.

use std::fmt::Write;
use std::time::Duration;

use backstop_core::resource::Rung;
use backstop_core::text::{counted, printable, show_duration};
use backstop_process::run::{Ending, LeftProcess, RunReport};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What fits on a screen; the rest is counted.
    Some,
    /// Everything.
    All,
}

/// How many processes fit on a screen.
const PROCESSES: usize = 16;
/// How long a command line may be on a screen.
const COMMAND: usize = 60;

/// The summary as text, every line complete.
pub(super) fn text(report: &RunReport, detail: Detail) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, report, detail);
    text
}

fn write_all(text: &mut String, report: &RunReport, detail: Detail) -> std::fmt::Result {
    let command = clipped(&report.command, detail);
    if let Ending::SpawnError { error, .. } = &report.ending {
        // The error names the command, too.
        let own = error.strip_prefix(&format!("{}: ", report.command));
        return writeln!(
            text,
            "backstop: {command}: {}",
            printable(own.unwrap_or(error))
        );
    }
    let kept = report
        .files
        .as_ref()
        .is_some_and(|files| files.kept.is_some());
    let verdict = match (report.left_nothing(), report.stuck.is_empty()) {
        (true, _) => "nothing left behind",
        // A directory that is kept is not gone; everything else is.
        (false, true) if kept => "left behind, and gone now except the kept files:",
        (false, true) => "left behind, and gone now:",
        (false, false) => "left behind, and NOT all gone:",
    };
    writeln!(
        text,
        "backstop: {command}: {}, after {} ({}); {verdict}",
        ending(report),
        show_duration(report.took),
        report.containment,
    )?;
    write_processes(text, report, detail)?;
    write_files(text, report)?;
    for item in &report.swept.items {
        let line = format!("{} {} of {}", item.kind, item.label, item.owner);
        writeln!(text, "  {}", printable(&line))?;
    }
    for stuck in &report.stuck {
        writeln!(text, "  STUCK: {}", printable(stuck))?;
    }
    for note in report.notes.iter().chain(&report.containment_notes) {
        if detail == Detail::All || !report.left_nothing() || !report.notes.is_empty() {
            writeln!(text, "  note: {}", printable(note))?;
        }
    }
    Ok(())
}

fn ending(report: &RunReport) -> String {
    let code = match report.signal {
        Some(signal) => format!("killed by signal {signal}"),
        None => format!("exited with {}", report.code),
    };
    match &report.ending {
        Ending::Itself => code,
        Ending::Signal { signal } => format!("ended by {signal} ({code})"),
        Ending::Timeout { limit } => {
            let limit = Duration::try_from_secs_f64(*limit).unwrap_or(Duration::MAX);
            format!("ran longer than {} ({code})", show_duration(limit))
        }
        Ending::Memory { limit, resident } => {
            format!("used {resident} of memory, more than {limit} ({code})")
        }
        Ending::GuardianLost => format!("the guardian was killed ({code})"),
        Ending::SupervisorLost => "the supervisor was killed".into(),
        _ => code,
    }
}

fn write_processes(text: &mut String, report: &RunReport, detail: Detail) -> std::fmt::Result {
    let processes = &report.processes;
    if processes.is_empty() {
        return Ok(());
    }
    let ports = match report.ports() {
        0 => String::new(),
        count => format!(
            ", {}",
            counted(count as u64, "listening port", "listening ports")
        ),
    };
    writeln!(
        text,
        "  {}, {} of memory{ports}",
        counted(processes.len() as u64, "process", "processes"),
        report.memory
    )?;
    let shown = match detail {
        Detail::All => processes.len(),
        Detail::Some => PROCESSES.min(processes.len()),
    };
    // Those that listen come first: a taken port is what the next run trips over.
    let mut order: Vec<&LeftProcess> = processes.iter().collect();
    order.sort_by_key(|process| process.ports.is_empty());
    for process in &order[..shown] {
        let ended = match process.ended_on {
            Some(Rung::Force) => "SIGKILL",
            Some(Rung::Insist) => "SIGTERM",
            Some(Rung::Ask) => "itself",
            None => "alive",
        };
        let ports = match process.ports.as_slice() {
            [] => String::new(),
            ports => format!("[{}] ", printable(&ports.join(", "))),
        };
        writeln!(
            text,
            "    pid {:<7} {:<15} {:>9}  {ended}  {ports}{}",
            process.pid,
            printable(&process.name),
            process.resident.to_string(),
            clipped(&process.command, detail),
        )?;
    }
    if shown < processes.len() {
        let more = processes.len() - shown;
        writeln!(text, "    … and {more} more (--report FILE lists all)")?;
    }
    Ok(())
}

fn write_files(text: &mut String, report: &RunReport) -> std::fmt::Result {
    let Some(files) = &report.files else {
        return Ok(());
    };
    if let Some(kept) = &files.kept {
        writeln!(text, "  kept: {}", printable(&kept.to_string_lossy()))?;
    }
    if files.files + files.directories == 0 {
        return Ok(());
    }
    let names = files.names.join(", ");
    let file_count = counted(files.files, "temp file", "temp files");
    let more = if (files.names.len() as u64) < files.files + files.directories {
        ", …"
    } else {
        ""
    };
    writeln!(
        text,
        "  {}, {}: {}{more}",
        match files.directories {
            0 => file_count,
            count => format!(
                "{file_count} in {}",
                counted(count, "directory", "directories")
            ),
        },
        files.bytes,
        printable(&names),
    )
}

fn clipped(text: &str, detail: Detail) -> String {
    let line = printable(text);
    if detail == Detail::All || line.chars().count() <= COMMAND {
        return line.into_owned();
    }
    let mut short: String = line.chars().take(COMMAND - 1).collect();
    short.push('…');
    short
}
