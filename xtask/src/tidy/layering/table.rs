//! The layers. A new package is a new row; whatever a row does not allow is forbidden.

/// What one package may know of the others.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) package: &'static str,
    pub(super) knows: &'static [&'static str],
    /// What its tests may know besides.
    pub(super) tests_know: &'static [&'static str],
}

pub(super) const CORE: &str = "backstop-core";
pub(super) const COMMAND: &str = "backstop";

const TESTKIT: &[&str] = &["backstop-testkit"];

const fn above_core(package: &'static str) -> Row {
    Row {
        package,
        knows: &[CORE],
        tests_know: TESTKIT,
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        package: CORE,
        knows: &[],
        tests_know: TESTKIT,
    },
    Row {
        package: "backstop-testkit",
        knows: &[CORE],
        tests_know: &[],
    },
    above_core("backstop-tempfs"),
    above_core("backstop-process"),
    above_core("backstop-memory"),
    above_core("backstop-excel"),
    above_core("backstop-db"),
    above_core("backstop-camera"),
    above_core("backstop-webdriver"),
    above_core("backstop-dashboard"),
    above_core("backstop-lint"),
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
        knows: &[],
        tests_know: &[],
    },
];

const EVERYTHING_SHIPPED: &[&str] = &[
    CORE,
    "backstop-tempfs",
    "backstop-process",
    "backstop-memory",
    "backstop-excel",
    "backstop-db",
    "backstop-camera",
    "backstop-webdriver",
    "backstop-dashboard",
    "backstop-lint",
];

/// Rows whose package is still to come.
pub(super) const PLANNED: &[&str] = &[
    "backstop-memory",
    "backstop-excel",
    "backstop-db",
    "backstop-camera",
    "backstop-webdriver",
    "backstop-dashboard",
    "backstop-lint",
];

/// What the command need not put behind a feature: `run` and `sweep` are made of these.
pub(super) const ALWAYS_IN_COMMAND: &[&str] = &[CORE, "backstop-tempfs", "backstop-process"];

/// The libraries core ships with.
pub(super) const CORE_LIBRARIES: &[&str] = &[
    "crc32fast",
    "crossbeam-channel",
    "humantime",
    "jiff",
    "libc",
    "maud",
    // Behind `heap-profile`, with the two of jemalloc and `pprof_util`: see decision 0016.
    "mappings",
    "memmap2",
    "parking_lot",
    "pprof_util",
    "rustix",
    "serde",
    "serde_json",
    "signal-hook",
    "sysinfo",
    "thiserror",
    "tikv-jemalloc-ctl",
    "tikv-jemallocator",
    "tracing",
];
