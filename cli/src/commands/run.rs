//! `backstop run`: a command under guard.

mod fail_on;
mod host;
mod summary;
mod watching;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use backstop_core::resource::Bytes;
use backstop_process::run::{Containment, ContainmentChoice, RunPlan};
use clap::{Args, ValueEnum};

use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::span;

use fail_on::FailOn;
use host::CommandHost;

/// Runs a command; nothing that it starts or leaves outlives it
///
/// The command gets a temp directory of its own (TMPDIR). When it ends, or is killed, whatever it left
/// is named, taken down (SIGTERM, then SIGKILL), removed, and verified to be gone. The summary goes to
/// standard error, and the exit code is the command's own.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RunArguments {
    /// Ends the command if it runs longer [default: no limit]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    timeout: Option<Duration>,

    /// How long the command has to end after it was asked to [default: 2s]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    grace: Option<Duration>,

    /// How long the rest of its tree has after that, before it is killed [default: 3s]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    kill_after: Option<Duration>,

    /// Ends the command if its whole tree has more memory resident, such as 2GB [default: no limit]
    #[arg(long, value_name = "SIZE")]
    max_rss: Option<Bytes>,

    /// The most files that each of its processes may have open [default: as inherited]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(3..))]
    max_files: Option<u64>,

    /// Watches the command, and writes the whole account to a file, with what it needed over time: .html
    /// with charts, .json, .md or .txt
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Exits with 70 if the command left any of these behind: processes, files, ports, memory
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    fail_on: Option<Vec<FailOn>>,

    /// Keeps the command's temp directory
    #[arg(long)]
    keep: bool,

    /// How the command's tree is held together [default: auto]
    #[arg(long, value_name = "HOW")]
    containment: Option<ContainmentArgument>,

    /// Prints no summary
    #[arg(long, short)]
    quiet: bool,

    /// Prints the summary as one JSON object, on standard error: standard output is the command's
    #[arg(long, conflicts_with = "quiet")]
    json: bool,

    /// The command and its arguments, behind `--`
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// How often a command is looked at for its report, unless `monitor.interval` says otherwise.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Ending early: SIGTERM, SIGINT, SIGHUP or SIGQUIT to backstop is passed to the command, which has --grace
to end; then its whole tree gets SIGTERM and has --kill-after; then SIGKILL. A second signal skips to
SIGKILL.

Exit codes: the command's own; 128 plus the number of the signal that ended it; 124 after --timeout;
126 and 127 if it cannot be executed or found; 70 if --fail-on matched.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ContainmentArgument {
    /// The strongest that can be had here
    Auto,
    /// A control group, or the next weaker if none can be had
    Cgroup,
    /// Adopting orphans and walking the tree
    Subreaper,
}

impl RunArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let plan = self.plan(settings)?;
        let host = self.host(settings)?;
        host.check_report()?;
        let code = backstop_process::run::run(&plan, &host)?;
        Ok(Exit::of_command(code))
    }

    /// Checks what the flags and the settings mean, and runs nothing.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.plan(settings)?;
        self.host(settings)?;
        Ok(())
    }

    fn host(&self, settings: &Settings) -> Result<CommandHost, Failure> {
        let monitoring = settings.monitoring(&[])?;
        Ok(CommandHost {
            report: self.report.clone(),
            fail_on: settings
                .get("run.fail-on", self.fail_on.clone(), fail_on::parse_list)?
                .unwrap_or_default(),
            quiet: settings.switch("run.quiet", self.quiet)?,
            json: self.json,
            interval: match settings.given("monitor.interval") {
                Some(_) => monitoring.interval(),
                None => WATCH_INTERVAL,
            },
            monitoring,
            watching: Mutex::new(None),
        })
    }

    /// What the flags and the settings mean together.
    fn plan(&self, settings: &Settings) -> Result<RunPlan, Failure> {
        let span = |name, flag| settings.get(name, flag, span::parse);
        let mut plan = RunPlan::of(self.command.clone());
        plan.timeout = span("run.timeout", self.timeout)?;
        plan.grace = span("run.grace", self.grace)?.unwrap_or(plan.grace);
        plan.kill_after = span("run.kill-after", self.kill_after)?.unwrap_or(plan.kill_after);
        plan.memory = settings.get("run.max-rss", self.max_rss, |text| {
            text.parse()
                .map_err(|error: backstop_core::resource::ParseBytesError| error.to_string())
        })?;
        plan.open_files = settings.get("run.max-files", self.max_files, |text| {
            text.parse()
                .ok()
                .filter(|count| *count >= 3)
                .ok_or_else(|| format!("`{text}` is not a whole number of 3 or more"))
        })?;
        plan.keep_files = settings.switch("run.keep", self.keep)?;
        let containment = settings.get("run.containment", self.containment, |text| {
            ContainmentArgument::from_str(text, true)
                .map_err(|_| format!("`{text}` is none of auto, cgroup, subreaper"))
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
