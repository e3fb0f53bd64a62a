//! The subcommands: each its arguments, its work and its rendering.

pub(crate) mod run;

pub(crate) mod ps;
pub(crate) mod who;

pub(crate) mod sweep;

pub(crate) mod watch;

pub(crate) mod check;

pub(crate) mod history;
pub(crate) mod report;

pub(crate) mod init;

pub(crate) mod completions;

use crate::arguments::{Arguments, Command};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;

/// Does what was asked.
pub(crate) fn execute(arguments: &Arguments) -> Result<Exit, Failure> {
    let settings = || Settings::read(arguments.config.as_deref());
    match &arguments.command {
        Command::Run(run) => run.execute(&settings()?),
        Command::Ps(ps) => ps.execute(),
        Command::Who(who) => who.execute(),
        Command::Sweep(sweep) => sweep.execute(&settings()?),
        Command::Watch(watch) => watch.execute(&settings()?),
        Command::Check(check) => check.execute(&settings()?),
        Command::Report(report) => report.execute(&settings()?),
        Command::History(history) => history.execute(&settings()?),
        Command::Init(init) => init.execute(),
        Command::Completions(completions) => completions.execute(),
    }
}

/// Checks that the settings mean something to the command, and does nothing.
pub(crate) fn check(arguments: &Arguments, settings: &Settings) -> Result<(), Failure> {
    match &arguments.command {
        Command::Run(run) => run.check(settings),
        Command::Sweep(sweep) => sweep.check(settings),
        Command::Watch(watch) => watch.check(settings),
        Command::Report(report) => report.check(settings),
        Command::History(history) => history.check(settings),
        Command::Ps(_)
        | Command::Who(_)
        | Command::Check(_)
        | Command::Init(_)
        | Command::Completions(_) => Ok(()),
    }
}
