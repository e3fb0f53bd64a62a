//! The number of rounds of a test.

/// The variable that sets how often a test plays its scene.
pub const ROUNDS: &str = "BACKSTOP_ROUNDS";

/// How many rounds a test plays: `default` in every run, `BACKSTOP_ROUNDS` in a long one. A test whose
/// scene is much cheaper than others' multiplies it.
///
/// # Panics
/// The variable is not a number above zero: a test of no rounds proves nothing.
#[must_use]
pub fn rounds(default: u32) -> u32 {
    let Some(text) = std::env::var_os(ROUNDS).filter(|text| !text.is_empty()) else {
        return default;
    };
    let count = text.to_str().and_then(|text| text.parse().ok());
    count
        .filter(|count| *count > 0)
        .unwrap_or_else(|| panic!("{ROUNDS} is not a number of rounds: {}", text.display()))
}
