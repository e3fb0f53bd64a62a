//! The sentences in which this adapter fails.

use std::io;
use std::path::Path;

use backstop_core::error::{Error, ErrorKind, Retry, Stage};
use backstop_os::files::{Removal, RemovalRefusal};

/// In a forked child, where guards release nothing.
pub(crate) fn forked() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        Stage::Open,
        "a forked child makes no temp files: its guards release nothing, so they would stay",
    )
}

/// Something could not be done at `path`.
pub(crate) fn at(
    path: &Path,
    stage: Stage,
    message: &'static str,
) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::io(stage, message, error).with("path", path)
}

/// It was released before this use.
pub(crate) fn revoked(path: &Path) -> Error {
    Error::new(
        ErrorKind::Revoked,
        Stage::Use,
        "it was released before this use",
    )
    .with("path", path.display())
}

/// A removal did not begin.
pub(crate) fn refused(path: &Path, refusal: RemovalRefusal) -> Error {
    let kind = match &refusal {
        RemovalRefusal::Busy => ErrorKind::Held,
        RemovalRefusal::System { .. } => ErrorKind::Io,
        _ => ErrorKind::Unproven,
    };
    Error::new(kind, Stage::Release, "it was not removed")
        .with("path", path.display())
        .with_source(refusal)
}

/// A removal left something behind.
pub(crate) fn incomplete(path: &Path, removal: Removal) -> Error {
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
