//! The error type of the library.
//!
//! Takes what went wrong and where; returns a value with the kind of failure, the stage at which it
//! occurred, the resource, and whether a retry can help.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system or this build cannot do it.
    Unsupported,
    /// Permission was denied.
    Denied,
    /// It does not exist.
    NotFound,
    /// A limit was reached: open files, bytes, pool size, record size.
    Limit,
    /// A deadline passed before it was done.
    Deadline,
    /// It was cancelled.
    Cancelled,
    /// The resource was released or revoked before this use.
    Revoked,
    /// Data is malformed.
    Corrupt,
    /// Identity could not be proven, so nothing was changed.
    Unproven,
    /// A setting is invalid.
    Configuration,
    /// A callback panicked.
    Panicked,
    /// Another process or user holds it.
    Held,
    /// Any other I/O failure.
    Io,
}

/// What was being done when the failure occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Opening or creating the resource.
    Open,
    /// Recording it in the ledger.
    Track,
    /// Using it.
    Use,
    /// Releasing it.
    Release,
    /// Checking whether it is gone.
    Verify,
    /// Releasing it on behalf of a dead owner.
    Reclaim,
    /// Reading a ledger, a recipe or a receipt.
    Read,
    /// Reading settings.
    Configure,
}

/// Whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call will fail the same way.
    Never,
    /// It may succeed later.
    Later,
}

/// A failure at the library boundary.
///
/// Its `Display` is a single sentence; the causes are in [`source`](StdError::source) and are
/// printed once, by the program that shows the chain.
///
/// # Examples
/// ```
/// use backstop_core::error::{Error, ErrorKind, Stage};
///
/// let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
/// let error = Error::io(Stage::Open, "cannot create the directory", denied).with("path",
/// "/srv/x");
/// assert_eq!(error.kind(), ErrorKind::Denied);
/// assert_eq!(error.to_string(), "cannot create the directory (path /srv/x)");
/// assert_eq!(error.chain(), "cannot create the directory (path /srv/x): permission denied");
/// ```
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    stage: Stage,
    message: Cow<'static, str>,
    resource: Option<String>,
    retry: Retry,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with this message: lower case, no full stop.
    pub fn new(kind: ErrorKind, stage: Stage, message: impl Into<Cow<'static, str>>) -> Self {
        let retry = match kind {
            ErrorKind::Deadline | ErrorKind::Limit | ErrorKind::Held | ErrorKind::Io => {
                Retry::Later
            }
            _ => Retry::Never,
        };
        Self(Box::new(Details {
            kind,
            stage,
            message: message.into(),
            resource: None,
            retry,
            context: Vec::new(),
            source: None,
        }))
    }

    /// An error caused by a failed system call or file operation.
    pub fn io(stage: Stage, message: impl Into<Cow<'static, str>>, cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match cause.kind() {
            Io::PermissionDenied => ErrorKind::Denied,
            Io::NotFound => ErrorKind::NotFound,
            Io::Unsupported => ErrorKind::Unsupported,
            Io::StorageFull | Io::QuotaExceeded | Io::OutOfMemory => ErrorKind::Limit,
            Io::TimedOut => ErrorKind::Deadline,
            Io::InvalidData => ErrorKind::Corrupt,
            _ => ErrorKind::Io,
        };
        Self::new(kind, stage, message).with_source(cause)
    }

    /// Sets the name of the resource.
    #[must_use]
    pub fn of(mut self, resource: impl Into<String>) -> Self {
        self.0.resource = Some(resource.into());
        self
    }

    /// Adds a fact, such as a path or an offset.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((name, value.to_string()));
        self
    }

    /// Sets whether a retry can help.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// The resource concerned, if known.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.0.resource.as_deref()
    }

    /// Whether a retry can help.
    #[must_use]
    pub fn can_retry(&self) -> bool {
        self.0.retry == Retry::Later
    }

    /// The message and all its causes, joined by `: `, for outputs that hold text only.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resource) = &self.0.resource {
            write!(formatter, "{resource}: ")?;
        }
        formatter.write_str(&self.0.message)?;
        for (index, (name, value)) in self.0.context.iter().enumerate() {
            let separator = if index == 0 { " (" } else { ", " };
            write!(formatter, "{separator}{name} {value}")?;
        }
        if !self.0.context.is_empty() {
            formatter.write_str(")")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_sentence_and_chain_has_the_causes() {
        let cause = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = Error::io(Stage::Release, "cannot remove the directory", cause)
            .of("tempfs.dir job-1")
            .with("path", "/tmp/x");
        assert_eq!(
            error.to_string(),
            "tempfs.dir job-1: cannot remove the directory (path /tmp/x)"
        );
        assert_eq!(error.chain(), format!("{error}: permission denied"));
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(!error.can_retry());
    }
}
