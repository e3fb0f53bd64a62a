//! Files stay small and are named for their content.

use super::offence::Offence;
use super::tree::Tree;

const RULE: &str = "file-shape";

/// Lines of shipped code from which a file causes a warning, and the maximum.
const LOOK_TWICE: usize = 400;
const TOO_LONG: usize = 600;

/// Names under which anything can be put.
const NAMELESS: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "manager", "types", "misc",
];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, source) in tree.sources() {
        let code = source.shipped().filter(|(_, code)| !code.trim().is_empty());
        let lines = code.count();
        if lines > TOO_LONG {
            let message = format!("{lines} lines of code; the maximum is {TOO_LONG}: split it");
            offences.push(Offence::failure(RULE, path, 0, message));
        } else if lines > LOOK_TWICE {
            let message =
                format!("{lines} lines of code; consider splitting it (from {LOOK_TWICE} on)");
            offences.push(Offence::warning(RULE, path, 0, message));
        }

        let mut parts = path.trim_end_matches(".rs").rsplit('/');
        let name = parts.next().unwrap_or_default();
        if NAMELESS.contains(&name) || parts.clone().any(|folder| NAMELESS.contains(&folder)) {
            let message = "a file or folder is named for its content, not for being useful";
            offences.push(Offence::failure(RULE, path, 0, message));
        }
        if parts.next() == Some(name) {
            let message = format!("`{name}` is named like its folder: name the part it is");
            offences.push(Offence::failure(RULE, path, 0, message));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::super::offence::Severity;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<Severity> {
        let offences = check(&Tree::of(&[(path, text)]));
        offences.iter().map(|offence| offence.severity).collect()
    }

    #[test]
    fn long_files_warn_and_too_long_ones_fail() {
        let lines = |count| "fn a() {}\n".repeat(count);
        assert_eq!(found("core/src/a.rs", &lines(400)), []);
        assert_eq!(found("core/src/a.rs", &lines(401)), [Severity::Warns]);
        assert_eq!(found("core/src/a.rs", &lines(601)), [Severity::Fails]);
    }

    #[test]
    fn comments_and_tests_are_not_counted() {
        assert_eq!(found("core/src/a.rs", &"// b\n\n".repeat(900)), []);
        assert_eq!(found("core/tests/a.rs", &"fn a() {}\n".repeat(900)), []);
    }

    #[test]
    fn names_that_say_nothing_fail() {
        for path in [
            "core/src/utils.rs",
            "core/src/common/a.rs",
            "core/src/ledger/ledger.rs",
        ] {
            assert_eq!(found(path, ""), [Severity::Fails], "{path}");
        }
        assert_eq!(found("core/src/ledger.rs", ""), []);
        assert_eq!(found("core/src/type_names.rs", ""), []);
    }
}
