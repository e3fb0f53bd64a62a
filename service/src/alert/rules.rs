//! When a finding is an alert, and how often it may be one.

use std::time::Duration;

use super::level::Level;
use backstop_core::monitor::{LimitError, Severity};

/// When a finding is an alert, and how often it may be one.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_service::alert::AlertRules;
/// use backstop_core::monitor::Severity;
///
/// let rules = AlertRules::default().with_least(Severity::High).with_calm(Duration::from_secs(5));
/// assert!(rules.with_burst(0).is_err());
/// # Ok::<(), backstop_core::monitor::LimitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRules {
    pub(super) least: Severity,
    pub(super) interval: Duration,
    pub(super) calm: Duration,
    pub(super) reminder: Option<Duration>,
    pub(super) burst: u32,
    pub(super) most_findings: usize,
}

impl Default for AlertRules {
    /// From medium severity on; one alert a minute for a finding, 30 a minute for a level; eased or
    /// resolved after 30 seconds of calm; a reminder each hour; 1024 findings at once.
    fn default() -> Self {
        Self {
            least: Severity::Medium,
            interval: Duration::from_secs(60),
            calm: Duration::from_secs(30),
            reminder: Some(Duration::from_secs(3600)),
            burst: 30,
            most_findings: 1024,
        }
    }
}

impl AlertRules {
    /// The lowest severity that becomes an alert. Default: medium.
    #[must_use]
    pub fn with_least(mut self, severity: Severity) -> Self {
        self.least = severity;
        self
    }

    /// The minimum time between two alerts of a finding, unless it gets worse. Default: one minute.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long a finding must be less severe, or cleared, before its alert eases or is resolved.
    /// Default: 30 seconds.
    #[must_use]
    pub fn with_calm(mut self, calm: Duration) -> Self {
        self.calm = calm;
        self
    }

    /// After how long an alert that still holds is delivered again; `None`: never. Default: one
    /// hour.
    #[must_use]
    pub fn with_reminder(mut self, after: Option<Duration>) -> Self {
        self.reminder = after;
        self
    }

    /// How many alerts of one level may be delivered within an interval, for all findings together;
    /// the others wait. Default: 30.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_burst(mut self, alerts: u32) -> Result<Self, LimitError> {
        require(alerts > 0, "alert burst")?;
        self.burst = alerts;
        Ok(self)
    }

    /// The maximum number of findings with alerts; a more severe one replaces a less severe one.
    /// Findings beyond the maximum are counted. Default: 1024.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_most_findings(mut self, count: usize) -> Result<Self, LimitError> {
        require(count > 0, "alerts at once")?;
        self.most_findings = count;
        Ok(self)
    }

    /// The level of a finding with this severity; `None` if it is not an alert.
    #[must_use]
    pub fn level(&self, severity: Severity) -> Option<Level> {
        (severity >= self.least).then(|| severity.into())
    }
}

fn require(holds: bool, name: &'static str) -> Result<(), LimitError> {
    if holds {
        return Ok(());
    }
    Err(LimitError {
        name,
        value: "0".into(),
        rule: "a number greater than zero",
    })
}
