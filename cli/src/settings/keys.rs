//! The settings that there are: the command's own, and those of the monitor, which are core's.

use backstop_service::config::{self, Alias};

/// One setting.
pub(crate) struct Key {
    /// As in a file: the table, a dot, the name.
    pub(crate) name: &'static str,
    /// The environment variables, strongest first, each with what completes its value.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// How a value is written in TOML.
    pub(crate) example: &'static str,
    /// What it means, in one sentence.
    pub(crate) meaning: &'static str,
}

/// The command's own, in the order of the commands.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "run.timeout",
        variables: &[("BACKSTOP_RUN_TIMEOUT", "")],
        example: "\"10m\"",
        meaning: "Ends the command after this long. Without it: never.",
    },
    Key {
        name: "run.grace",
        variables: &[("BACKSTOP_RUN_GRACE", "")],
        example: "\"2s\"",
        meaning: "How long the command has to end by itself when it is told to.",
    },
    Key {
        name: "run.kill-after",
        variables: &[("BACKSTOP_RUN_KILL_AFTER", "")],
        example: "\"3s\"",
        meaning: "How long what it left has between SIGTERM and SIGKILL.",
    },
    Key {
        name: "run.max-rss",
        variables: &[("BACKSTOP_RUN_MAX_RSS", "")],
        example: "\"2GB\"",
        meaning: "Ends the command if its whole tree has more memory. Without it: no limit.",
    },
    Key {
        name: "run.max-files",
        variables: &[("BACKSTOP_RUN_MAX_FILES", "")],
        example: "1024",
        meaning: "The most files that each of its processes may have open. Without it: as inherited.",
    },
    Key {
        name: "run.containment",
        variables: &[("BACKSTOP_RUN_CONTAINMENT", "")],
        example: "\"auto\"",
        meaning: "How its tree is held together: auto, cgroup, subreaper.",
    },
    Key {
        name: "run.fail-on",
        variables: &[("BACKSTOP_RUN_FAIL_ON", "")],
        example: "[\"processes\", \"ports\"]",
        meaning: "Exits with 70 if the command left any of these: processes, files, ports, memory.",
    },
    Key {
        name: "run.keep",
        variables: &[("BACKSTOP_RUN_KEEP", "")],
        example: "false",
        meaning: "Keeps the command's temp directory.",
    },
    Key {
        name: "run.quiet",
        variables: &[("BACKSTOP_RUN_QUIET", "")],
        example: "false",
        meaning: "Prints no summary.",
    },
    Key {
        name: "sweep.in",
        variables: &[("BACKSTOP_SWEEP_IN", "")],
        example: "\"/tmp\"",
        meaning: "A directory in which entries without an owner are swept by name and age.",
    },
    Key {
        name: "sweep.prefix",
        variables: &[("BACKSTOP_SWEEP_PREFIX", ""), ("TEMP_FILE_PREFIX", "")],
        example: "\"myjob-\"",
        meaning: "How the names of such entries begin.",
    },
    Key {
        name: "sweep.older-than",
        variables: &[
            ("BACKSTOP_SWEEP_OLDER_THAN", ""),
            ("TEMP_FILE_MAX_AGE_HOURS", "h"),
        ],
        example: "\"24h\"",
        meaning: "How old they must be.",
    },
    Key {
        name: "report.since",
        variables: &[("BACKSTOP_REPORT_SINCE", "")],
        example: "\"7d\"",
        meaning: "Over how long a report goes, until now.",
    },
    Key {
        name: "report.by",
        variables: &[("BACKSTOP_REPORT_BY", "")],
        example: "\"day\"",
        meaning: "Whether a report is divided by day, week or month.",
    },
    Key {
        name: "report.format",
        variables: &[("BACKSTOP_REPORT_FORMAT", "")],
        example: "\"text\"",
        meaning: "The form of a report: text, json, md, html.",
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
        Alias::complete(self.unit, text)
    }
}

/// The key of this name; else what to say to whoever wrote it.
pub(super) fn find(name: &str) -> Result<Found, String> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        let (name, unit) = (key.name, "");
        return Ok(Found { name, unit });
    }
    if let Some((key, unit)) = config::Key::in_file(name) {
        let name = key.name;
        return Ok(Found { name, unit });
    }
    let nearest = names()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min();
    Err(match nearest {
        Some((distance, nearest)) if distance <= nearest.len() / 2 => {
            format!("there is no setting `{name}`; the nearest is `{nearest}`")
        }
        _ => format!("there is no setting `{name}`"),
    })
}

/// Every name, the command's own first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let monitoring = config::KEYS.iter().map(|key| key.name);
    KEYS.iter().map(|key| key.name).chain(monitoring)
}
