//! The errors of places.

use std::io;
use std::path::Path;

use backstop_os::files::{Removal, RemovalRefusal};

use crate::error::{Error, ErrorKind, Retry, Stage};

/// In a forked child, where guards release nothing.
pub(super) fn forked() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        Stage::Open,
        "a forked child cannot create temp files: its guards release nothing, so they would be left behind",
    )
}

/// An operation on `path` failed.
pub(super) fn at(
    path: &Path,
    stage: Stage,
    message: &'static str,
) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::io(stage, message, error).with("path", path)
}

/// It was released before this use.
pub(super) fn revoked(path: &Path) -> Error {
    Error::new(
        ErrorKind::Revoked,
        Stage::Use,
        "it was released before this use",
    )
    .with("path", path.display())
}

/// The error of a removal that did not begin.
#[must_use]
pub fn refused(path: &Path, refusal: RemovalRefusal) -> Error {
    let kind = match &refusal {
        RemovalRefusal::Busy => ErrorKind::Held,
        RemovalRefusal::System { .. } => ErrorKind::Io,
        _ => ErrorKind::Unproven,
    };
    Error::new(kind, Stage::Release, "it was not removed")
        .with("path", path.display())
        .with_source(refusal)
}

/// The error of a removal that left something behind: what, and why.
#[must_use]
pub fn incomplete(path: &Path, removal: Removal) -> Error {
    let mut error = match (removal.error, removal.unfinished) {
        (Some(cause), _) => Error::io(Stage::Release, "its removal ended early", cause),
        (None, true) => Error::new(
            ErrorKind::Deadline,
            Stage::Release,
            "its removal was not finished in time",
        ),
        (None, false) => Error::new(
            ErrorKind::Io,
            Stage::Release,
            "some of it could not be removed",
        )
        .retry(Retry::Never),
    }
    .with("path", path.display());
    if removal.skipped.total() > 0 {
        error = error.with("left", removal.skipped.total());
    }
    for skipped in removal.skipped.listed().iter().take(3) {
        error = error.with(
            "such as",
            format_args!("{}: {}", skipped.path.display(), skipped.reason),
        );
    }
    error
}
