//! Numbers of things.

/// A number with its noun, as in `1 file` and `2 files`.
///
/// # Examples
/// ```
/// use backstop_core::text::counted;
///
/// assert_eq!(counted(1, "process", "processes"), "1 process");
/// assert_eq!(counted(0, "file", "files"), "0 files");
/// ```
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}
