//! The thresholds for findings.

use std::time::Duration;

use crate::resource::Bytes;

/// The thresholds for findings. Every value is checked when it is set.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::monitor::Limits;
///
/// let limits = Limits::default().with_window(Duration::from_secs(3600))?;
/// assert!(limits.with_window(Duration::ZERO).is_err());
/// # Ok::<(), backstop_core::monitor::LimitError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    warm_up: Duration,
    window: Duration,
    growth: Bytes,
    count_growth: u64,
    idle: Duration,
    lifetime: Option<Duration>,
    handles: Steps,
    memory: [Bytes; 3],
    memory_share: Steps,
    system_memory: f64,
}

/// Three rising shares of a limit, from 0 to 1, from which a finding is medium, high and critical.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps([f64; 3]);

/// An invalid limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {name} `{value}`: expected {rule}")]
pub struct LimitError {
    /// The name of the limit.
    pub name: &'static str,
    /// The value.
    pub value: String,
    /// What is expected.
    pub rule: &'static str,
}

impl Default for Limits {
    /// A minute of warm-up, a window of ten minutes; 50 MB or 50 file descriptors, threads,
    /// children or resources of growth within the window; idle for ten minutes; no lifetime; file
    /// descriptors at 70, 85 and 95 % of their limit; memory at 1.5, 2 and 2.5 GB or 70, 85 and 95
    /// % of the cgroup's or machine's memory, whichever is lower; the machine's memory at 85 %.
    fn default() -> Self {
        Self {
            warm_up: Duration::from_secs(60),
            window: Duration::from_secs(600),
            growth: Bytes::megabytes(50),
            count_growth: 50,
            idle: Duration::from_secs(600),
            lifetime: None,
            handles: Steps([0.70, 0.85, 0.95]),
            memory: [
                Bytes::megabytes(1500),
                Bytes::megabytes(2000),
                Bytes::megabytes(2500),
            ],
            memory_share: Steps([0.70, 0.85, 0.95]),
            system_memory: 0.85,
        }
    }
}

impl Limits {
    /// How long after the first sample growth is ignored, because programs fill their caches then.
    /// Default: one minute.
    #[must_use]
    pub fn with_warm_up(mut self, duration: Duration) -> Self {
        self.warm_up = duration;
        self
    }

    /// The window for growth detection. Default: ten minutes.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_window(mut self, duration: Duration) -> Result<Self, LimitError> {
        require(
            !duration.is_zero(),
            "window",
            || format!("{duration:?}"),
            "a duration greater than zero",
        )?;
        self.window = duration;
        Ok(self)
    }

    /// Memory growth that is reported, within a window, or steadily within six of them. Default: 50
    /// MB.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_growth(mut self, bytes: Bytes) -> Result<Self, LimitError> {
        require(
            bytes.0 > 0,
            "growth",
            || bytes.to_string(),
            "a size greater than zero",
        )?;
        self.growth = bytes;
        Ok(self)
    }

    /// Growth in the number of file descriptors, threads, children or resources that is reported,
    /// within a window, or steadily within six of them. Default: 50.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_count_growth(mut self, count: u64) -> Result<Self, LimitError> {
        require(
            count > 0,
            "count growth",
            || count.to_string(),
            "a number greater than zero",
        )?;
        self.count_growth = count;
        Ok(self)
    }

    /// How long a resource may be open untouched. Default: ten minutes. A policy's own idle limit
    /// for a kind takes precedence.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_idle(mut self, duration: Duration) -> Result<Self, LimitError> {
        require(
            !duration.is_zero(),
            "idle",
            || format!("{duration:?}"),
            "a duration greater than zero",
        )?;
        self.idle = duration;
        Ok(self)
    }

    /// How long a resource may be open. Default: no limit.
    ///
    /// # Errors
    /// It is zero.
    pub fn with_lifetime(mut self, duration: Option<Duration>) -> Result<Self, LimitError> {
        let is_right = duration.is_none_or(|duration| !duration.is_zero());
        require(
            is_right,
            "lifetime",
            || format!("{duration:?}"),
            "a duration greater than zero",
        )?;
        self.lifetime = duration;
        Ok(self)
    }

    /// The shares of the limit of file descriptors. Default: 70, 85 and 95 %.
    #[must_use]
    pub fn with_handles(mut self, steps: Steps) -> Self {
        self.handles = steps;
        self
    }

    /// Memory in bytes: medium, high and critical. Default: 1.5, 2 and 2.5 GB.
    ///
    /// # Errors
    /// They do not rise, or the first is zero.
    pub fn with_memory(mut self, steps: [Bytes; 3]) -> Result<Self, LimitError> {
        let rises = steps[0].0 > 0 && steps[0] < steps[1] && steps[1] < steps[2];
        let shown = || steps.map(|bytes| bytes.to_string()).join(", ");
        require(rises, "memory", shown, "three rising sizes")?;
        self.memory = steps;
        Ok(self)
    }

    /// Memory as shares of the cgroup's limit or the machine's memory. Default: 70, 85 and 95 %.
    #[must_use]
    pub fn with_memory_share(mut self, steps: Steps) -> Self {
        self.memory_share = steps;
        self
    }

    /// The share of the machine's memory. Default: 0.85.
    ///
    /// # Errors
    /// It is not between 0 and 1.
    pub fn with_system_memory(mut self, share: f64) -> Result<Self, LimitError> {
        let is_share = share > 0.0 && share <= 1.0;
        require(
            is_share,
            "system memory",
            || share.to_string(),
            "a share from 0 to 1",
        )?;
        self.system_memory = share;
        Ok(self)
    }

    /// How long growth is ignored.
    #[must_use]
    pub fn warm_up(&self) -> Duration {
        self.warm_up
    }

    /// The window for growth detection.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Memory growth that is reported.
    #[must_use]
    pub fn growth(&self) -> Bytes {
        self.growth
    }

    /// Growth in numbers that is reported.
    #[must_use]
    pub fn count_growth(&self) -> u64 {
        self.count_growth
    }

    /// How long a resource may be open untouched.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// How long a resource may be open.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// The shares of the limit of file descriptors.
    #[must_use]
    pub fn handles(&self) -> Steps {
        self.handles
    }

    /// Memory from which a finding is medium, high and critical, if the memory cannot exceed
    /// `ceiling`: the sizes, or the shares of the ceiling, whichever are lower.
    #[must_use]
    pub fn memory(&self, ceiling: Bytes) -> [Bytes; 3] {
        std::array::from_fn(|step| {
            let share = Bytes((ceiling.0 as f64 * self.memory_share.0[step]) as u64);
            match ceiling.0 {
                0 => self.memory[step],
                _ => self.memory[step].min(share),
            }
        })
    }

    /// The share of the machine's memory.
    #[must_use]
    pub fn system_memory(&self) -> f64 {
        self.system_memory
    }
}

impl Steps {
    /// Three shares from 0 to 1.
    ///
    /// # Errors
    /// They do not rise, or are not between 0 and 1.
    pub fn new(shares: [f64; 3]) -> Result<Self, LimitError> {
        let rises = shares[0] > 0.0 && shares[0] < shares[1] && shares[1] < shares[2];
        let shown = || shares.map(|share| share.to_string()).join(", ");
        let rule = "three rising shares from 0 to 1";
        require(rises && shares[2] <= 1.0, "shares", shown, rule)?;
        Ok(Self(shares))
    }

    /// The shares.
    #[must_use]
    pub fn shares(self) -> [f64; 3] {
        self.0
    }
}

fn require(
    is_right: bool,
    name: &'static str,
    value: impl Fn() -> String,
    rule: &'static str,
) -> Result<(), LimitError> {
    match is_right {
        true => Ok(()),
        false => Err(LimitError {
            name,
            value: value(),
            rule,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_of_size_and_share_counts() {
        let limits = Limits::default();
        let large = limits.memory(Bytes::megabytes(64_000));
        assert_eq!(large[0], Bytes::megabytes(1500));
        let small = limits.memory(Bytes::megabytes(1000));
        assert_eq!(small, [700, 850, 950].map(Bytes::megabytes));
        assert_eq!(limits.memory(Bytes(0))[2], Bytes::megabytes(2500));
    }

    #[test]
    fn invalid_values_are_refused_by_name() {
        assert!(Steps::new([0.9, 0.8, 0.95]).is_err());
        assert!(Steps::new([0.5, 0.8, 1.2]).is_err());
        assert!(Steps::new([f64::NAN, 0.8, 0.9]).is_err());
        let error = Limits::default().with_system_memory(85.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid system memory `85`: expected a share from 0 to 1"
        );
    }
}
