//! Macros and markers that must not be committed, and prints in libraries.

use super::offence::Offence;
use super::source::words;
use super::tree::Tree;

const RULE: &str = "leftovers";

/// Macros that stay in no code at all.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

/// Macros for what has a terminal.
const PRINTS: &[&str] = &["print", "println", "eprint", "eprintln"];

/// Packages that print to a terminal, or are not shipped.
const MAY_PRINT: &[&str] = &["cli/", "xtask/", "benches/"];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, source) in tree.sources() {
        let may_print = MAY_PRINT.iter().any(|package| path.starts_with(package))
            // A program next to a library, such as one a test starts, may print.
            || ["/examples/", "/bin/", "/benches/"].iter().any(|folder| path.contains(folder))
            || path.ends_with("build.rs");
        for (number, line) in source.lines() {
            if line.code.contains("#[ignore") {
                let message = "an ignored test: run it, or report a skip with the reason";
                offences.push(Offence::failure(RULE, path, number, message));
            }
            for (at, word) in words(&line.code) {
                if !line.code[at + word.len()..].starts_with("!") {
                    continue;
                }
                if UNFINISHED.contains(&word) {
                    let message = format!("`{word}!` was left behind");
                    offences.push(Offence::failure(RULE, path, number, message));
                } else if PRINTS.contains(&word) && !may_print && !line.is_test {
                    let message = format!("`{word}!` in a library: libraries never print");
                    offences.push(Offence::failure(RULE, path, number, message));
                }
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn what_was_left_behind_fails_everywhere() {
        for text in [
            "todo!()",
            "unimplemented!(\"x\")",
            "dbg!(a)",
            "#[ignore = \"x\"]",
            "#[ignore]",
        ] {
            assert_eq!(count("core/src/a.rs", text), 1, "{text}");
            assert_eq!(count("cli/tests/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn only_libraries_may_not_print() {
        assert_eq!(count("core/src/a.rs", "println!()"), 1);
        assert_eq!(count("adapters-db/src/a.rs", "eprintln!()"), 1);
        for path in [
            "cli/src/a.rs",
            "core/tests/a.rs",
            "core/examples/a.rs",
            "testkit/src/bin/a.rs",
        ] {
            assert_eq!(count(path, "println!()"), 0, "{path}");
        }
    }

    #[test]
    fn mentions_and_longer_names_pass() {
        assert_eq!(
            count("core/src/a.rs", "// todo!()\nwriteln!(\"dbg!()\"); a != b"),
            0
        );
    }
}
