//! The modules of each crate in reading order, and which others each may import.

/// A crate whose modules are checked.
#[derive(Debug)]
pub(super) struct Crate {
    /// The folder of its sources, with a slash at the end.
    pub(super) sources: &'static str,
    pub(super) rows: &'static [Row],
}

/// One module.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) module: &'static str,
    /// Modules of earlier rows that it imports.
    pub(super) uses: &'static [&'static str],
}

const fn row(module: &'static str, uses: &'static [&'static str]) -> Row {
    Row { module, uses }
}

pub(super) const CRATES: &[Crate] = &[
    Crate {
        sources: "core/src/",
        rows: &[
            row("error", &[]),
            // Where a test kills the process; nothing otherwise.
            row("kill_point", &[]),
            // Atomics and locks that a model checker can replace.
            row("sync", &[]),
            row("resource", &["error"]),
            row("ledger", &["error", "kill_point", "sync", "resource"]),
            row("policy", &["resource"]),
            row(
                "release",
                &["error", "sync", "resource", "ledger", "policy"],
            ),
            row(
                "monitor",
                &["error", "resource", "ledger", "policy", "release"],
            ),
            row(
                "reclaim",
                &[
                    "error",
                    "kill_point",
                    "resource",
                    "ledger",
                    "policy",
                    "release",
                ],
            ),
            // Leased files and directories, and atomic files.
            row(
                "place",
                &[
                    "error",
                    "kill_point",
                    "resource",
                    "ledger",
                    "policy",
                    "release",
                    "reclaim",
                ],
            ),
        ],
    },
    Crate {
        sources: "service/src/",
        rows: &[
            row("heap_profile", &[]),
            row("alert", &["heap_profile"]),
            row("history", &[]),
            row("report", &["history"]),
            row("schedule", &[]),
            row("config", &["history"]),
            row("service", &["alert", "history", "schedule", "config"]),
        ],
    },
];
