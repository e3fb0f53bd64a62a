//! The layers. A new package is a new row; whatever a row does not allow is forbidden.

/// What one package may know of the others.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) package: &'static str,
    pub(super) knows: &'static [&'static str],
    /// What its tests may know besides.
    pub(super) tests_know: &'static [&'static str],
}

pub(super) const OS: &str = "backstop-os";
pub(super) const CORE: &str = "backstop-core";
const SERVICE: &str = "backstop-service";
pub(super) const COMMAND: &str = "backstop";

/// The names of the suites. Every test may report that it was skipped, the lowest package's too.
const SUITES: &str = "backstop-suites";

const TESTKIT: &[&str] = &["backstop-testkit"];

const fn above_core(package: &'static str) -> Row {
    Row {
        package,
        knows: &[OS, CORE],
        tests_know: TESTKIT,
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        package: SUITES,
        knows: &[],
        tests_know: &[],
    },
    Row {
        package: OS,
        knows: &[],
        tests_know: &[SUITES],
    },
    Row {
        package: CORE,
        knows: &[OS],
        // Its own tests turn its kill points on.
        tests_know: &[CORE, "backstop-testkit"],
    },
    Row {
        package: "backstop-testkit",
        knows: &[OS, CORE, SUITES],
        tests_know: &[],
    },
    above_core(SERVICE),
    above_core("backstop-tempfs"),
    above_core("backstop-process"),
    Row {
        package: COMMAND,
        knows: EVERYTHING_SHIPPED,
        tests_know: TESTKIT,
    },
    Row {
        package: "backstop-benches",
        knows: EVERYTHING_SHIPPED,
        tests_know: TESTKIT,
    },
    Row {
        package: "xtask",
        knows: &[SUITES],
        tests_know: &[],
    },
];

const EVERYTHING_SHIPPED: &[&str] = &[OS, CORE, SERVICE, "backstop-tempfs", "backstop-process"];

/// What the command need not put behind a feature: `run` and `sweep` are made of these.
pub(super) const ALWAYS_IN_COMMAND: &[&str] = &[OS, CORE, "backstop-tempfs", "backstop-process"];

/// The external libraries that a package ships with, where it is bound to a list.
pub(super) const LIBRARIES: &[(&str, &[&str])] = &[
    (
        OS,
        &[
            "libc",
            "rustix",
            "serde",
            // For systems without an implementation of the door.
            "sysinfo",
            "thiserror",
            // Behind `heap-profile`.
            "tikv-jemalloc-ctl",
            "tikv-jemallocator",
        ],
    ),
    (
        CORE,
        &[
            "crc32fast",
            "crossbeam-channel",
            "jiff",
            "memmap2",
            "parking_lot",
            "serde",
            "serde_json",
            "signal-hook",
            "thiserror",
            "tracing",
        ],
    ),
];
