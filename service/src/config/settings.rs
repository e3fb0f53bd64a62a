//! All settings, checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::Key;
use super::value;
use crate::history::Keeping;
use backstop_core::monitor::{LimitError, Limits};
use backstop_core::resource::Bytes;

/// The settings of the monitor, the alerts, the remedies and the history. [`KEYS`](super::KEYS)
/// lists all of them, with the defaults.
///
/// It deserializes from any format that `serde` reads, and refuses unknown names and invalid values
/// with their place.
///
/// # Examples
/// ```
/// use backstop_service::config::Settings;
///
/// let text = r#"{"memory_management": {"debug_mode": false, "memory_threshold_mb": 800}}"#;
/// let settings: Settings = serde_json::from_str(text)?;
/// assert_eq!(settings.memory_threshold().to_string(), "800.0 MB");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    debug: bool,
    interval: Duration,
    snapshots: usize,
    limits: Limits,
    memory_threshold: Bytes,
    memory_limit: Bytes,
    throttle: Duration,
    log_directory: Option<PathBuf>,
    auto_cleanup: bool,
    cleanup_interval: Duration,
    history_directory: Option<PathBuf>,
    keeping: Keeping,
}

/// An unknown setting, or an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// There is no setting with this name.
    #[error("unknown setting `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Its value is invalid.
    #[error("{name}: {wrong}")]
    Wrong {
        /// The name.
        name: &'static str,
        /// What is wrong with the value, including the value.
        wrong: String,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            debug: false,
            interval: Duration::from_secs(30),
            snapshots: 10,
            limits: Limits::default(),
            memory_threshold: Bytes::megabytes(1500),
            memory_limit: Bytes::megabytes(2500),
            throttle: Duration::from_secs(60),
            log_directory: None,
            auto_cleanup: false,
            cleanup_interval: Duration::from_secs(300),
            history_directory: None,
            keeping: Keeping::default(),
        }
    }
}

impl Settings {
    /// Sets one by its name in a file, from its text.
    ///
    /// # Errors
    /// There is no such setting, or the text is invalid for it. Nothing is changed then.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SettingError> {
        let (key, unit) = Key::in_file(name).ok_or_else(|| SettingError::Unknown {
            name: name.to_owned(),
        })?;
        let text = super::keys::Alias::complete(unit, text);
        self.change(key.name, &text)
            .map_err(|wrong| SettingError::Wrong {
                name: key.name,
                wrong,
            })
    }

    fn change(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "monitor.debug" => self.debug = value::switch(text)?,
            "monitor.interval" => self.interval = value::duration(text)?,
            "monitor.snapshots" => self.snapshots = value::count(text, 1, 100_000)? as usize,
            "monitor.warm-up" => {
                let duration = value::duration_or_zero(text)?;
                self.limit(|limits| Ok(limits.with_warm_up(duration)))?;
            }
            "monitor.window" => {
                let duration = value::duration(text)?;
                self.limit(|limits| limits.with_window(duration))?;
            }
            "monitor.growth" => {
                let bytes = value::size(text)?;
                self.limit(|limits| limits.with_growth(bytes))?;
            }
            "monitor.count-growth" => {
                let count = value::count(text, 1, u64::from(u32::MAX))?;
                self.limit(|limits| limits.with_count_growth(count))?;
            }
            "monitor.idle" => {
                let duration = value::duration(text)?;
                self.limit(|limits| limits.with_idle(duration))?;
            }
            "monitor.lifetime" => {
                let duration = value::duration(text)?;
                self.limit(|limits| limits.with_lifetime(Some(duration)))?;
            }
            "alert.memory-threshold" => self.memory_threshold = value::size(text)?,
            "alert.memory-limit" => self.memory_limit = value::size(text)?,
            "alert.memory-share" => {
                let steps = value::steps(text)?;
                self.limit(|limits| Ok(limits.with_memory_share(steps)))?;
            }
            "alert.handles" => {
                let steps = value::steps(text)?;
                self.limit(|limits| Ok(limits.with_handles(steps)))?;
            }
            "alert.system-memory" => {
                let share = value::percent(text)?;
                self.limit(|limits| limits.with_system_memory(share))?;
            }
            "alert.throttle" => self.throttle = value::duration_or_zero(text)?,
            "alert.log-directory" => self.log_directory = Some(PathBuf::from(text)),
            "cleanup.auto" => self.auto_cleanup = value::switch(text)?,
            "cleanup.interval" => self.cleanup_interval = value::duration(text)?,
            "history.directory" => self.history_directory = Some(PathBuf::from(text)),
            "history.keep" => self.keep(text, value::duration(text)?, self.keeping.size())?,
            "history.keep-size" => self.keep(text, self.keeping.age(), value::size(text)?)?,
            other => return Err(format!("unknown key `{other}`")),
        }
        Ok(())
    }

    fn limit(
        &mut self,
        change: impl FnOnce(Limits) -> Result<Limits, LimitError>,
    ) -> Result<(), String> {
        self.limits = change(self.limits.clone()).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn keep(&mut self, text: &str, age: Duration, size: Bytes) -> Result<(), String> {
        self.keeping = Keeping::new(age, size).map_err(|error| format!("`{text}`: {error}"))?;
        Ok(())
    }

    /// Checks settings that depend on each other.
    ///
    /// # Errors
    /// The memory threshold is not below the memory limit.
    pub fn checked(mut self) -> Result<Self, SettingError> {
        let default = Self::default();
        // If only one of the two was set, the other follows.
        if self.memory_threshold >= self.memory_limit {
            if self.memory_limit == default.memory_limit {
                self.memory_limit = Bytes(self.memory_threshold.0.saturating_mul(5) / 3);
            } else if self.memory_threshold == default.memory_threshold {
                self.memory_threshold = Bytes(self.memory_limit.0 / 5 * 3);
            }
        }
        let (low, high) = (self.memory_threshold, self.memory_limit);
        let middle = Bytes(low.0 + high.0.saturating_sub(low.0) / 2);
        self.limits =
            self.limits
                .with_memory([low, middle, high])
                .map_err(|_| SettingError::Wrong {
                    name: "alert.memory-threshold",
                    wrong: format!("{low} must be below alert.memory-limit ({high})"),
                })?;
        Ok(self)
    }

    /// Whether the backtrace of every resource is kept.
    #[must_use]
    pub fn debug(&self) -> bool {
        self.debug
    }

    /// The interval between samples.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Number of samples kept in memory.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.snapshots
    }

    /// The thresholds for findings.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Memory from which a warning is raised.
    #[must_use]
    pub fn memory_threshold(&self) -> Bytes {
        self.memory_threshold
    }

    /// Memory from which the alert is critical.
    #[must_use]
    pub fn memory_limit(&self) -> Bytes {
        self.memory_limit
    }

    /// The minimum time between two alerts for the same finding.
    #[must_use]
    pub fn throttle(&self) -> Duration {
        self.throttle
    }

    /// The directory for log files.
    #[must_use]
    pub fn log_directory(&self) -> Option<&Path> {
        self.log_directory.as_deref()
    }

    /// Whether alerts trigger remedies, and policies are enforced.
    #[must_use]
    pub fn auto_cleanup(&self) -> bool {
        self.auto_cleanup
    }

    /// The interval at which policies are enforced.
    #[must_use]
    pub fn cleanup_interval(&self) -> Duration {
        self.cleanup_interval
    }

    /// The directory for the history.
    #[must_use]
    pub fn history_directory(&self) -> Option<&Path> {
        self.history_directory.as_deref()
    }

    /// How long and how much of the history is kept.
    #[must_use]
    pub fn keeping(&self) -> Keeping {
        self.keeping
    }
}
