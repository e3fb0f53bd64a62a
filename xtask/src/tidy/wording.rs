//! Text that people read is plain English of the field: the worst words of a translation are denied.
//!
//! Checked in the comments, string literals and function names of Rust files, and in the prose of Markdown
//! files.

use super::offence::Offence;
use super::source::{Source, words};
use super::tree::Tree;

const RULE: &str = "wording";

/// Denied words and phrases, each with what to write instead.
const DENIED: &[(&str, &str)] = &[
    ("nobody", "no process, no thread, no caller"),
    ("somebody", "another process, another user, a caller"),
    ("whoever", "the process that, the caller that"),
    ("anew", "again, from scratch"),
    ("dear", "expensive"),
    ("dearer", "more expensive"),
    ("at the most", "at most"),
    ("control group", "cgroup"),
    ("control groups", "cgroups"),
    ("process number", "PID"),
    ("lets go", "releases"),
    ("letting go", "releasing"),
    ("to be had", "available"),
    ("be had", "available"),
    ("looked into", "inspected"),
    ("for want of", "because there is no"),
    ("without a word", "unexpectedly"),
    ("means nothing", "is invalid"),
];

/// Files that are not checked, each with the reason.
const EXCLUDED: &[(&str, &str)] = &[(
    "xtask/src/tidy/wording.rs",
    "the table of denied phrases and its tests contain them",
)];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let sources = tree.sources().flat_map(|(path, source)| {
        let text = tree.text(path).unwrap_or_default();
        of_lines(path, &rust_prose(text, source))
    });
    let documents = tree.paths().filter(|path| path.ends_with(".md"));
    let documents = documents.flat_map(|path| {
        let text = tree.text(path).unwrap_or_default();
        of_lines(path, &markdown_prose(text))
    });
    sources.chain(documents).collect()
}

fn of_lines(path: &str, lines: &[String]) -> Vec<Offence> {
    if EXCLUDED.iter().any(|(excluded, _)| *excluded == path) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (number, line) in (1..).zip(lines) {
        for (phrase, instead) in DENIED {
            if contains(line, phrase) {
                let message = format!("`{phrase}`: write {instead}");
                offences.push(Offence::failure(RULE, path, number, message));
            }
        }
    }
    offences
}

/// Each line's comments and literals, and the words of a function's name, which for a test is a sentence.
fn rust_prose(text: &str, source: &Source) -> Vec<String> {
    let lines = text.lines().zip(source.lines());
    let prose = lines.map(|(line, (_, rest))| {
        let code = rest.code.as_bytes();
        let blank = |at: usize| code.get(at).is_none_or(|byte| *byte == b' ');
        let prose = line
            .char_indices()
            .map(|(at, letter)| if blank(at) { letter } else { '\n' });
        prose.chain(function_name(&rest.code)).collect()
    });
    prose.collect()
}

/// The words of the function that a line declares.
fn function_name(code: &str) -> impl Iterator<Item = char> {
    let mut words = words(code).map(|(_, word)| word);
    let name = words.find(|word| *word == "fn").and_then(|_| words.next());
    let name = name.map(|name| format!("\n{}", name.replace('_', " ")));
    name.unwrap_or_default()
        .chars()
        .collect::<Vec<_>>()
        .into_iter()
}

/// Each line without the text in backticks; nothing of fenced code.
fn markdown_prose(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let prose = text.lines().map(|line| {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            return String::new();
        }
        if is_fenced {
            return String::new();
        }
        line.split('`').step_by(2).collect::<Vec<_>>().join("\n")
    });
    prose.collect()
}

/// Whether the phrase is there as whole words, in any case.
fn contains(line: &str, phrase: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    line.match_indices(phrase).any(|(at, _)| {
        !is_letter(line[..at].chars().next_back())
            && !is_letter(line[at + phrase.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn denied_words_in_comments_and_literals_fail() {
        for text in [
            "//! Nobody reads it.",
            "/// Takes what somebody left.",
            "let x = 1; // whoever comes first",
            "let x = \"a process number\";",
            "/* dear */",
            "fn a_lock_that_somebody_holds_is_kept() {",
            "    fn a_process_number_is_read() {}",
        ] {
            assert_eq!(count("os/src/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn names_in_code_and_longer_words_pass() {
        for text in [
            "enum A { Nobody }",
            "let dear = nobody();",
            "fn endearing() {}",
            "// a dearth of renewed lets-go",
        ] {
            assert_eq!(count("os/src/a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn every_path_is_checked_but_this_file() {
        assert_eq!(count("somewhere/tests/a.rs", "// nobody"), 1);
        assert_eq!(count("service/README.md", "nobody"), 1);
        assert_eq!(count("CHANGELOG.md", "nobody"), 1);
        assert_eq!(count("xtask/src/tidy/wording.rs", "// nobody"), 0);
    }

    #[test]
    fn code_in_markdown_passes() {
        assert_eq!(count("os/a.md", "Prints `nobody`.\n```\nnobody\n```\n"), 0);
    }
}
