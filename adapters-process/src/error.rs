//! The errors of this crate, as core's `Error`.

use std::io;

use backstop_core::error::{Error, ErrorKind, Stage};

pub(crate) fn no_thread(name: &str, cause: io::Error) -> Error {
    Error::io(Stage::Open, "the thread cannot be started", cause).of(name)
}

pub(crate) fn status_taken(label: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        Stage::Use,
        "it has exited, and its exit status was collected elsewhere",
    )
    .of(label)
}
