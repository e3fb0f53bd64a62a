//! How the command ends.

use std::error::Error as StdError;
use std::fmt;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(i32);

impl Exit {
    /// Success.
    pub(crate) const FINE: Self = Self(0);
    /// Findings that a person should check.
    pub(crate) const FINDINGS: Self = Self(1);
    /// A wrong command line or setting, and every other failure but those of `run`.
    pub(crate) const USAGE: i32 = 2;

    /// The exit code of a command that was run.
    pub(crate) fn of_command(code: u8) -> Self {
        Self(i32::from(code))
    }

    pub(crate) fn code(self) -> i32 {
        self.0
    }
}

/// Why the command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit: Exit,
}

impl Failure {
    /// Wrong usage or a wrong setting.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit: Exit(Exit::USAGE),
        }
    }

    /// Any other error; the chain of causes is printed here and nowhere else.
    pub(crate) fn of(error: &dyn StdError) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self {
            message,
            exit: Exit(Exit::USAGE),
        }
    }

    /// A failure of `run` itself, which no code of the command stands for.
    pub(crate) fn of_run(error: &dyn StdError) -> Self {
        Self {
            exit: Exit(125),
            ..Self::of(error)
        }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl From<backstop_core::error::Error> for Failure {
    fn from(error: backstop_core::error::Error) -> Self {
        Self::of(&error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of(&error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}
