//! Durations, as people write and read them.

use std::time::Duration;

/// The text is not a duration such as `500ms`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration `{0}`: use a number and a unit, e.g. 500ms, 2s, 10m, 24h, 7d")]
pub struct ParseDurationError(String);

const SECOND: u64 = 1_000_000_000;

/// The units, in nanoseconds; a month is 30.44 days and a year 365.25.
const UNITS: &[(&[&str], u64)] = &[
    (&["ns", "nsec"], 1),
    (&["us", "µs", "usec"], 1_000),
    (&["ms", "msec"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], 60 * SECOND),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600 * SECOND),
    (&["d", "day", "days"], 86_400 * SECOND),
    (&["w", "week", "weeks"], 7 * 86_400 * SECOND),
    (&["M", "month", "months"], 2_630_016 * SECOND),
    (&["y", "year", "years"], 31_557_600 * SECOND),
];

/// Reads `500ms`, `2s`, `7d`, `1h 30m`: whole numbers with units, which are added up. A number without a
/// unit is refused, but for `0`.
///
/// # Errors
/// The text is not a duration, or longer than [`Duration::MAX`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::text::parse_duration;
///
/// assert_eq!(parse_duration("1h 30m")?, Duration::from_secs(5400));
/// assert!(parse_duration("soon").is_err());
/// # Ok::<(), backstop_core::text::ParseDurationError>(())
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    sum(text.trim()).ok_or_else(|| ParseDurationError(text.to_owned()))
}

fn sum(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|next: char| !next.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after
            .find(|next: char| !next.is_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, size) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
        let nanos = u128::from(number.parse::<u64>().ok()?) * u128::from(*size);
        let seconds = u64::try_from(nanos / u128::from(SECOND)).ok()?;
        let nanos = (nanos % u128::from(SECOND)) as u32;
        total = total.checked_add(Duration::new(seconds, nanos))?;
        rest = after.trim_start();
    }
    Some(total)
}

/// Shows a duration in its two largest units: `12ms`, `1.2s`, `5m`, `1h 30m`, `2d 4h`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let two = |large: u64, large_unit, small: u64, small_unit| match seconds % large / small {
        0 => format!("{}{large_unit}", seconds / large),
        rest => format!("{}{large_unit} {rest}{small_unit}", seconds / large),
    };
    match seconds {
        0 if millis == 0 && !duration.is_zero() => format!("{}µs", duration.subsec_micros()),
        0 => format!("{millis}ms"),
        1..=59 if millis < 100 => format!("{seconds}s"),
        1..=59 => format!("{seconds}.{}s", millis / 100),
        60..=3599 => two(60, "m", 1, "s"),
        3600..=86_399 => two(3600, "h", 60, "m"),
        _ => two(86_400, "d", 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("2s", 2_000),
            (" 2 s ", 2_000),
            ("2 seconds", 2_000),
            ("1h 30m", 5_400_000),
            ("1h30min", 5_400_000),
            ("7d", 7 * 86_400_000),
            ("1w 1day", 8 * 86_400_000),
            ("1500us", 1),
        ] {
            let parsed = parse_duration(text).map(|parsed| parsed.as_millis());
            assert_eq!(parsed, Ok(millis), "{text}");
        }
        let ages = parse_duration("500000000000y").unwrap();
        assert_eq!(ages.as_secs(), 500_000_000_000 * 31_557_600);
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_an_example() {
        for text in [
            "",
            " ",
            "2",
            "-1s",
            "1.5s",
            "soon",
            "2 parsecs",
            "s",
            "2s 3",
            "2ss",
            "999999999999y",
            "99999999999999999999s",
            "٣s",
        ] {
            let error = parse_duration(text).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("500ms"), "{error}");
        }
    }

    #[test]
    fn durations_are_shown_in_two_units_that_are_read_again() {
        for (millis, text) in [
            (0, "0ms"),
            (12, "12ms"),
            (1_000, "1s"),
            (1_230, "1.2s"),
            (300_000, "5m"),
            (3_661_000, "1h 1m"),
            (90_000_000, "1d 1h"),
        ] {
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(show_duration(Duration::from_micros(40)), "40µs");
        assert_eq!(
            parse_duration("1d 1h").map(show_duration).as_deref(),
            Ok("1d 1h")
        );
    }
}
