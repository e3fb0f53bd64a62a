//! What can go wrong here, in the one error of the library boundary.

use std::io;
use std::process::Command;

use backstop_core::error::{Error, ErrorKind, Stage};

pub(crate) fn not_started(command: &Command, label: &str, cause: io::Error) -> Error {
    Error::io(Stage::Open, "the command cannot be started", cause)
        .of(label)
        .with("program", command.get_program().display())
}

pub(crate) fn no_thread(name: &str, cause: io::Error) -> Error {
    Error::io(Stage::Open, "the thread cannot be started", cause).of(name)
}

pub(crate) fn status_taken(label: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        Stage::Use,
        "it has exited, and somebody else collected its exit status",
    )
    .of(label)
}

pub(crate) fn alive(label: &str, count: usize) -> Error {
    Error::new(
        ErrorKind::Deadline,
        Stage::Release,
        "processes outlive being killed",
    )
    .of(label)
    .with("alive", count)
}
