//! `backstop completions`: completions of the command line for a shell.

use clap::Args;
use clap_complete::Shell;

use crate::exit::{Exit, Failure};

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Shell to print completions for
    shell: Shell,
}

impl CompletionsArguments {
    pub(crate) fn execute(&self, command: &mut clap::Command) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "backstop", &mut script);
        crate::output::write(&script)?;
        Ok(Exit::FINE)
    }
}
