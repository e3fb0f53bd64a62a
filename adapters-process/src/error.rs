//! What can go wrong here, in the one error of the library boundary.

use std::io;

use backstop_core::error::{Error, ErrorKind, Stage};

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
