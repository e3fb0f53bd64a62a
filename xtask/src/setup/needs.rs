//! The table of what the build and its tests need. A new need is a new row.

use std::fmt;
use std::path::Path;
use std::process::Command;

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

/// How one sees that it is there.
#[derive(Debug)]
pub(crate) enum Check {
    /// Any of these programs is in the search path.
    Program(&'static [&'static str]),
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
    /// No build or no test starts.
    Required,
    /// This suite reports itself as skipped.
    Suite(&'static str),
    /// `cargo xtask ci` fails.
    Check,
    /// Only a comparison or a convenience.
    Optional,
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
        why: "libraries in C that crates bring with them",
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
        name: "chromium",
        check: Check::Program(&["chromium", "chromium-browser", "google-chrome"]),
        source: Source::Apt("chromium"),
        why: "the tests with a real browser",
        weight: Weight::Suite("browser"),
    },
    Need {
        name: "chromedriver",
        check: Check::Program(&["chromedriver"]),
        source: Source::Apt("chromium-driver"),
        why: "the tests with a real browser",
        weight: Weight::Suite("browser"),
    },
    Need {
        name: "python3",
        check: Check::Program(&["python3"]),
        source: Source::Apt("python3-minimal"),
        why: "the programs in another language that the process tests observe",
        weight: Weight::Suite("subreaper"),
    },
    Need {
        name: "setpriv",
        check: Check::Program(&["setpriv"]),
        source: Source::Apt("util-linux"),
        why: "the tests that act as another user",
        weight: Weight::Suite("mount"),
    },
    Need {
        name: "valgrind",
        check: Check::Program(&["valgrind"]),
        source: Source::Apt("valgrind"),
        why: "counts the instructions of the hot paths",
        weight: Weight::Check,
    },
    Need {
        name: "procps",
        check: Check::Program(&["ps"]),
        source: Source::Apt("procps"),
        why: "a second opinion on what is still running",
        weight: Weight::Suite("pid-reuse"),
    },
    Need {
        name: "iproute2",
        check: Check::Program(&["ss"]),
        source: Source::Apt("iproute2"),
        why: "a second opinion on listening ports",
        weight: Weight::Optional,
    },
    Need {
        name: "tini",
        check: Check::Program(&["tini"]),
        source: Source::Apt("tini"),
        why: "a peer in the benchmarks",
        weight: Weight::Optional,
    },
    Need {
        name: "dumb-init",
        check: Check::Program(&["dumb-init"]),
        source: Source::Apt("dumb-init"),
        why: "a peer in the benchmarks",
        weight: Weight::Optional,
    },
    Need {
        name: "catatonit",
        check: Check::Program(&["catatonit"]),
        source: Source::Apt("catatonit"),
        why: "a peer in the benchmarks",
        weight: Weight::Optional,
    },
    Need {
        name: "psutil",
        check: Check::PythonModule("psutil"),
        source: Source::Apt("python3-psutil"),
        why: "a peer in the benchmarks",
        weight: Weight::Optional,
    },
    Need {
        name: "tmpreaper",
        check: Check::Program(&["tmpreaper"]),
        source: Source::Apt("tmpreaper"),
        why: "a peer in the benchmarks",
        weight: Weight::Optional,
    },
    Need {
        name: "systemd-tmpfiles",
        check: Check::Program(&["systemd-tmpfiles"]),
        source: Source::Apt("systemd-standalone-tmpfiles"),
        why: "a peer in the benchmarks",
        weight: Weight::Optional,
    },
    Need {
        name: "tmux",
        check: Check::Program(&["tmux"]),
        source: Source::Apt("tmux"),
        why: "drives the full-screen views by hand",
        weight: Weight::Optional,
    },
];

impl Need {
    pub(crate) fn is_met(&self) -> bool {
        match self.check {
            Check::Program(any) => any.iter().any(|name| program::find(name).is_some()),
            Check::CargoCommand(name) => {
                program::succeeds(program::cargo().args([name, "--version"]))
            }
            // Not any Python of the search path: the package is for the system's.
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
            Self::Optional => formatter.write_str("optional"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::skips::REQUIRED_SUITES;

    #[test]
    fn every_suite_named_is_one_that_exists() {
        for need in ALL {
            if let Weight::Suite(suite) = need.weight {
                assert!(REQUIRED_SUITES.contains(&suite), "{}: {suite}", need.name);
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
            weight: Weight::Optional,
        };
        assert!(!need(Check::Program(&["no-such-program"])).is_met());
        assert!(need(Check::Program(&["no-such-program", "sh"])).is_met());
        assert!(!need(Check::Header("no-such-header.h")).is_met());
        assert!(!need(Check::PythonModule("no_such_module")).is_met());
        assert!(!need(Check::CargoCommand("no-such-command")).is_met());
    }
}
