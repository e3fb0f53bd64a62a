//! Rust text, as the checks read it: without comments and literals, tests marked.
//!
//! It scans characters and is not a parser: enough to distinguish a name in code from the same name in a
//! comment, and much faster to build.

mod blank;

/// A Rust file.
pub(crate) struct Source {
    lines: Vec<Line>,
}

/// One line of it.
pub(crate) struct Line {
    /// What is left without comments and the insides of literals.
    pub(crate) code: String,
    /// Compiled only for tests.
    pub(crate) is_test: bool,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank::blanked(text);
        let everything = is_test_file(path) || code.contains("#![cfg(test)]");
        let tests = test_items(&code);
        let mut start = 0;
        let mut lines = Vec::new();
        for line in code.split_inclusive('\n') {
            let inside = tests.iter().any(|(from, to)| (*from..*to).contains(&start));
            // The attribute's own line starts before it when it is indented.
            let opens = tests
                .iter()
                .any(|(from, _)| (start..start + line.len()).contains(from));
            lines.push(Line {
                code: line.trim_end().to_owned(),
                is_test: everything || inside || opens,
            });
            start += line.len();
        }
        Self { lines }
    }

    /// All lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        (1..).zip(&self.lines)
    }

    /// The lines that are part of what is shipped.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let shipped = self.lines().filter(|(_, line)| !line.is_test);
        shipped.map(|(number, line)| (number, line.code.as_str()))
    }

    /// The function of this name, a test before any other: also one within `proptest!`.
    pub(crate) fn function(&self, name: &str) -> Option<Function> {
        let mut code = String::new();
        let mut found = None;
        for line in &self.lines {
            let mut words = words(&line.code).zip(words(&line.code).skip(1));
            let here = words.find(|((_, keyword), (_, word))| *keyword == "fn" && *word == name);
            if let Some(((at, _), _)) = here {
                code.push_str(&line.code[..at]);
                // Its attributes are what is between the item before it and itself.
                let start = code.rfind(['{', '}', ';']).map_or(0, |end| end + 1);
                if code[start..].contains("#[test]") {
                    return Some(Function::Test);
                }
                found = Some(Function::Other);
                code.push_str(&line.code[at..]);
            } else {
                code.push_str(&line.code);
            }
            code.push('\n');
        }
        found
    }
}

/// What a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// A test that libtest runs.
    Test,
    /// Not a test: nothing runs it by itself.
    Other,
}

/// The identifiers of a line, with their places.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + code[rest..].find(is_word)?;
        let end = code[start..].find(|character| !is_word(character));
        rest = end.map_or(code.len(), |length| start + length);
        Some((start, &code[start..rest]))
    })
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_test_file(path: &str) -> bool {
    let mut folders = path.split('/').rev();
    let file = folders.next().unwrap_or_default();
    file == "tests.rs" || folders.any(|folder| ["tests", "benches", "examples"].contains(&folder))
}

/// The positions of items that only tests compile.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (start, _) in code.match_indices(attribute) {
            items.push((start, item_end(code, start)));
        }
    }
    items
}

/// The end of the item that starts with an attribute: its `;`, or the brace that closes it.
fn item_end(code: &str, start: usize) -> usize {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (at, character) in code[start..].char_indices() {
        match character {
            '{' => braces += 1,
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && brackets == 0 {
                    return start + at + 1;
                }
            }
            ';' if braces == 0 && brackets == 0 => return start + at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(text: &str) -> Vec<usize> {
        let source = Source::new("a/src/b.rs", text);
        source.shipped().map(|(number, _)| number).collect()
    }

    #[test]
    fn a_test_module_is_marked_to_its_closing_brace() {
        let text = "use a;\n    #[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n";
        assert_eq!(shipped(text), [1, 6]);
    }

    #[test]
    fn a_test_item_without_braces_ends_at_its_semicolon() {
        assert_eq!(shipped("#[cfg(test)]\nuse a::{b, c};\nfn d() {}"), [3]);
        assert_eq!(
            shipped("#[cfg(test)]\nconst A: [u8; 2] = [1, 2];\nfn d() {}"),
            [3]
        );
    }

    #[test]
    fn files_of_tests_are_tests_throughout() {
        for path in [
            "core/tests/a.rs",
            "core/src/ledger/tests.rs",
            "benches/benches/x.rs",
        ] {
            assert_eq!(
                Source::new(path, "fn a() {}").shipped().count(),
                0,
                "{path}"
            );
        }
        assert_eq!(shipped("#![cfg(test)]\nfn a() {}").len(), 0);
    }

    #[test]
    fn functions_are_found_by_their_whole_name() {
        let source = Source::new("a.rs", "// fn hidden() {}\nasync fn seen_twice() {}");
        assert_eq!(source.function("seen_twice"), Some(Function::Other));
        assert_eq!(source.function("seen"), None);
        assert_eq!(source.function("hidden"), None);
    }

    #[test]
    fn a_test_is_told_from_a_function_between_tests() {
        let text = "mod tests { #[test]\n#[expect(\n a,\n reason = \"}\"\n)]\nfn one() { a(); }\n\
                    // #[test]\nfn two() {}\nproptest! {\n /// Says.\n #[test]\n fn three(a in 0..1) {}\n}}";
        let source = Source::new("a.rs", text);
        assert_eq!(source.function("one"), Some(Function::Test));
        assert_eq!(source.function("two"), Some(Function::Other));
        assert_eq!(source.function("three"), Some(Function::Test));
    }
}
