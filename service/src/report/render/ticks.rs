//! The tick marks of an axis.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::quantity;
use backstop_core::monitor::Unit;

/// A tick mark: its position, from 0 to 1, and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) place: f64,
    pub(super) label: String,
}

/// The range of values of a chart, and the marks on its vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<Tick>,
}

impl Scale {
    /// A scale with round marks around the values from `least` to `most`. It starts at zero, unless
    /// the curve would look flat then.
    pub(super) fn of(least: f64, most: f64, unit: Unit) -> Self {
        let range = most - least;
        let floor = match unit {
            Unit::Percent => 0.0,
            _ if range < most * 0.25 && range > 0.0 => (least - range * 0.25).max(0.0),
            _ => 0.0,
        };
        let rough = ((most - floor) / 5.0).max(f64::MIN_POSITIVE);
        let mut step = round_step(rough);
        if unit == Unit::Count || unit == Unit::Bytes {
            step = step.max(1.0);
        }
        let first = (floor / step).floor();
        let last = (most / step).ceil().max(first + 1.0);
        let (low, high) = (first * step, last * step);
        let size = match unit {
            Unit::Bytes => quantity::size_of(high),
            Unit::Percent => ("%", 1.0),
            _ => ("", 1.0),
        };
        let count = (last - first) as u32;
        let ticks = (0..=count).map(|number| Tick {
            place: f64::from(number) / f64::from(count),
            label: label(low + f64::from(number) * step, step, size),
        });
        Self {
            low,
            high,
            ticks: ticks.collect(),
        }
    }

    /// The position of a value, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// As many decimal places as are needed to distinguish the marks.
fn label(value: f64, step: f64, (name, size): (&str, f64)) -> String {
    let (value, step) = (value / size, step / size);
    let places = (0..6)
        .find(|places| (step * 10_f64.powi(*places)).fract().abs() < 1e-6)
        .unwrap_or(6) as usize;
    if value == 0.0 {
        return "0".into();
    }
    format!("{value:.places$} {name}").trim_end().to_owned()
}

/// 1, 2 or 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factor = match rough / power {
        ratio if ratio <= 1.0 => 1.0,
        ratio if ratio <= 2.0 => 2.0,
        ratio if ratio <= 5.0 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// Steps within a day, in seconds.
const STEPS: [i64; 16] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];
const DAY: i64 = 86_400;

/// Marks on the time axis, at round times of the zone's calendar.
pub(super) fn times(from: Timestamp, until: Timestamp, zone: &TimeZone, most: usize) -> Vec<Tick> {
    let seconds = until.duration_since(from).as_secs_f64();
    if seconds <= 0.0 {
        return Vec::new();
    }
    let fits = |step: i64| seconds / step as f64 <= most as f64;
    let (times, format): (Vec<Timestamp>, _) = match STEPS.iter().find(|step| fits(**step)) {
        Some(step) if *step < DAY => {
            let format = if *step < 60 { "%H:%M:%S" } else { "%H:%M" };
            (within_days(from, until, zone, *step), format)
        }
        _ => {
            let days = (1..).find(|days| fits(days * DAY)).unwrap_or(1);
            // Months are counted by their first days, where counting days would take long.
            match days {
                1..=13 => (days_apart(from, until, zone, days), "%-d %b"),
                _ => (months(from, until, zone, days / 31 + 1), "%b %Y"),
            }
        }
    };
    let tick = |at: Timestamp| {
        let zoned = at.to_zoned(zone.clone());
        let is_midnight = zoned.hour() == 0 && zoned.minute() == 0 && zoned.second() == 0;
        let format = if is_midnight && !format.contains("%Y") {
            "%-d %b"
        } else {
            format
        };
        Tick {
            place: at.duration_since(from).as_secs_f64() / seconds,
            label: zoned.strftime(format).to_string(),
        }
    };
    let is_in = |at: &Timestamp| (from..=until).contains(at);
    times.into_iter().filter(is_in).map(tick).collect()
}

fn date_of(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

fn within_days(from: Timestamp, until: Timestamp, zone: &TimeZone, step: i64) -> Vec<Timestamp> {
    let mut times = Vec::new();
    let mut day = date_of(from, zone);
    while day <= date_of(until, zone) {
        // By wall-clock time: noon is noon even on the day of a change to summer time. Only the
        // seconds of the period are visited, not all of a day's.
        let midnight = day.to_datetime(jiff::civil::Time::midnight());
        let since = |at: Timestamp| {
            let civil = zone.to_datetime(at);
            civil.duration_since(midnight).as_secs().clamp(0, DAY - 1)
        };
        for number in since(from) / step..=since(until) / step {
            let at = midnight.saturating_add((number * step).seconds());
            if let Ok(zoned) = at.to_zoned(zone.clone()) {
                times.push(zoned.timestamp());
            }
        }
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    times.dedup();
    times
}

fn days_apart(from: Timestamp, until: Timestamp, zone: &TimeZone, days: i64) -> Vec<Timestamp> {
    firsts(date_of(from, zone), date_of(until, zone), zone, days.days())
}

fn months(from: Timestamp, until: Timestamp, zone: &TimeZone, months: i64) -> Vec<Timestamp> {
    let first = date_of(from, zone).first_of_month();
    firsts(first, date_of(until, zone), zone, months.months())
}

fn firsts(first: Date, last: Date, zone: &TimeZone, step: jiff::Span) -> Vec<Timestamp> {
    let mut times = Vec::new();
    let mut day = first;
    while day <= last {
        if let Ok(zoned) = day.to_zoned(zone.clone()) {
            times.push(zoned.timestamp());
        }
        match day.checked_add(step) {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| &*tick.label).collect()
    }

    #[test]
    fn marks_are_round_and_hold_all_values() {
        let scale = Scale::of(10.0, 87.0, Unit::Count);
        assert_eq!(labels(&scale.ticks), ["0", "20", "40", "60", "80", "100"]);
        let scale = Scale::of(200e6, 1.1e9, Unit::Bytes);
        assert_eq!(labels(&scale.ticks), ["0", "0.5 GB", "1.0 GB", "1.5 GB"]);
        let scale = Scale::of(800e6, 850e6, Unit::Bytes);
        assert!(scale.low > 0.0 && scale.low <= 800e6 && scale.high >= 850e6);
        let scale = Scale::of(0.0, 0.0, Unit::Count);
        assert_eq!(labels(&scale.ticks), ["0", "1"]);
        let scale = Scale::of(3.0, 3.0, Unit::Count);
        assert_eq!(labels(&scale.ticks), ["0", "1", "2", "3"]);
    }

    #[test]
    fn times_are_round_for_every_period() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let from: Timestamp = "2026-10-24T20:10:00Z".parse().unwrap();
        for seconds in [
            1, 20, 300, 3600, 40_000, 90_000, 604_800, 2_600_000, 40_000_000,
        ] {
            let until = from + seconds.seconds();
            let ticks = times(from, until, &zone, 6);
            assert!(ticks.len() <= 8, "{seconds} {ticks:?}");
            assert!(!ticks.is_empty(), "{seconds}");
            assert!(ticks.is_sorted_by(|one, other| one.place < other.place));
        }
        let ticks = times(from, from + 15.hours(), &zone, 6);
        assert_eq!(
            labels(&ticks),
            ["25 Oct", "03:00", "06:00", "09:00", "12:00"]
        );
        assert_eq!(times(from, from, &zone, 6), []);
    }
}
