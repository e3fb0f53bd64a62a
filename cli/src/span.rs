//! Spans of time as people write them.

use std::time::Duration;

/// Reads `500ms`, `2s`, `7d`, `1h 30m`.
///
/// # Errors
/// The text is no span; the message says what one looks like.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        format!("`{text}` is not a span of time: write a whole number and a unit, such as 500ms, 2s, 10m, 24h or 7d")
    })
}

/// Shows a span in its two largest units.
pub(crate) fn show(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    match seconds {
        0 => format!("{millis}ms"),
        1..=59 => format!("{seconds}.{}s", millis / 100),
        60..=3599 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_shown() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(show(Duration::from_millis(1_230)), "1.2s");
        assert_eq!(show(Duration::from_secs(90_000)), "1d 1h");
    }

    #[test]
    fn what_is_no_span_is_refused_with_an_example() {
        for text in ["", "2", "-1s", "soon", "2 parsecs"] {
            assert!(
                parse(text).is_err_and(|message| message.contains("500ms")),
                "{text}"
            );
        }
    }
}
