//! The errors of this adapter.

use std::io;
use std::path::Path;

use backstop_core::error::{Error, Stage};

/// An operation on `path` failed.
pub(crate) fn at(
    path: &Path,
    stage: Stage,
    message: &'static str,
) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::io(stage, message, error).with("path", path)
}
