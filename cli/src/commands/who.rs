//! `backstop who`: who holds a path or a port.

use std::path::{Path, PathBuf};

use backstop_core::ledger;
use backstop_os::holder::{Hold, Mappings};
use backstop_os::scan::Scan;
use backstop_os::{holders, process_table, sockets};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output;

/// Shows who holds a path or a port
///
/// Exits with 0 if somebody does, with 1 if nobody does.
#[derive(Debug, Args)]
pub(crate) struct WhoArguments {
    /// A path, or a port written as :8080
    #[arg(value_name = "PATH|:PORT")]
    what: String,

    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    what: String,
    holders: Vec<HolderRow>,
    /// Processes that this user may not look into.
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
        let answer = match self.what.strip_prefix(':') {
            Some(port) => of_port(&self.what, port)?,
            None => of_path(&self.what)?,
        };
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
}

fn of_port(what: &str, port: &str) -> Result<Answer, Failure> {
    let number: u16 = port
        .parse()
        .map_err(|_| Failure::usage(format!("`{what}` is not a port: write :1 to :65535")))?;
    let pids = process_table::pids()?;
    let scan = sockets::listening_ports(&pids)?;
    let found: Vec<(i32, String)> = scan
        .found
        .into_iter()
        .filter(|port| port.port == number)
        .map(|port| {
            let protocol = format!("{:?}", port.protocol).to_lowercase();
            let address = std::net::SocketAddr::new(port.address, port.port);
            (port.pid, format!("listens on {protocol} {address}"))
        })
        .collect();
    Ok(Answer::of(what, found, scan.unreadable))
}

fn of_path(what: &str) -> Result<Answer, Failure> {
    let path = std::path::absolute(Path::new(what))?;
    let metadata = std::fs::symlink_metadata(&path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let real = path.canonicalize().unwrap_or_else(|_| path.clone());
    let scan = if metadata.is_dir() {
        holders::holders_beneath(&real, Mappings::Include)?
    } else {
        let (device, inode) = numbers_of(&real)?;
        holders::holders_of(device, inode, Mappings::Include)?
    };
    let Scan {
        found, unreadable, ..
    } = scan;
    let found = found
        .into_iter()
        .map(|holder| {
            let how = match holder.hold {
                Hold::Descriptor(number) => format!("has it open as {number}"),
                Hold::WorkingDirectory => "works in it".into(),
                Hold::Root => "has it as its root".into(),
                Hold::Executable => "executes it".into(),
                Hold::Mapping => "has it mapped".into(),
                _ => "holds it".into(),
            };
            (holder.pid, how)
        })
        .collect();
    Ok(Answer::of(&real.display().to_string(), found, unreadable))
}

#[cfg(unix)]
fn numbers_of(path: &PathBuf) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn numbers_of(_path: &PathBuf) -> std::io::Result<(u64, u64)> {
    Err(std::io::ErrorKind::Unsupported.into())
}

impl Answer {
    fn of(what: &str, found: Vec<(i32, String)>, unreadable: usize) -> Self {
        let ledgers = ledger::read_all().ledgers;
        let holders = found
            .into_iter()
            .map(|(pid, how)| {
                let words = process_table::command_line(pid).unwrap_or_default();
                let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
                let own = ledgers
                    .iter()
                    .find(|ledger| ledger.owner().process.pid == pid);
                HolderRow {
                    pid,
                    name: process_table::stat(pid).map_or_else(|_| "?".into(), |stat| stat.comm),
                    user: process_table::owner_uid(pid).ok(),
                    how,
                    tracked: own.map(|ledger| {
                        let labels: Vec<String> = ledger
                            .entries()
                            .iter()
                            .filter(|entry| entry.label.contains(what))
                            .map(|entry| format!("{} {}", entry.kind, entry.label))
                            .collect();
                        match labels.is_empty() {
                            true => "has a ledger".into(),
                            false => labels.join(", "),
                        }
                    }),
                    command: words.join(" "),
                }
            })
            .collect();
        Self {
            what: what.to_owned(),
            holders,
            unreadable,
        }
    }

    #[expect(clippy::print_stderr, reason = "standard output is for data only")]
    fn print(&self) -> std::io::Result<()> {
        if self.holders.is_empty() {
            eprintln!("backstop: nobody holds {}", self.what);
        } else {
            let mut table = output::table(&["PID", "NAME", "USER", "HOW", "TRACKED", "COMMAND"]);
            for holder in &self.holders {
                table.add_row([
                    holder.pid.to_string(),
                    holder.name.clone(),
                    holder.user.map_or("?".into(), |user| user.to_string()),
                    holder.how.clone(),
                    holder.tracked.clone().unwrap_or_else(|| "-".into()),
                    holder.command.chars().take(80).collect(),
                ]);
            }
            output::write_table(&table)?;
        }
        if self.unreadable > 0 {
            eprintln!(
                "backstop: {} processes of other users could not be looked into",
                self.unreadable
            );
        }
        Ok(())
    }
}
