//! The settings that there are.

/// One setting.
pub(super) struct Key {
    /// As in a file: the table, a dot, the name.
    pub(super) name: &'static str,
    /// The environment variables, strongest first, each with what completes its value.
    pub(super) variables: &'static [(&'static str, &'static str)],
}

/// Every setting, in the order of the commands.
pub(super) const KEYS: &[Key] = &[
    key("run.timeout", &[("BACKSTOP_RUN_TIMEOUT", "")]),
    key("run.grace", &[("BACKSTOP_RUN_GRACE", "")]),
    key("run.kill-after", &[("BACKSTOP_RUN_KILL_AFTER", "")]),
    key("run.max-rss", &[("BACKSTOP_RUN_MAX_RSS", "")]),
    key("run.max-files", &[("BACKSTOP_RUN_MAX_FILES", "")]),
    key("run.containment", &[("BACKSTOP_RUN_CONTAINMENT", "")]),
    key("run.fail-on", &[("BACKSTOP_RUN_FAIL_ON", "")]),
    key("run.keep", &[("BACKSTOP_RUN_KEEP", "")]),
    key("run.quiet", &[("BACKSTOP_RUN_QUIET", "")]),
    key("sweep.in", &[("BACKSTOP_SWEEP_IN", "")]),
    key(
        "sweep.prefix",
        &[("BACKSTOP_SWEEP_PREFIX", ""), ("TEMP_FILE_PREFIX", "")],
    ),
    key(
        "sweep.older-than",
        &[
            ("BACKSTOP_SWEEP_OLDER_THAN", ""),
            ("TEMP_FILE_MAX_AGE_HOURS", "h"),
        ],
    ),
    key("report.since", &[("BACKSTOP_REPORT_SINCE", "")]),
    key("report.by", &[("BACKSTOP_REPORT_BY", "")]),
    key("report.format", &[("BACKSTOP_REPORT_FORMAT", "")]),
    key("history.directory", &[("BACKSTOP_HISTORY_DIRECTORY", "")]),
    key("history.keep", &[("BACKSTOP_HISTORY_KEEP", "")]),
    key("history.keep-size", &[("BACKSTOP_HISTORY_KEEP_SIZE", "")]),
];

const fn key(name: &'static str, variables: &'static [(&'static str, &'static str)]) -> Key {
    Key { name, variables }
}

/// The key of this name; else what to say to whoever wrote it.
pub(super) fn find(name: &str) -> Result<&'static str, String> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return Ok(key.name);
    }
    let nearest = KEYS
        .iter()
        .map(|key| (strsim::damerau_levenshtein(key.name, name), key.name))
        .min();
    Err(match nearest {
        Some((distance, nearest)) if distance <= nearest.len() / 2 => {
            format!("there is no setting `{name}`; the nearest is `{nearest}`")
        }
        _ => format!("there is no setting `{name}`"),
    })
}
