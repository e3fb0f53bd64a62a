//! The result of a check.

use std::fmt;

use serde::Serialize;

/// What code left behind.
#[derive(Debug, Clone, Serialize)]
#[must_use = "a report can name leaks"]
pub struct LeakReport {
    /// The place of the check in the code.
    pub site: String,
    /// How often the body ran.
    pub repetitions: u32,
    /// What it left; empty if it is clean.
    pub leaks: Vec<Leak>,
    /// What was not compared, and why.
    pub not_compared: Vec<String>,
}

/// Items of one sort that were left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The sort.
    pub sort: LeakSort,
    /// What they are: the kind of a resource, `socket` or `file` for a descriptor; otherwise empty.
    pub what: String,
    /// Where in the code they were opened. Untracked items have no site of their own; for them it
    /// is the place of the check.
    pub site: String,
    /// How many.
    pub count: u64,
    /// Some of them, at most [`Leak::EXAMPLES`].
    pub examples: Vec<String>,
}

/// The sorts of items that can be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeakSort {
    /// A tracked resource.
    Resource,
    /// A file descriptor.
    Handle,
    /// A thread.
    Thread,
    /// A child process, running or not reaped.
    Child,
    /// A temp file or directory.
    TempFile,
}

impl Leak {
    /// The maximum number of examples kept.
    pub const EXAMPLES: usize = 8;
}

impl LeakReport {
    /// Whether nothing was left, of what was compared.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }

    /// Does nothing if nothing was left.
    ///
    /// # Panics
    /// Something was left.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.is_clean(), "{self}");
    }
}

impl fmt::Display for LeakSort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Resource => "resource",
            Self::Handle => "handle",
            Self::Thread => "thread",
            Self::Child => "child",
            Self::TempFile => "temp file",
        })
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sort,
            what,
            site,
            count,
            examples,
        } = self;
        write!(formatter, "{count} × {sort}")?;
        if !what.is_empty() {
            write!(formatter, " {what}")?;
        }
        write!(formatter, " from {site}")?;
        if !examples.is_empty() {
            write!(formatter, ": {}", examples.join(", "))?;
        }
        if *count > examples.len() as u64 && !examples.is_empty() {
            formatter.write_str(", …")?;
        }
        Ok(())
    }
}

impl fmt::Display for LeakReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            site, repetitions, ..
        } = self;
        let times = if *repetitions == 1 { "time" } else { "times" };
        if self.is_clean() {
            write!(
                formatter,
                "nothing left by {site}, run {repetitions} {times}"
            )?;
        } else {
            write!(
                formatter,
                "left behind by {site}, run {repetitions} {times}:"
            )?;
        }
        for leak in &self.leaks {
            write!(formatter, "\n  {leak}")?;
        }
        for part in &self.not_compared {
            write!(formatter, "\n  (not compared: {part})")?;
        }
        Ok(())
    }
}
