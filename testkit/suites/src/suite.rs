//! The suites. A new one is a new row.

use std::fmt;
use std::str::FromStr;

/// A part of the tests that cannot run on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// A real browser with its driver, and a script that drives it.
    Browser,
    /// Cgroups (v2) that the tests' user may create.
    Cgroup,
    /// A process that adopts orphans.
    Subreaper,
    /// A chosen PID, as a dead process's successor has it.
    PidReuse,
    /// A file in the inode of one that was removed.
    InodeReuse,
    /// A PID namespace of a test's own.
    PidNamespace,
    /// A file system mounted where only the test sees it.
    Mount,
    /// Files and processes of another user.
    OtherUsers,
    /// A process that shows neither arguments nor environment.
    FacelessProcess,
    /// A disk without free space.
    FullDisk,
    /// A disk that cannot be written.
    ReadOnlyDisk,
    /// A machine without a usable `/dev/shm`.
    NoSharedMemory,
    /// A machine without `/proc`.
    NoProc,
    /// A process without memory to map.
    NoMemory,
    /// Clocks of another course.
    ShiftedClocks,
    /// System calls that fail.
    FailingCalls,
    /// A process's identity by pidfs.
    Pidfs,
    /// A file system that records when a file was made.
    BirthTimes,
    /// The kernel's count of a process's reads.
    ReadCounts,
    /// A C library whose allocator returns memory on request.
    AllocatorTrim,
    /// A behaviour of the conformance suite.
    Conformance,
    /// The command as it is shipped.
    Shipped,
}

impl Suite {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Browser,
        Self::Cgroup,
        Self::Subreaper,
        Self::PidReuse,
        Self::InodeReuse,
        Self::PidNamespace,
        Self::Mount,
        Self::OtherUsers,
        Self::FacelessProcess,
        Self::FullDisk,
        Self::ReadOnlyDisk,
        Self::NoSharedMemory,
        Self::NoProc,
        Self::NoMemory,
        Self::ShiftedClocks,
        Self::FailingCalls,
        Self::Pidfs,
        Self::BirthTimes,
        Self::ReadCounts,
        Self::AllocatorTrim,
        Self::Conformance,
        Self::Shipped,
    ];

    /// The name, as it is in a log and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Cgroup => "cgroup",
            Self::Subreaper => "subreaper",
            Self::PidReuse => "pid-reuse",
            Self::InodeReuse => "inode-reuse",
            Self::PidNamespace => "pid-namespace",
            Self::Mount => "mount",
            Self::OtherUsers => "other-users",
            Self::FacelessProcess => "faceless-process",
            Self::FullDisk => "full-disk",
            Self::ReadOnlyDisk => "read-only-disk",
            Self::NoSharedMemory => "no-shared-memory",
            Self::NoProc => "no-proc",
            Self::NoMemory => "no-memory",
            Self::ShiftedClocks => "shifted-clocks",
            Self::FailingCalls => "failing-calls",
            Self::Pidfs => "pidfs",
            Self::BirthTimes => "birth-times",
            Self::ReadCounts => "read-counts",
            Self::AllocatorTrim => "allocator-trim",
            Self::Conformance => "conformance",
            Self::Shipped => "shipped",
        }
    }

    /// Why CI passes without this suite; `None` for one that must run there.
    ///
    /// A reason says what no installation and no privilege can bring.
    #[must_use]
    pub const fn may_be_skipped(self) -> Option<&'static str> {
        match self {
            Self::ReadCounts => Some(
                "a kernel built without CONFIG_TASK_IO_ACCOUNTING counts no reads; the count is of cost",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        let known = Self::ALL.iter().find(|suite| suite.name() == name);
        known.copied().ok_or_else(|| UnknownSuite(name.to_owned()))
    }
}

/// No suite has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSuite(String);

impl fmt::Display for UnknownSuite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unknown suite `{}`", self.0)
    }
}

impl std::error::Error for UnknownSuite {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_are_parsed_back() {
        for suite in Suite::ALL {
            assert_eq!(suite.name().parse(), Ok(*suite));
            let of_this_name = Suite::ALL
                .iter()
                .filter(|other| other.name() == suite.name());
            assert_eq!(of_this_name.count(), 1, "{suite}");
        }
        assert!("cgruop".parse::<Suite>().is_err());
    }

    #[test]
    fn all_is_the_whole_enum() {
        // The last one's number counts them: a new variant that is not in ALL fails here, as long as
        // the order is the same.
        for (number, suite) in Suite::ALL.iter().enumerate() {
            assert_eq!(*suite as usize, number, "{suite}");
        }
        assert_eq!(Suite::ALL.len(), Suite::Shipped as usize + 1);
    }

    #[test]
    fn few_may_be_skipped_and_none_that_a_promise_rests_on() {
        let allowed: Vec<_> = Suite::ALL
            .iter()
            .filter(|suite| suite.may_be_skipped().is_some())
            .collect();
        assert_eq!(allowed, [&Suite::ReadCounts]);
    }
}
