//! The processes that a command left behind, recorded while they still run.

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::resource::{Bytes, Rung};
use backstop_os::pinned::PinnedProcess;
use backstop_os::socket_table::ListeningPort;
use backstop_os::{process_table, sockets};
use serde::Serialize;

/// A process that was still alive after the command had exited.
#[derive(Debug, Clone, Serialize)]
pub struct LeftProcess {
    /// Its PID.
    pub pid: i32,
    /// Its program's name.
    pub name: String,
    /// Its command line, as far as it could be read.
    pub command: String,
    /// Resident memory.
    pub resident: Bytes,
    /// The ports that it listened on, as `tcp 127.0.0.1:8080`.
    pub ports: Vec<String>,
    /// What ended it: `ask` if it exited by itself, `insist` for SIGTERM, `force` for SIGKILL; `None` if
    /// it did not end.
    pub ended_on: Option<Rung>,
}

/// Describes the living among `processes`, with the ports that they listen on.
pub(super) fn name<P: Borrow<PinnedProcess>>(processes: &[P]) -> Vec<LeftProcess> {
    let processes = processes.iter().map(Borrow::borrow);
    let pids: Vec<i32> = processes.clone().map(PinnedProcess::pid).collect();
    let ports = match pids.is_empty() {
        true => Vec::new(),
        false => sockets::listening_ports(&pids)
            .map(|scan| scan.found)
            .unwrap_or_default(),
    };
    processes
        .filter_map(|process| describe(process, &ports))
        .collect()
}

fn describe(process: &PinnedProcess, ports: &[ListeningPort]) -> Option<LeftProcess> {
    let stat = process.stat().ok()?;
    let words = process_table::command_line(stat.pid).unwrap_or_default();
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let mut command = words.join(" ");
    command.truncate(command.floor_char_boundary(400));
    Some(LeftProcess {
        pid: stat.pid,
        name: stat.comm,
        command,
        resident: Bytes(stat.resident_bytes),
        ports: ports
            .iter()
            .filter(|port| port.pid == stat.pid)
            .map(|port| {
                let protocol = match port.protocol {
                    backstop_os::socket_table::Protocol::Tcp => "tcp",
                    backstop_os::socket_table::Protocol::Udp => "udp",
                };
                let address = std::net::SocketAddr::new(port.address, port.port);
                format!("{protocol} {address}")
            })
            .collect(),
        ended_on: None,
    })
}

/// Waits a moment for processes that are about to exit anyway, such as the other end of a pipe or a helper
/// that was asked to quit. Returns those that did not.
pub(super) fn settle(
    processes: Vec<Arc<PinnedProcess>>,
    moment: Duration,
) -> Vec<Arc<PinnedProcess>> {
    let deadline = std::time::Instant::now() + moment;
    // If waiting fails, a process that is about to exit is reported.
    let _ = backstop_os::pinned::still_running(&processes, deadline);
    processes
        .into_iter()
        .filter(|process| !process.has_exited())
        .collect()
}
