//! The subcommands: each its arguments, its work and its rendering.

pub(crate) mod run;

pub(crate) mod ps;
pub(crate) mod who;

pub(crate) mod sweep;

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
        Command::Completions(completions) => completions.execute(),
    }
}
