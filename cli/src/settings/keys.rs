//! The settings that there are: the command's own, and those of the monitor, which are core's.

use backstop_core::config::{self, Alias};

/// One setting.
pub(super) struct Key {
    /// As in a file: the table, a dot, the name.
    pub(super) name: &'static str,
    /// The environment variables, strongest first, each with what completes its value.
    pub(super) variables: &'static [(&'static str, &'static str)],
}

/// The command's own, in the order of the commands.
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
];

const fn key(name: &'static str, variables: &'static [(&'static str, &'static str)]) -> Key {
    Key { name, variables }
}

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
