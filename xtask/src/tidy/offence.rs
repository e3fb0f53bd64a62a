//! What a check found.

use std::fmt;

/// A rule that a place in the tree breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    pub(crate) severity: Severity,
    pub(crate) path: String,
    /// The line, from 1; 0 stands for the file as a whole.
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    pub(crate) message: String,
}

/// Whether it fails the check. Warnings are printed first, so that failures end the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Warns,
    Fails,
}

impl Offence {
    pub(crate) fn failure(
        rule: &'static str,
        path: &str,
        line: usize,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Fails,
            path: path.to_owned(),
            line,
            rule,
            message: message.into(),
        }
    }

    pub(crate) fn warning(
        rule: &'static str,
        path: &str,
        line: usize,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warns,
            ..Self::failure(rule, path, line, message)
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warns => "warning",
            Severity::Fails => "error",
        };
        write!(formatter, "{severity}: {}", self.path)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        write!(formatter, ": {} [{}]", self.message, self.rule)
    }
}
