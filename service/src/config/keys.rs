//! The list of settings.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name in a file: the table, a dot, the name.
    pub name: &'static str,
    /// The default, as it would be written; empty if there is none.
    pub default: &'static str,
    /// The meaning, in one sentence.
    pub meaning: &'static str,
    /// Other names: environment variables in capitals, the rest in files. Highest precedence first.
    pub aliases: &'static [Alias],
}

/// Another name of a setting.
#[derive(Debug, Clone, Copy)]
pub struct Alias {
    /// The name.
    pub name: &'static str,
    /// The unit of a bare number under this name.
    pub unit: &'static str,
}

/// Every setting, table by table.
pub const KEYS: &[Key] = &[
    Key {
        name: "monitor.debug",
        default: "false",
        meaning: "Keep a backtrace of every resource instead of one in 128, and log each sample.",
        aliases: &[
            alias("BACKSTOP_MONITOR_DEBUG", ""),
            alias("MEMORY_DEBUG", ""),
            alias("memory_management.debug_mode", ""),
        ],
    },
    Key {
        name: "monitor.interval",
        default: "30s",
        meaning: "Interval between samples; near a limit, down to one second.",
        aliases: &[alias("BACKSTOP_MONITOR_INTERVAL", "")],
    },
    Key {
        name: "monitor.snapshots",
        default: "10",
        meaning: "Number of samples to keep in memory, from 1 to 100000.",
        aliases: &[alias("BACKSTOP_MONITOR_SNAPSHOTS", "")],
    },
    Key {
        name: "monitor.warm-up",
        default: "1m",
        meaning: "Time after the start during which growth is ignored, because programs fill their caches then.",
        aliases: &[alias("BACKSTOP_MONITOR_WARM_UP", "")],
    },
    Key {
        name: "monitor.window",
        default: "10m",
        meaning: "Window for growth detection.",
        aliases: &[alias("BACKSTOP_MONITOR_WINDOW", "")],
    },
    Key {
        name: "monitor.growth",
        default: "50MB",
        meaning: "Report memory growth above this size per window.",
        aliases: &[alias("BACKSTOP_MONITOR_GROWTH", "")],
    },
    Key {
        name: "monitor.count-growth",
        default: "50",
        meaning: "Report growth of file descriptors, threads, children or resources above this number per window.",
        aliases: &[alias("BACKSTOP_MONITOR_COUNT_GROWTH", "")],
    },
    Key {
        name: "monitor.idle",
        default: "10m",
        meaning: "Maximum time that a resource may be open untouched.",
        aliases: &[alias("BACKSTOP_MONITOR_IDLE", "")],
    },
    Key {
        name: "monitor.lifetime",
        default: "",
        meaning: "Maximum time that a resource may be open. Unset: no limit.",
        aliases: &[alias("BACKSTOP_MONITOR_LIFETIME", "")],
    },
    Key {
        name: "alert.memory-threshold",
        default: "1500MB",
        meaning: "Memory from which a warning is raised; halfway to the limit it becomes an error.",
        aliases: &[
            alias("BACKSTOP_ALERT_MEMORY_THRESHOLD", ""),
            alias("MEMORY_THRESHOLD", "MB"),
            alias("memory_management.memory_threshold_mb", "MB"),
        ],
    },
    Key {
        name: "alert.memory-limit",
        default: "2500MB",
        meaning: "Memory from which the alert is critical.",
        aliases: &[
            alias("BACKSTOP_ALERT_MEMORY_LIMIT", ""),
            alias("MEMORY_LIMIT_MB", "MB"),
        ],
    },
    Key {
        name: "alert.memory-share",
        default: "70,85,95",
        meaning: "Memory in percent of the cgroup's limit or the machine's memory: warning, error, critical. The lower of this and the sizes above applies.",
        aliases: &[alias("BACKSTOP_ALERT_MEMORY_SHARE", "")],
    },
    Key {
        name: "alert.handles",
        default: "70,85,95",
        meaning: "Open files in percent of their limit: warning, error, critical.",
        aliases: &[alias("BACKSTOP_ALERT_HANDLES", "")],
    },
    Key {
        name: "alert.system-memory",
        default: "85",
        meaning: "Memory in use on the machine, in percent, from which a warning is raised.",
        aliases: &[alias("BACKSTOP_ALERT_SYSTEM_MEMORY", "")],
    },
    Key {
        name: "alert.throttle",
        default: "1m",
        meaning: "Minimum time between two alerts for the same finding; a more severe one is sent immediately.",
        aliases: &[alias("BACKSTOP_ALERT_THROTTLE", "")],
    },
    Key {
        name: "alert.log-directory",
        default: "",
        meaning: "Directory for log files by severity. Unset: no log files.",
        aliases: &[alias("BACKSTOP_ALERT_LOG_DIRECTORY", "")],
    },
    Key {
        name: "cleanup.auto",
        default: "false",
        meaning: "Whether alerts about memory or open files trigger remedies, and policies are enforced at the interval.",
        aliases: &[
            alias("BACKSTOP_CLEANUP_AUTO", ""),
            alias("AUTO_CLEANUP", ""),
            alias("memory_management.auto_cleanup", ""),
        ],
    },
    Key {
        name: "cleanup.interval",
        default: "5m",
        meaning: "Interval at which policies are enforced: resources beyond their lifetime or idle limit are released.",
        aliases: &[
            alias("BACKSTOP_CLEANUP_INTERVAL", ""),
            alias("memory_management.cleanup_interval_seconds", "s"),
        ],
    },
    Key {
        name: "history.directory",
        default: "",
        meaning: "Directory for the history, one file per day. Unset: no history.",
        aliases: &[alias("BACKSTOP_HISTORY_DIRECTORY", "")],
    },
    Key {
        name: "history.keep",
        default: "30d",
        meaning: "How long a day of history is kept.",
        aliases: &[alias("BACKSTOP_HISTORY_KEEP", "")],
    },
    Key {
        name: "history.keep-size",
        default: "256MB",
        meaning: "Maximum total size of the history; the oldest days are deleted first.",
        aliases: &[alias("BACKSTOP_HISTORY_KEEP_SIZE", "")],
    },
];

const fn alias(name: &'static str, unit: &'static str) -> Alias {
    Alias { name, unit }
}

impl Key {
    /// The key with this name in a file, and the unit of a bare number under it.
    #[must_use]
    pub fn in_file(name: &str) -> Option<(&'static Self, &'static str)> {
        KEYS.iter().find_map(|key| {
            if key.name == name {
                return Some((key, ""));
            }
            let alias = key.aliases.iter().find(|alias| alias.name == name)?;
            (!alias.is_variable()).then_some((key, alias.unit))
        })
    }

    /// The environment variables, highest precedence first, each with the unit of a bare number in
    /// it.
    pub fn variables(&self) -> impl Iterator<Item = &'static Alias> {
        self.aliases.iter().filter(|alias| alias.is_variable())
    }
}

impl Alias {
    fn is_variable(&self) -> bool {
        !self.name.contains('.')
    }

    /// The text with the unit appended, if it is a bare number.
    #[must_use]
    pub fn complete(unit: &str, text: &str) -> String {
        let text = text.trim();
        let is_bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match is_bare {
            true => format!("{text}{unit}"),
            false => text.to_owned(),
        }
    }
}
