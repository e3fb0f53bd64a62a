//! Numbers with units, as reports show them.

use backstop_core::monitor::Unit;

const SIZES: [(&str, f64); 5] = [
    ("TB", 1e12),
    ("GB", 1e9),
    ("MB", 1e6),
    ("kB", 1e3),
    ("B", 1.0),
];

/// A value in its unit, such as `1.53 GB`.
pub(super) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => {
            let (name, size) = size_of(value);
            format!("{} {name}", digits(value / size))
        }
        Unit::Percent => format!("{} %", digits(value)),
        Unit::Seconds => seconds(value),
        _ => digits(value),
    }
}

/// A growth rate, such as `+12.0 MB/h`. Less than the last digit shown is no growth.
pub(super) fn rate(per_hour: f64, unit: Unit) -> String {
    let least = match unit {
        Unit::Bytes => 500.0,
        _ => 0.05,
    };
    if per_hour.abs() < least {
        return format!("0{}/h", value(0.0, unit).trim_start_matches('0'));
    }
    let sign = if per_hour > 0.0 { "+" } else { "−" };
    format!("{sign}{}/h", value(per_hour.abs(), unit))
}

/// The unit for a number of bytes of this size.
pub(super) fn size_of(value: f64) -> (&'static str, f64) {
    let fitting = SIZES.iter().find(|(_, size)| value.abs() >= *size);
    *fitting.unwrap_or(&SIZES[4])
}

/// Three significant digits, and no fraction for whole numbers.
pub(super) fn digits(value: f64) -> String {
    let places = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = grouped(&format!("{value:.places$}"));
    match text.trim_start_matches('-') {
        "0" | "0.0" | "0.00" => "0".into(),
        _ => text,
    }
}

/// Groups thousands with a non-breaking space.
fn grouped(text: &str) -> String {
    let end = text.find('.').unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let mut shown = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left.is_multiple_of(3) && !shown.ends_with('-') {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown + rest
}

/// A duration in its two largest units.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 if seconds.fract() != 0.0 => format!("{} s", digits(seconds)),
        0..60 => format!("{whole} s"),
        60..3600 => two(whole, 60, "min", 1, "s"),
        3600..86_400 => two(whole, 3600, "h", 60, "min"),
        _ => two(whole, 86_400, "d", 3600, "h"),
    }
}

fn two(whole: u64, large: u64, large_name: &str, small: u64, small_name: &str) -> String {
    match whole % large / small {
        0 => format!("{} {large_name}", whole / large),
        rest => format!("{} {large_name} {rest} {small_name}", whole / large),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_fitting_units() {
        assert_eq!(value(1.534e9, Unit::Bytes), "1.53 GB");
        assert_eq!(value(999.0, Unit::Bytes), "999 B");
        assert_eq!(value(250e6, Unit::Bytes), "250 MB");
        assert_eq!(value(12.345, Unit::Percent), "12.3 %");
        assert_eq!(value(1_234_567.0, Unit::Count), "1\u{202f}234\u{202f}567");
        assert_eq!(value(90_061.0, Unit::Seconds), "1 d 1 h");
        assert_eq!(value(3600.0, Unit::Seconds), "1 h");
        assert_eq!(rate(12e6, Unit::Bytes), "+12 MB/h");
        assert_eq!(rate(-0.5, Unit::Count), "−0.50/h");
        assert_eq!(rate(3.0, Unit::Bytes), "0 B/h");
        assert_eq!(digits(-0.001), "0");
    }
}
