//! Executes the command that was asked for.

use crate::arguments::{self, Arguments, Command};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Executes the command.
pub(crate) fn execute(arguments: &Arguments) -> Result<Exit, Failure> {
    let settings = || Settings::read(arguments.config.as_deref());
    match &arguments.command {
        Command::Run(run) => run.execute(&settings()?),
        Command::Ps(ps) => ps.execute(),
        Command::Who(who) => who.execute(),
        Command::Sweep(sweep) => sweep.execute(&settings()?),
        #[cfg(feature = "monitor")]
        Command::Watch(watch) => watch.execute(&settings()?),
        #[cfg(feature = "monitor")]
        Command::Check(check) => check.execute(&settings()?),
        #[cfg(feature = "monitor")]
        Command::Report(report) => report.execute(&settings()?),
        #[cfg(feature = "monitor")]
        Command::History(history) => history.execute(&settings()?),
        #[cfg(feature = "monitor")]
        Command::Init(init) => init.execute(),
        Command::Completions(completions) => completions.execute(&mut arguments::command()),
    }
}

/// Checks that the settings are valid for the command, and does nothing.
pub(crate) fn check(arguments: &Arguments, settings: &Settings) -> Result<(), Failure> {
    match &arguments.command {
        Command::Run(run) => run.check(settings),
        Command::Sweep(sweep) => sweep.check(settings),
        #[cfg(feature = "monitor")]
        Command::Watch(watch) => watch.check(settings),
        #[cfg(feature = "monitor")]
        Command::Report(report) => report.check(settings),
        #[cfg(feature = "monitor")]
        Command::History(history) => history.check(settings),
        #[cfg(feature = "monitor")]
        Command::Check(_) | Command::Init(_) => Ok(()),
        Command::Ps(_) | Command::Who(_) | Command::Completions(_) => Ok(()),
    }
}
