//! What a command must not leave behind.

use backstop_process::run::RunReport;
use clap::ValueEnum;

/// A kind of leftover that fails a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Processes that outlived the command
    Processes,
    /// Files in the command's temp directory
    Files,
    /// Ports that remaining processes listened on
    Ports,
    /// Memory of remaining processes
    Memory,
}

/// The exit code of a run that left what `--fail-on` names (`EX_SOFTWARE` of `sysexits.h`).
pub(crate) const CODE: u8 = 70;

impl FailOn {
    pub(crate) fn matches(self, report: &RunReport) -> bool {
        match self {
            Self::Processes => !report.processes.is_empty(),
            Self::Files => report.files.as_ref().is_some_and(|files| files.files > 0),
            Self::Ports => report.ports() > 0,
            Self::Memory => report.memory.0 > 0,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Files => "files",
            Self::Ports => "ports",
            Self::Memory => "memory",
        }
    }
}

/// Reads `processes,ports`.
pub(crate) fn parse_list(text: &str) -> Result<Vec<FailOn>, String> {
    text.split(',')
        .map(|word| {
            FailOn::from_str(word.trim(), true).map_err(|_| {
                format!(
                    "invalid value `{}` (expected: processes, files, ports, memory)",
                    word.trim()
                )
            })
        })
        .collect()
}
