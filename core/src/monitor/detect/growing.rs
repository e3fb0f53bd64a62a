//! Whether one measure grows, over the window and over a long one.

use std::time::Duration;

use super::figures;
use crate::monitor::series::Series;
use crate::monitor::trend::{Course, Shape, Trend};
use crate::monitor::{Evidence, Limits, Severity, Unit};

/// One measure, monitored for growth.
///
/// It is checked over the window, and over six of them for slow leaks; the same rise counts in
/// both. The long window also knows the earlier maximum: a sawtooth that is longer than the window
/// returns to its old height, and is found on its first tooth at most.
///
/// A check needs at least eight points: at intervals longer than a tenth of the window, only the
/// long window finds anything.
///
/// It no longer grows when, for a quarter of the window, neither window has at least half of the
/// rise with a last quarter that still rises.
#[derive(Debug)]
pub(super) struct Growing {
    window: Duration,
    short: Series,
    long: Series,
    /// How fast it grows per hour, while it grows.
    per_hour: Option<f64>,
    level_since: Option<Duration>,
    /// The reading when the last point was added.
    said: Reading,
}

/// The reading of a measure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading {
    /// Unknown, or not known yet.
    Unknown,
    /// It does not grow.
    Level,
    /// It grows.
    Grows(Trend),
}

impl Growing {
    /// The number of windows in a long one.
    const LONG: u32 = 6;
    const SHORT_POINTS: u32 = 120;
    const LONG_POINTS: u32 = 60;
    /// A long window allows more certainty: this share of pairs must rise.
    const LONG_RISING: f64 = 0.75;
    /// So many points of the long look are kept however old they are: enough for two in each quarter of
    /// a window where they are as unevenly spread as an unspent budget makes them.
    const LEAST_POINTS: usize = 32;

    pub(super) fn new(limits: &Limits) -> Self {
        let window = limits.window();
        Self {
            window,
            short: Series::new(window, Self::SHORT_POINTS),
            long: Series::new(window.saturating_mul(Self::LONG), Self::LONG_POINTS)
                .keeping(Self::LEAST_POINTS),
            per_hour: None,
            level_since: None,
            said: Reading::Unknown,
        }
    }

    pub(super) fn forget_measures(&mut self) {
        self.short.clear();
        self.long.clear();
        self.level_since = None;
        self.said = Reading::Unknown;
    }

    /// How fast it grows per hour, while it grows.
    pub(super) fn per_hour(&self) -> Option<f64> {
        self.per_hour
    }

    /// Adds a measurement, and returns whether the measure grows by at least `rise`.
    pub(super) fn look(&mut self, at: Duration, value: f64, rise: f64) -> Reading {
        self.long.push(at, value);
        // A measurement that is merged into the last point changes nothing, and checking all pairs
        // is expensive.
        if self.short.push(at, value) {
            self.said = self.judge(at, rise);
        }
        self.said.clone()
    }

    fn judge(&mut self, at: Duration, rise: f64) -> Reading {
        let least = if self.per_hour.is_some() {
            rise / 2.0
        } else {
            rise
        };
        let short = self.short.course(least);
        let long = self.long.course(least);
        let wide = match short {
            Course::Unknown if self.long.covers(self.window) => {
                self.long.widened(self.window, least)
            }
            _ => Course::Unknown,
        };
        if let Some(trend) = self.growth(&short, &wide, &long, rise).cloned() {
            return self.grows(trend);
        }
        let short = match short {
            Course::Unknown => wide,
            short => short,
        };
        match short {
            _ if self.per_hour.is_some() => self.look_open(at, &short, &long, least),
            Course::Unknown => Reading::Unknown,
            Course::Level | Course::Moved(_) => Reading::Level,
        }
    }

    fn growth<'a>(
        &self,
        short: &'a Course,
        wide: &'a Course,
        long: &'a Course,
        rise: f64,
    ) -> Option<&'a Trend> {
        let grows = |trend: &&Trend| trend.rise >= rise && trend.shape() == Shape::Growth;
        let is_new_high = |trend: &&Trend| {
            let before = self.long.high_before(trend.from);
            before.is_none_or(|before| trend.high >= before + trend.rise / 2.0)
        };
        // Beyond the long window as much in the same time as within it.
        let long_window = self.window.saturating_mul(Self::LONG);
        let is_fast_enough = |trend: &&Trend| {
            let windows = trend.span.div_duration_f64(long_window);
            trend.rise >= rise * windows.max(1.0)
        };
        let at_once = short.trend().filter(grows).filter(is_new_high);
        let steady = |trend: &&Trend| trend.rising >= Self::LONG_RISING;
        let widely = || {
            let trend = wide.trend().filter(grows).filter(steady);
            trend.filter(is_new_high).filter(is_fast_enough)
        };
        at_once
            .or_else(widely)
            .or_else(|| long.trend().filter(grows).filter(steady))
    }

    fn look_open(&mut self, at: Duration, short: &Course, long: &Course, least: f64) -> Reading {
        if *short == Course::Unknown && *long == Course::Unknown {
            return Reading::Unknown;
        }
        let goes_on = |trend: &&Trend| trend.rise >= least && trend.still_rises();
        let goes_on = short
            .trend()
            .filter(goes_on)
            .or(long.trend().filter(goes_on));
        if let Some(trend) = goes_on {
            return self.grows(trend.clone());
        }
        let since = *self.level_since.get_or_insert(at);
        if at.saturating_sub(since) < self.window / 4 {
            return Reading::Unknown;
        }
        self.per_hour = None;
        self.level_since = None;
        Reading::Level
    }

    fn grows(&mut self, trend: Trend) -> Reading {
        self.per_hour = Some(trend.per_hour());
        self.level_since = None;
        Reading::Grows(trend)
    }
}

/// The severity by the time until a growing measure reaches its limit: an hour is critical, a day
/// high, a week medium.
pub(super) fn severity_by_time_left(trend: &Trend, end: f64) -> Severity {
    let hours = (end - trend.latest) / trend.per_hour();
    match hours {
        ..1.0 => Severity::Critical,
        ..24.0 => Severity::High,
        ..168.0 => Severity::Medium,
        _ => Severity::Low,
    }
}

/// The severity by how many times the allowed rise it rose: 16 times is high, 4 times medium.
pub(super) fn severity_by_rise(trend: &Trend, rise: f64) -> Severity {
    match trend.rise / rise {
        16.0.. => Severity::High,
        4.0.. => Severity::Medium,
        _ => Severity::Low,
    }
}

/// The measurement as a sentence: `memory in use grew by 214.0 MB in 9 min, 1.4 GB/hour, rising in
/// 97 % of comparisons, to 512.0 MB`.
pub(super) fn evidence(what: &str, trend: &Trend, limit: f64, unit: Unit) -> Evidence {
    let text = format!(
        "{what} grew by {} in {}, {}/hour, rising in {} of comparisons, to {}",
        figures::amount(trend.rise, unit),
        figures::span(trend.span),
        figures::amount(trend.per_hour(), unit),
        figures::percent(trend.rising),
        figures::amount(trend.latest, unit),
    );
    Evidence {
        value: trend.rise,
        limit,
        unit,
        per_hour: Some(trend.per_hour()),
        text,
        sparse: None,
    }
}
