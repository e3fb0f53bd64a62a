//! Which processes use a path or a port, and whether their ledgers record it.

use std::net::SocketAddr;
use std::path::Path;

use backstop_os::holder::{FileUse, Mappings};
use backstop_os::{holders, process_table, sockets};
use serde::Serialize;

use super::reading::{ReadAll, read_all};
use crate::error::{Error, Stage};

/// The processes that use something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Users {
    /// What: the path without links, or the port as `:8080`.
    pub what: String,
    /// The processes; one that uses it in several ways is listed for each.
    pub users: Vec<User>,
    /// Processes that could not be inspected, and may use it as well.
    pub unreadable: usize,
}

/// A process that uses something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct User {
    /// The process.
    pub pid: i32,
    /// Its name, where it can be read.
    pub name: Option<String>,
    /// Whose process it is.
    pub uid: Option<u32>,
    /// In which way it uses it.
    #[serde(rename = "use")]
    pub usage: Usage,
    /// What its ledger records under this name, as `kind label`; `None` if it has no ledger.
    pub tracked: Option<Vec<String>>,
    /// Its command line.
    pub command: String,
}

/// In which way a process uses something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Usage {
    /// It listens on the port: the protocol and the address.
    Listens(String, SocketAddr),
    /// It has it open, as the descriptor of this number.
    Open(i32),
    /// It is its working directory.
    WorkingDirectory,
    /// It is its root directory.
    Root,
    /// It executes it.
    Executes,
    /// It has it mapped into its memory.
    Mapped,
    /// In another way.
    Other,
}

impl Users {
    /// The processes that listen on a port.
    ///
    /// # Errors
    /// The process table or the sockets cannot be read.
    pub fn of_port(port: u16) -> Result<Self, Error> {
        let failed = |error| Error::io(Stage::Read, "listening ports cannot be read", error);
        let pids = process_table::pids().map_err(failed)?;
        let scan = sockets::listening_ports(&pids).map_err(failed)?;
        let found = scan.found.into_iter().filter(|one| one.port == port);
        let found = found.map(|one| {
            let protocol = format!("{:?}", one.protocol).to_lowercase();
            let address = SocketAddr::new(one.address, one.port);
            (one.pid, Usage::Listens(protocol, address))
        });
        Ok(Self::of(&format!(":{port}"), found, scan.unreadable))
    }

    /// The processes that use a file, or anything in a directory.
    ///
    /// # Errors
    /// There is no such path, or the process table cannot be read.
    pub fn of_path(path: &Path) -> Result<Self, Error> {
        let failed = |error| {
            Error::io(Stage::Read, "the path cannot be examined", error)
                .with("path", path.display())
        };
        let real = path.canonicalize().map_err(failed)?;
        let scan = if real.is_dir() {
            holders::holders_beneath(&real, Mappings::Include)
        } else {
            numbers_of(&real)
                .and_then(|(device, inode)| holders::holders_of(device, inode, Mappings::Include))
        };
        let scan = scan.map_err(failed)?;
        let found = scan.found.into_iter().map(|holder| {
            let usage = match holder.hold {
                FileUse::Descriptor(number) => Usage::Open(number),
                FileUse::WorkingDirectory => Usage::WorkingDirectory,
                FileUse::Root => Usage::Root,
                FileUse::Executable => Usage::Executes,
                FileUse::Mapping => Usage::Mapped,
                _ => Usage::Other,
            };
            (holder.pid, usage)
        });
        Ok(Self::of(
            &real.display().to_string(),
            found,
            scan.unreadable,
        ))
    }

    fn of(what: &str, found: impl Iterator<Item = (i32, Usage)>, unreadable: usize) -> Self {
        let ledgers = read_all();
        let user = |(pid, usage)| {
            let words = process_table::command_line(pid).unwrap_or_default();
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            User {
                pid,
                name: process_table::stat(pid).ok().map(|stat| stat.comm),
                uid: process_table::owner_uid(pid).ok(),
                usage,
                tracked: tracked(&ledgers, pid, what),
                command: words.join(" "),
            }
        };
        Self {
            what: what.to_owned(),
            users: found.map(user).collect(),
            unreadable,
        }
    }
}

#[cfg(unix)]
fn numbers_of(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn numbers_of(_path: &Path) -> std::io::Result<(u64, u64)> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn tracked(ledgers: &ReadAll, pid: i32, what: &str) -> Option<Vec<String>> {
    let mut all = ledgers.ledgers.iter();
    let own = all.find(|ledger| ledger.owner().process.pid == pid && ledger.is_owner_alive())?;
    let entries = own.entries().into_iter();
    Some(
        entries
            .filter(|entry| entry.label.contains(what))
            .map(|entry| format!("{} {}", entry.kind, entry.label))
            .collect(),
    )
}

impl std::fmt::Display for Usage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listens(protocol, address) => {
                write!(formatter, "listens on {protocol} {address}")
            }
            Self::Open(number) => write!(formatter, "open as file descriptor {number}"),
            Self::WorkingDirectory => formatter.write_str("working directory"),
            Self::Root => formatter.write_str("root directory"),
            Self::Executes => formatter.write_str("executes it"),
            Self::Mapped => formatter.write_str("memory-mapped"),
            Self::Other => formatter.write_str("uses it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_what_it_has_open_and_listens_on() {
        let own = std::process::id().cast_signed();
        let uses = |users: &Users| users.users.iter().any(|user| user.pid == own);
        let file = tempfile::NamedTempFile::new().unwrap();
        let users = Users::of_path(file.path()).unwrap();
        assert!(uses(&users), "{users:?}");
        let directory = Users::of_path(file.path().parent().unwrap()).unwrap();
        assert!(uses(&directory));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(uses(&Users::of_port(port).unwrap()));
        drop(listener);
        assert!(!uses(&Users::of_port(port).unwrap()));
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = Users::of_path(Path::new("/no/such/path")).unwrap_err();
        assert!(error.chain().contains("/no/such/path"), "{}", error.chain());
    }
}
