//! Reads the process table.

use std::ffi::OsString;
use std::io;

use crate::process_stat::ProcessStat;

/// # Errors
/// Always: the process table is not read on this system.
pub fn pids() -> io::Result<Vec<i32>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn stat(_pid: i32) -> io::Result<ProcessStat> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn all() -> io::Result<Vec<ProcessStat>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn command_line(_pid: i32) -> io::Result<Vec<OsString>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn owner_uid(_pid: i32) -> io::Result<u32> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn open_files(_pid: i32) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn children(_pid: i32) -> io::Result<Vec<i32>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: the process table is not read on this system.
pub fn descendants(_pid: i32) -> io::Result<Vec<i32>> {
    Err(io::ErrorKind::Unsupported.into())
}
