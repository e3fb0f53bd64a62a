//! Text from elsewhere, made safe to print.

use std::borrow::Cow;

/// Text that prints on one line and sends the terminal nothing but characters: names of files and
/// processes and labels are chosen by other programs.
///
/// Control characters are shown as Rust escapes them (`\n`, `\u{1b}`), and so are the characters that
/// change the direction of the text or break a line without being control characters.
///
/// # Examples
/// ```
/// use backstop_core::text::printable;
///
/// assert_eq!(printable("résumé.pdf"), "résumé.pdf");
/// assert_eq!(printable("evil\x1b[31m\n"), r"evil\u{1b}[31m\n");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_unsafe(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(character: char) -> bool {
    // The bidirectional controls and the two separators are in other categories of Unicode.
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_not_copied() {
        assert!(matches!(printable("plain – ünï"), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_reaches_the_terminal_as_a_command_or_a_second_line() {
        let shown = printable("a\x1b]0;title\x07\r\nb\u{9b}31m\u{202e}c\u{2028}");
        assert_eq!(
            shown,
            r"a\u{1b}]0;title\u{7}\r\nb\u{9b}31m\u{202e}c\u{2028}"
        );
    }
}
