//! Why a program could not be started.

use std::io;

/// What refused to start a program.
#[derive(Debug)]
pub enum SpawnError {
    /// The cgroup, or the way into it: the program may start in another way.
    Group(io::Error),
    /// The program itself.
    Program(io::Error),
}
