//! Comments and the insides of literals, replaced by spaces: every place keeps its offset.

use super::is_word;

/// The text with only its code left.
pub(super) fn blanked(text: &str) -> String {
    let mut scan = Scan {
        text,
        at: 0,
        code: String::with_capacity(text.len()),
    };
    while scan.at < text.len() {
        scan.token();
    }
    scan.code
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    code: String,
}

impl Scan<'_> {
    fn token(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment(rest));
        } else if let Some(length) = self.raw_string(rest) {
            self.blank(length);
        } else if rest.starts_with('"') {
            self.blank(quoted(rest, '"'));
        } else if let Some(length) = character_literal(rest) {
            self.blank(length);
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            self.code.push_str(&rest[..length]);
            self.at += length;
        }
    }

    fn blank(&mut self, length: usize) {
        let gone = &self.text[self.at..self.at + length];
        let spaces = gone
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { ' ' });
        self.code.extend(spaces);
        self.at += length;
    }

    /// The length of `r"…"`, `br#"…"#` from its `r`, unless that `r` ends a longer name.
    fn raw_string(&self, rest: &str) -> Option<usize> {
        let after = rest.strip_prefix('r')?;
        let hashes = after.len() - after.trim_start_matches('#').len();
        let inside = after[hashes..].strip_prefix('"')?;
        let before = self.text[..self.at].trim_end_matches(['b', 'c']);
        if before.chars().next_back().is_some_and(is_word) {
            return None;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let length = inside
            .find(&close)
            .map_or(inside.len(), |end| end + close.len());
        Some(rest.len() - inside.len() + length)
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a literal with escapes, quotes included.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of `'x'`; `None` for a lifetime.
fn character_literal(rest: &str) -> Option<usize> {
    let mut inside = rest.strip_prefix('\'')?.chars();
    match (inside.next()?, inside.next()?) {
        ('\\', _) => Some(quoted(rest, '\'')),
        (character, '\'') => Some(character.len_utf8() + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        let code = blanked(text);
        assert_eq!(code.len(), text.len(), "every place keeps its offset");
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_gone() {
        assert_eq!(words("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(
            words(r#"a("b \" c", 'd', '\'', '"', "é") e"#),
            "a( , , , , ) e"
        );
        assert_eq!(words("a r#\"b \" c\"# d"), "a d");
    }

    #[test]
    fn lifetimes_and_names_that_end_in_r_stay() {
        assert_eq!(words("fn a<'b>(c: &'b str)"), "fn a<'b>(c: &'b str)");
        assert_eq!(words(r#"for"x""#), "for");
    }

    #[test]
    fn what_is_never_closed_ends_with_the_text() {
        assert_eq!(words("a /* b"), "a");
        assert_eq!(words("a \"b"), "a");
        assert_eq!(words("a r\"b"), "a");
    }
}
