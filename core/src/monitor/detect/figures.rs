//! Formats figures for people.

use std::time::Duration;

use crate::monitor::Unit;
use crate::resource::Bytes;

/// A measure in its unit: `214.0 MB`, `1400`, `12 %`, `9 min`.
pub(super) fn amount(value: f64, unit: Unit) -> String {
    let magnitude = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    match unit {
        Unit::Bytes => format!("{sign}{}", Bytes(magnitude as u64)),
        Unit::Count if magnitude < 10.0 && magnitude.fract() >= 0.05 => format!("{value:.1}"),
        Unit::Count => format!("{value:.0}"),
        Unit::Percent => format!("{value:.0} %"),
        Unit::Seconds => format!("{sign}{}", span(Duration::from_secs_f64(magnitude))),
    }
}

/// A duration in its two largest units: `8 s`, `9 min`, `2 h 10 min`, `3 d 4 h`.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs_f64().round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let pair = |first: u64, unit: &str, second: u64, smaller: &str| match second {
        0 => format!("{first} {unit}"),
        _ => format!("{first} {unit} {second} {smaller}"),
    };
    match seconds {
        0..90 => format!("{seconds} s"),
        90..600 => pair(minutes, "min", seconds % 60, "s"),
        600..3600 => format!("{minutes} min"),
        3600..86400 => pair(hours, "h", minutes % 60, "min"),
        _ => pair(days, "d", hours % 24, "h"),
    }
}

/// A share from 0 to 1, in whole percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_unit_that_fits_their_size() {
        assert_eq!(amount(214e6, Unit::Bytes), "214.0 MB");
        assert_eq!(amount(1400.4, Unit::Count), "1400");
        assert_eq!(amount(2.5, Unit::Count), "2.5");
        assert_eq!(amount(600.0, Unit::Seconds), "10 min");
        let spans = [8, 95, 540, 1234, 7800, 90_000];
        let shown = spans.map(|seconds| span(Duration::from_secs(seconds)));
        let expected = [
            "8 s",
            "1 min 35 s",
            "9 min",
            "20 min",
            "2 h 10 min",
            "1 d 1 h",
        ];
        assert_eq!(shown, expected);
    }
}
