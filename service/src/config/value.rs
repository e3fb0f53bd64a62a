//! Parses the text of a setting.

use std::time::Duration;

use backstop_core::monitor::Steps;
use backstop_core::resource::Bytes;
use backstop_core::text::parse_duration;

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("invalid value `{text}`: expected true or false")),
    }
}

/// A duration above zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration_or_zero(text)?;
    if duration.is_zero() {
        return Err(format!("`{text}` must be greater than zero"));
    }
    Ok(duration)
}

pub(super) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// A size greater than zero.
pub(super) fn size(text: &str) -> Result<Bytes, String> {
    let bytes: Bytes = text
        .parse()
        .map_err(|error: backstop_core::resource::ParseBytesError| error.to_string())?;
    if bytes.0 == 0 {
        return Err(format!("`{text}` must be greater than zero"));
    }
    Ok(bytes)
}

pub(super) fn count(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = text
        .parse()
        .ok()
        .filter(|count| (least..=most).contains(count));
    number.ok_or_else(|| {
        format!("invalid number `{text}`: expected a whole number from {least} to {most}")
    })
}

/// A share, in percent.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let share = number.parse().ok().map(|percent: f64| percent / 100.0);
    share
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| {
            format!("invalid percentage `{text}`: expected a number above 0 and up to 100")
        })
}

/// Three rising shares, in percent, separated by commas.
pub(super) fn steps(text: &str) -> Result<Steps, String> {
    let wrong =
        || format!("invalid value `{text}`: expected three rising percentages, e.g. 70,85,95");
    let shares = text
        .split(',')
        .map(percent)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong())?;
    let shares = <[f64; 3]>::try_from(shares).map_err(|_| wrong())?;
    Steps::new(shares).map_err(|_| wrong())
}
