//! `backstop who`: the processes that use a path or a port.

use std::path::Path;

use backstop_core::ledger::{User, Users};
use backstop_core::text::counted;
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, add_row, note};

/// Show which processes use a path or port
///
/// Exit status 0 if any does, 1 if none does.
#[derive(Debug, Args)]
pub(crate) struct WhoArguments {
    /// A path, or a port written as :8080
    #[arg(value_name = "PATH|:PORT")]
    what: String,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    what: String,
    holders: Vec<HolderRow>,
    /// Processes that could not be inspected.
    unreadable: usize,
}

#[derive(Debug, Serialize)]
struct HolderRow {
    pid: i32,
    name: String,
    user: Option<u32>,
    how: String,
    /// The kinds and labels under which the process tracks it, or that it has a ledger at all.
    tracked: Option<String>,
    command: String,
}

impl WhoArguments {
    pub(crate) fn execute(&self) -> Result<Exit, Failure> {
        let answer = Answer::of(self.users()?);
        if self.json {
            output::write_json("who", &answer)?;
        } else {
            answer.print()?;
        }
        Ok(if answer.holders.is_empty() {
            Exit::FINDINGS
        } else {
            Exit::FINE
        })
    }

    fn users(&self) -> Result<Users, Failure> {
        match self.what.strip_prefix(':') {
            Some(port) => {
                let port: u16 = port.parse().map_err(|_| {
                    let what = &self.what;
                    Failure::usage(format!("invalid port `{what}`: expected :1 to :65535"))
                })?;
                Ok(Users::of_port(port)?)
            }
            None => Users::of_path(Path::new(&self.what)).map_err(|error| {
                // A port without its colon is the likely mistake.
                match self.what.parse::<u16>() {
                    Ok(port) => Failure::usage(format!(
                        "no file `{port}` can be examined; for the port, write `:{port}`"
                    )),
                    Err(_) => error.into(),
                }
            }),
        }
    }
}

impl Answer {
    fn of(users: Users) -> Self {
        Self {
            what: users.what,
            holders: users.users.into_iter().map(HolderRow::of).collect(),
            unreadable: users.unreadable,
        }
    }

    fn print(&self) -> std::io::Result<()> {
        if self.holders.is_empty() {
            note(&format!("no process uses {}", self.what));
        } else {
            let mut table = output::table(&["PID", "NAME", "USER", "USE", "TRACKED", "COMMAND"]);
            for holder in &self.holders {
                let cells = [
                    holder.pid.to_string(),
                    holder.name.clone(),
                    holder.user.map_or("?".into(), |user| user.to_string()),
                    holder.how.clone(),
                    holder.tracked.clone().unwrap_or_else(|| "-".into()),
                    holder.command.chars().take(80).collect(),
                ];
                add_row(&mut table, cells);
            }
            output::write_table(&table)?;
        }
        if self.unreadable > 0 {
            let processes = counted(self.unreadable as u64, "process", "processes");
            note(&format!("{processes} could not be inspected"));
        }
        Ok(())
    }
}

impl HolderRow {
    fn of(user: User) -> Self {
        Self {
            pid: user.pid,
            name: user.name.unwrap_or_else(|| "?".into()),
            user: user.uid,
            how: user.usage.to_string(),
            tracked: user.tracked.map(|labels| match labels.is_empty() {
                true => "has a ledger".into(),
                false => labels.join(", "),
            }),
            command: user.command,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_without_its_colon_is_pointed_out() {
        let arguments = WhoArguments {
            what: "54321".into(),
            json: false,
        };
        let failure = arguments.users().expect_err("there is no such file");
        assert!(
            failure.message().contains("write `:54321`"),
            "{}",
            failure.message()
        );
    }
}
