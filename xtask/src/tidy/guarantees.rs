//! Every promise names tests, and the tests exist.

use super::markdown;
use super::offence::Offence;
use super::source::Function;
use super::tree::Tree;

const RULE: &str = "guarantees";
const DOCUMENT: &str = "docs/guarantees.md";

/// Checks each table that has a column `test` or `tests`.
pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let Some(text) = tree.text(DOCUMENT) else {
        let message = "missing: the guarantees are not checked against tests";
        return vec![Offence::warning(RULE, DOCUMENT, 0, message)];
    };
    let mut offences = Vec::new();
    let mut failure = |line, message: String| {
        offences.push(Offence::failure(RULE, DOCUMENT, line, message));
    };
    let mut column = None;
    let mut tables = 0;
    let mut in_table = false;
    for (number, line) in markdown::prose(text) {
        let Some(cells) = markdown::cells(line) else {
            in_table = false;
            continue;
        };
        if !in_table {
            in_table = true;
            column = cells.iter().position(|cell| is_tests(cell));
            tables += usize::from(column.is_some());
            continue;
        }
        let Some(cell) = column.and_then(|column| cells.get(column)) else {
            continue;
        };
        if cell.chars().all(|character| "-: ".contains(character)) && !cell.is_empty() {
            continue;
        }
        let mut tests = markdown::backticked(cell).peekable();
        if tests.peek().is_none() {
            failure(number, "a promise without a test".to_owned());
        }
        for test in tests {
            match find(tree, test) {
                Some(Function::Test) => {}
                Some(Function::Other) => {
                    failure(
                        number,
                        format!("`{test}` is not a test: it has no `#[test]`"),
                    );
                }
                None => failure(number, format!("there is no test `{test}`")),
            }
        }
    }
    if tables == 0 {
        failure(0, "no table has a column `test`".to_owned());
    }
    offences
}

fn is_tests(heading: &str) -> bool {
    let heading = heading.trim_matches('*');
    heading.eq_ignore_ascii_case("test") || heading.eq_ignore_ascii_case("tests")
}

/// Finds `path/to/file.rs::test` or `backstop_core::module::test`.
fn find(tree: &Tree, test: &str) -> Option<Function> {
    let (place, name) = test.rsplit_once("::")?;
    let file = place.split("::").next().unwrap_or(place);
    if file.ends_with(".rs") {
        let mut sources = tree.sources();
        let (_, source) = sources.find(|(path, _)| *path == file)?;
        return source.function(name);
    }
    let mut modules = place.split("::");
    let folder = folder(tree, modules.next()?)?;
    // Tests stand in a module `tests` that is mostly no file of its own.
    let module = modules.find(|module| *module != "tests");
    let of_module = tree.sources().filter(|(path, _)| {
        let is_in = |module| {
            path.trim_end_matches(".rs")
                .split('/')
                .any(|part| part == module)
        };
        path.starts_with(&folder) && module.is_none_or(is_in)
    });
    let found: Vec<_> = of_module
        .filter_map(|(_, source)| source.function(name))
        .collect();
    let test = found.iter().find(|function| **function == Function::Test);
    test.or(found.first()).copied()
}

/// The folder of a package by its name, in either spelling, with `/` at its end.
fn folder(tree: &Tree, package: &str) -> Option<String> {
    let package = package.replace('_', "-");
    tree.paths().find_map(|path| {
        let folder = path.strip_suffix("Cargo.toml")?;
        let manifest: toml::Table = tree.text(path)?.parse().ok()?;
        let name = manifest.get("package")?.get("name")?.as_str()?;
        (name == package).then(|| folder.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::offence::Severity;
    use super::*;

    fn found(tests: &str) -> Vec<Offence> {
        let text = format!("| promise | Tests |\n|---|:-:|\n| released once | {tests} |\n");
        check(&Tree::of(&[
            (DOCUMENT, &text),
            ("core/Cargo.toml", "[package]\nname = \"backstop-core\""),
            (
                "core/src/ledger/slot.rs",
                "mod tests { #[test] fn closes_once() {} fn opens() {} }",
            ),
            (
                "core/tests/kill.rs",
                "#[test]\nfn leaves_nothing() {}\nfn play() {}",
            ),
        ]))
    }

    #[test]
    fn tests_that_exist_pass_in_either_form() {
        assert_eq!(found("`core/tests/kill.rs::leaves_nothing`"), []);
        assert_eq!(found("`core/src/ledger/slot.rs::tests::closes_once`"), []);
        assert_eq!(
            found("`backstop_core::ledger::slot::tests::closes_once`"),
            []
        );
    }

    #[test]
    fn a_test_that_does_not_exist_fails() {
        for test in [
            "`core/tests/kill.rs::leaves_noting`",
            "`core/tests/gone.rs::leaves_nothing`",
            "`backstop_core::monitor::closes_once`",
            "`backstop_cor::ledger::closes_once`",
            "`leaves_nothing`",
        ] {
            let wrong = found(test);
            assert_eq!((wrong.len(), wrong[0].line), (1, 3), "{test}");
        }
    }

    #[test]
    fn a_function_that_is_no_test_fails() {
        for test in [
            "`core/tests/kill.rs::play`",
            "`backstop_core::ledger::slot::opens`",
        ] {
            let wrong = found(test);
            assert_eq!(wrong.len(), 1, "{test}");
            assert!(wrong[0].message.contains("is not a test"), "{wrong:?}");
        }
    }

    #[test]
    fn a_promise_without_a_test_fails() {
        assert_eq!(found("later").len(), 1);
        assert_eq!(found("").len(), 1);
    }

    #[test]
    fn without_the_document_it_warns_and_without_a_table_it_fails() {
        assert_eq!(check(&Tree::of(&[]))[0].severity, Severity::Warns);
        let bare = check(&Tree::of(&[(DOCUMENT, "# Guarantees")]));
        assert_eq!(bare[0].severity, Severity::Fails);
    }
}
