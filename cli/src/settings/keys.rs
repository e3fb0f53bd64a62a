//! All settings: the command's own, and those of the monitor.

#[cfg(feature = "monitor")]
use backstop_service::config::{self, Alias};

/// One setting.
#[cfg_attr(
    not(feature = "monitor"),
    expect(dead_code, reason = "`init` and `check` show what the fields say")
)]
pub(crate) struct Key {
    /// As in a file: the table, a dot, the name.
    pub(crate) name: &'static str,
    /// The environment variables, strongest first, each with the unit of its value.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// How a value is written in TOML.
    pub(crate) example: &'static str,
    /// What it does, in one sentence.
    pub(crate) meaning: &'static str,
}

/// The command's own, in the order of the commands.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "run.timeout",
        variables: &[("BACKSTOP_RUN_TIMEOUT", "")],
        example: "\"10m\"",
        meaning: "Terminate the command after this duration. Unset: never.",
    },
    Key {
        name: "run.grace",
        variables: &[("BACKSTOP_RUN_GRACE", "")],
        example: "\"2s\"",
        meaning: "Time to exit after SIGTERM, before the rest of its tree is signalled.",
    },
    Key {
        name: "run.kill-after",
        variables: &[("BACKSTOP_RUN_KILL_AFTER", "")],
        example: "\"3s\"",
        meaning: "Time between SIGTERM and SIGKILL for the remaining processes.",
    },
    Key {
        name: "run.max-rss",
        variables: &[("BACKSTOP_RUN_MAX_RSS", "")],
        example: "\"2GB\"",
        meaning: "Terminate the command if the resident memory of its tree exceeds this size. Unset: no limit.",
    },
    Key {
        name: "run.max-files",
        variables: &[("BACKSTOP_RUN_MAX_FILES", "")],
        example: "1024",
        meaning: "Limit open files per process (RLIMIT_NOFILE). Unset: as inherited.",
    },
    Key {
        name: "run.containment",
        variables: &[("BACKSTOP_RUN_CONTAINMENT", "")],
        example: "\"auto\"",
        meaning: "How descendants are tracked: auto, cgroup, subreaper.",
    },
    Key {
        name: "run.fail-on",
        variables: &[("BACKSTOP_RUN_FAIL_ON", "")],
        example: "[\"processes\", \"ports\"]",
        meaning: "Exit with 70 if the command left any of these: processes, files, ports, memory.",
    },
    Key {
        name: "run.keep",
        variables: &[("BACKSTOP_RUN_KEEP", "")],
        example: "false",
        meaning: "Keep the command's temp directory.",
    },
    Key {
        name: "run.quiet",
        variables: &[("BACKSTOP_RUN_QUIET", "")],
        example: "false",
        meaning: "Print no summary.",
    },
    Key {
        name: "run.json",
        variables: &[("BACKSTOP_RUN_JSON", "")],
        example: "false",
        meaning: "Print the summary as one JSON object.",
    },
    Key {
        name: "run.report",
        variables: &[("BACKSTOP_RUN_REPORT", "")],
        example: "\"run.html\"",
        meaning: "Monitor the command and write a report to this file. Unset: no report.",
    },
    Key {
        name: "sweep.in",
        variables: &[("BACKSTOP_SWEEP_IN", "")],
        example: "\"/tmp\"",
        meaning: "Directory in which orphans are swept by name and age.",
    },
    Key {
        name: "sweep.prefix",
        variables: &[("BACKSTOP_SWEEP_PREFIX", ""), ("TEMP_FILE_PREFIX", "")],
        example: "\"myjob-\"",
        meaning: "Name prefix of orphans.",
    },
    Key {
        name: "sweep.older-than",
        variables: &[
            ("BACKSTOP_SWEEP_OLDER_THAN", ""),
            ("TEMP_FILE_MAX_AGE_HOURS", "h"),
        ],
        example: "\"24h\"",
        meaning: "Minimum age of orphans.",
    },
    Key {
        name: "report.since",
        variables: &[("BACKSTOP_REPORT_SINCE", "")],
        example: "\"7d\"",
        meaning: "How far back a report goes.",
    },
    Key {
        name: "report.by",
        variables: &[("BACKSTOP_REPORT_BY", "")],
        example: "\"day\"",
        meaning: "Group a report by day, week or month.",
    },
    Key {
        name: "report.format",
        variables: &[("BACKSTOP_REPORT_FORMAT", "")],
        example: "\"text\"",
        meaning: "Output format of a report: text, json, md, html.",
    },
];

/// A setting as it is named in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) name: &'static str,
    /// The unit of a bare number under this name.
    unit: &'static str,
}

impl Found {
    /// The text with its unit.
    pub(super) fn complete(self, text: &str) -> String {
        #[cfg(feature = "monitor")]
        return Alias::complete(self.unit, text);
        // The command's own settings have no bare numbers with a unit.
        #[cfg(not(feature = "monitor"))]
        format!("{text}{}", self.unit)
    }
}

/// The key of this name; `None` if it is of a feature that is not in this build; else the error.
pub(super) fn find(name: &str) -> Result<Option<Found>, String> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        let (name, unit) = (key.name, "");
        return Ok(Some(Found { name, unit }));
    }
    #[cfg(feature = "monitor")]
    if let Some((key, unit)) = config::Key::in_file(name) {
        let name = key.name;
        return Ok(Some(Found { name, unit }));
    }
    // One file is for every build: what this one has no use for is not checked.
    #[cfg(not(feature = "monitor"))]
    if let Some((table, _)) = name.split_once('.')
        && MONITOR_TABLES.contains(&table)
    {
        return Ok(None);
    }
    let nearest = names()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min();
    Err(match nearest {
        Some((distance, nearest)) if distance <= nearest.len() / 2 => {
            format!("unknown setting `{name}`: did you mean `{nearest}`?")
        }
        _ => format!("unknown setting `{name}`"),
    })
}

#[cfg(not(feature = "monitor"))]
const MONITOR_TABLES: &[&str] = &[
    "monitor",
    "alert",
    "cleanup",
    "history",
    "memory_management",
];

/// Every name, the command's own first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let own = KEYS.iter().map(|key| key.name);
    #[cfg(feature = "monitor")]
    let own = own.chain(config::KEYS.iter().map(|key| key.name));
    own
}
