//! Why a program does not run.

use std::io;

/// What refused to start a program.
#[derive(Debug)]
pub enum NotStarted {
    /// The control group, or the way into it: the program may start in another way.
    Group(io::Error),
    /// The program itself.
    Program(io::Error),
}
