//! `backstop run`: a command that is cleaned up after.

mod fail_on;
mod host;
#[cfg(feature = "monitor")]
mod report_file;
mod summary;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use backstop_core::resource::Bytes;
use backstop_process::run::{Containment, ContainmentChoice, RunPlan};
use clap::{Args, ValueEnum};

use crate::exit::{Exit, Failure};
use crate::settings::{self, Settings};

use fail_on::FailOn;
use host::CommandHost;
#[cfg(feature = "monitor")]
use report_file::ReportFile;

/// Run a command and clean up its processes, ports and temp files when it ends
///
/// The command gets a temp directory of its own (TMPDIR). When it ends, or is killed, everything it left
/// is listed, terminated (SIGTERM, then SIGKILL), removed, and verified to be gone. The summary goes to
/// standard error, and the exit code is the command's own.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RunArguments {
    /// Terminate the command after DURATION [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = settings::positive_duration)]
    timeout: Option<Duration>,

    /// Time to exit after SIGTERM, before the rest of its tree is signalled [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    grace: Option<Duration>,

    /// Time between SIGTERM and SIGKILL for the remaining processes [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    kill_after: Option<Duration>,

    /// Terminate the command if the resident memory of its tree exceeds SIZE [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = settings::positive_size)]
    max_rss: Option<Bytes>,

    /// Limit open files per process (RLIMIT_NOFILE) [default: as inherited]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(3..))]
    max_files: Option<u64>,

    /// Monitor the command and write a report to FILE; format by extension: .html (with charts), .json,
    /// .md or .txt
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Exit with 70 if the command left any of KINDS: processes, files, ports, memory
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    fail_on: Option<Vec<FailOn>>,

    /// Keep the command's temp directory
    #[arg(long)]
    keep: bool,

    /// How descendants are tracked [default: auto]
    #[arg(long, value_name = "MODE")]
    containment: Option<ContainmentArgument>,

    /// Print no summary
    #[arg(long, short)]
    quiet: bool,

    /// Print the summary as one JSON object, on standard error
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// The command and its arguments, after `--`
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Signals: SIGTERM, SIGINT, SIGHUP and SIGQUIT are passed on to the command, which has --grace to
exit. Then the rest of its tree gets SIGTERM and, after --kill-after, SIGKILL. A second signal
skips to SIGKILL.

Exit codes: the command's own; 128 plus the number of the signal that killed it; 124 after
--timeout; 125 if backstop itself fails; 126 and 127 if the command cannot be executed or found;
70 if --fail-on matched.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ContainmentArgument {
    /// The strongest mechanism available
    Auto,
    /// A cgroup, or subreaper if unavailable
    Cgroup,
    /// Adopt orphans and walk the process tree
    Subreaper,
}

impl RunArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let plan = self.plan(settings)?;
        let host = self.host(settings)?;
        host.check_report()?;
        let code =
            backstop_process::run::run(&plan, &host).map_err(|error| Failure::of_run(&error))?;
        Ok(Exit::of_command(code))
    }

    /// Checks the flags and the settings, and runs nothing.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.plan(settings)?;
        self.host(settings)?;
        Ok(())
    }

    fn host(&self, settings: &Settings) -> Result<CommandHost, Failure> {
        Ok(CommandHost {
            report: self.report_file(settings)?,
            fail_on: settings
                .get("run.fail-on", self.fail_on.clone(), fail_on::parse_list)?
                .unwrap_or_default(),
            quiet: settings.switch("run.quiet", self.quiet)?,
            // `--quiet` is stronger than a setting.
            json: !self.quiet && settings.switch("run.json", self.json)?,
        })
    }

    fn report_path(&self, settings: &Settings) -> Result<Option<PathBuf>, Failure> {
        let path = |text: &str| Ok(PathBuf::from(text));
        settings.get("run.report", self.report.clone(), path)
    }

    #[cfg(feature = "monitor")]
    fn report_file(&self, settings: &Settings) -> Result<Option<ReportFile>, Failure> {
        // A wrong setting of the monitor is an error also where there is no report.
        let monitoring = settings.monitoring(&[])?;
        let interval = settings.given("monitor.interval");
        let interval = interval.map(|_| monitoring.interval());
        let path = self.report_path(settings)?;
        Ok(path.map(|path| ReportFile::new(path, monitoring, interval)))
    }

    #[cfg(not(feature = "monitor"))]
    fn report_file(&self, settings: &Settings) -> Result<Option<host::NoReport>, Failure> {
        match self.report_path(settings)? {
            Some(_) => Err(crate::elsewhere::missing("`run --report`", "monitor")),
            None => Ok(None),
        }
    }

    /// The plan by flags and settings.
    fn plan(&self, settings: &Settings) -> Result<RunPlan, Failure> {
        let duration = |name, flag| settings.get(name, flag, settings::duration);
        let mut plan = RunPlan::of(self.command.clone());
        plan.timeout = settings.get("run.timeout", self.timeout, settings::positive_duration)?;
        plan.grace = duration("run.grace", self.grace)?.unwrap_or(plan.grace);
        plan.kill_after = duration("run.kill-after", self.kill_after)?.unwrap_or(plan.kill_after);
        plan.memory = settings.get("run.max-rss", self.max_rss, settings::positive_size)?;
        plan.open_files = settings.get("run.max-files", self.max_files, |text| {
            text.parse()
                .ok()
                .filter(|count| *count >= 3)
                .ok_or_else(|| {
                    format!("invalid value `{text}`: expected a whole number of 3 or more")
                })
        })?;
        plan.keep_files = settings.switch("run.keep", self.keep)?;
        let containment = settings.get("run.containment", self.containment, |text| {
            ContainmentArgument::from_str(text, true)
                .map_err(|_| format!("invalid value `{text}` (expected: auto, cgroup, subreaper)"))
        })?;
        plan.containment = match containment {
            Some(ContainmentArgument::Subreaper) => ContainmentChoice::Only(Containment::Subreaper),
            Some(ContainmentArgument::Cgroup | ContainmentArgument::Auto) | None => {
                ContainmentChoice::Strongest
            }
        };
        Ok(plan)
    }
}
