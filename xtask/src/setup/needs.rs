//! The table of what the build and its tests need. A new need is a new row.

use std::fmt;
use std::path::Path;
use std::process::Command;

use backstop_suites::Suite;

use crate::program;

/// One thing the machine must have.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: &'static str,
    pub(crate) check: Check,
    pub(crate) source: Source,
    pub(crate) why: &'static str,
    pub(crate) weight: Weight,
}

/// How it is detected.
#[derive(Debug)]
pub(crate) enum Check {
    /// Any of these programs is in the search path.
    Program(&'static [&'static str]),
    /// All of these programs are.
    Programs(&'static [&'static str]),
    /// `cargo <name> --version` succeeds.
    CargoCommand(&'static str),
    /// The system's own Python has this module.
    PythonModule(&'static str),
    /// A C header in the system's include directories.
    Header(&'static str),
}

/// Where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// A Debian package.
    Apt(&'static str),
    /// A crate with a binary.
    Cargo(&'static str),
}

/// What is lost without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// The build or the tests fail.
    Required,
    /// This suite reports itself as skipped.
    Suite(Suite),
    /// `cargo xtask ci` fails.
    Check,
    /// A question of `cargo xtask bench` is missed.
    Peer,
}

pub(crate) const ALL: &[Need] = &[
    Need {
        name: "C compiler",
        check: Check::Program(&["cc"]),
        source: Source::Apt("gcc"),
        why: "links every binary",
        weight: Weight::Required,
    },
    Need {
        name: "C headers",
        check: Check::Header("stdio.h"),
        source: Source::Apt("libc6-dev"),
        why: "C libraries that crates build from source",
        weight: Weight::Required,
    },
    Need {
        name: "cargo-nextest",
        check: Check::CargoCommand("nextest"),
        source: Source::Cargo("cargo-nextest"),
        why: "runs each test in a process of its own",
        weight: Weight::Required,
    },
    Need {
        name: "python3",
        check: Check::Program(&["python3"]),
        source: Source::Apt("python3-minimal"),
        why: "programs in another language that tests start and monitor",
        weight: Weight::Required,
    },
    Need {
        name: "util-linux",
        check: Check::Programs(&["setsid", "unshare", "nsenter", "prlimit"]),
        source: Source::Apt("util-linux"),
        why: "sessions, namespaces and limits for the programs of tests",
        weight: Weight::Required,
    },
    Need {
        name: "mount",
        check: Check::Programs(&["mount", "umount"]),
        source: Source::Apt("mount"),
        why: "disks that tests mount in a private mount namespace",
        weight: Weight::Suite(Suite::Mount),
    },
    Need {
        name: "e2fsprogs",
        check: Check::Programs(&["chattr"]),
        source: Source::Apt("e2fsprogs"),
        why: "files that even root cannot remove",
        weight: Weight::Suite(Suite::Conformance),
    },
    Need {
        name: "chromium",
        check: Check::Program(&["chromium", "chromium-browser", "google-chrome"]),
        source: Source::Apt("chromium"),
        why: "the tests with a real browser",
        weight: Weight::Suite(Suite::Browser),
    },
    Need {
        name: "chromedriver",
        check: Check::Program(&["chromedriver"]),
        source: Source::Apt("chromium-driver"),
        why: "the tests with a real browser",
        weight: Weight::Suite(Suite::Browser),
    },
    Need {
        name: "valgrind",
        check: Check::Program(&["valgrind"]),
        source: Source::Apt("valgrind"),
        why: "counts the instructions of the hot paths",
        weight: Weight::Check,
    },
    Need {
        name: "tini",
        check: Check::Program(&["tini"]),
        source: Source::Apt("tini"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
    Need {
        name: "dumb-init",
        check: Check::Program(&["dumb-init"]),
        source: Source::Apt("dumb-init"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
    Need {
        name: "catatonit",
        check: Check::Program(&["catatonit"]),
        source: Source::Apt("catatonit"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
    Need {
        name: "bwrap",
        check: Check::Program(&["bwrap"]),
        source: Source::Apt("bubblewrap"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
    Need {
        name: "tmpreaper",
        check: Check::Program(&["tmpreaper"]),
        source: Source::Apt("tmpreaper"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
    Need {
        name: "systemd-tmpfiles",
        check: Check::Program(&["systemd-tmpfiles"]),
        source: Source::Apt("systemd-standalone-tmpfiles"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
    Need {
        name: "psutil",
        check: Check::PythonModule("psutil"),
        source: Source::Apt("python3-psutil"),
        why: "a peer in the benchmarks",
        weight: Weight::Peer,
    },
];

impl Need {
    pub(crate) fn is_met(&self) -> bool {
        match self.check {
            Check::Program(any) => any.iter().any(|name| program::find(name).is_some()),
            Check::Programs(all) => all.iter().all(|name| program::find(name).is_some()),
            Check::CargoCommand(name) => {
                program::succeeds(program::cargo().args([name, "--version"]))
            }
            // Not any Python in the search path: the package is for the system's.
            Check::PythonModule(name) => program::succeeds(
                Command::new("/usr/bin/python3").args(["-c", &format!("import {name}")]),
            ),
            Check::Header(name) => ["/usr/include", "/usr/local/include"]
                .iter()
                .any(|directory| Path::new(directory).join(name).is_file()),
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => formatter.write_str("required"),
            Self::Suite(suite) => write!(formatter, "else suite `{suite}` is skipped"),
            Self::Check => formatter.write_str("else `cargo xtask ci` fails"),
            Self::Peer => formatter.write_str("else a question of `cargo xtask bench` is missed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_suite_needs_is_of_a_suite_that_must_run() {
        for need in ALL {
            if let Weight::Suite(suite) = need.weight {
                assert_eq!(suite.may_be_skipped(), None, "{}", need.name);
            }
        }
    }

    #[test]
    fn what_is_absent_is_not_met() {
        let need = |check| Need {
            name: "x",
            check,
            source: Source::Apt("x"),
            why: "",
            weight: Weight::Peer,
        };
        assert!(!need(Check::Program(&["no-such-program"])).is_met());
        assert!(need(Check::Program(&["no-such-program", "sh"])).is_met());
        assert!(!need(Check::Programs(&["no-such-program", "sh"])).is_met());
        assert!(!need(Check::Header("no-such-header.h")).is_met());
        assert!(!need(Check::PythonModule("no_such_module")).is_met());
        assert!(!need(Check::CargoCommand("no-such-command")).is_met());
    }
}
