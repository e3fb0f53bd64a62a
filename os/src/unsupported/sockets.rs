//! Finds the ports that processes listen on.

use std::io;

use crate::scan::Scan;
use crate::socket_table::ListeningPort;

/// # Errors
/// Always: the tables of sockets are not read on this system.
pub fn listening_ports(_pids: &[i32]) -> io::Result<Scan<ListeningPort>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the tables of sockets are not read on this system.
pub fn owners_of(_inodes: &[u64]) -> io::Result<Scan<(i32, u64)>> {
    Err(io::ErrorKind::Unsupported.into())
}
