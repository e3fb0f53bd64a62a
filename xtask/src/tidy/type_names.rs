//! Public types are named with the words of the design, not with words for anything, and each name means
//! one thing in all libraries.

use std::collections::BTreeMap;

use super::offence::Offence;
use super::source::words;
use super::tree::Tree;

const RULE: &str = "type-names";
const KEYWORDS: &[&str] = &["struct", "enum", "union", "trait", "type"];
const DENIED: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils"];

/// The folders of the libraries' sources; every folder `adapters-*` is one too.
const LIBRARIES: &[&str] = &["os", "core", "service", "testkit"];

/// The twin of another module, with the same names, of which only one is compiled.
const TWIN: &str = "os/src/unsupported/";

/// Names that two libraries share, each with the reason.
const SHARED: &[(&str, &str)] = &[
    (
        "AtomicFile",
        "backstop-tempfs's is core's, with a handle limit: one concept in both",
    ),
    (
        "AtomicOptions",
        "backstop-tempfs's are core's, with a handle limit: one concept in both",
    ),
];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (path, source) in tree.sources() {
        for (number, code) in source.shipped() {
            let Some(declared) = declared(code) else {
                continue;
            };
            let name = declared.name;
            if let Some(denied) = DENIED.iter().find(|denied| name.ends_with(*denied)) {
                let message = format!("`{name}`: `{denied}` is too general; name what it is");
                offences.push(Offence::failure(RULE, path, number, message));
            }
            if !declared.is_exported || !is_library(path) || is_shared(name) {
                continue;
            }
            let other = *first.entry(name).or_insert(path);
            if other != path {
                let message = format!("`{name}` is also a type in {other}: one name, one meaning");
                offences.push(Offence::failure(RULE, path, number, message));
            }
        }
    }
    offences
}

/// A type that a line declares with any `pub`.
struct Declared<'a> {
    name: &'a str,
    /// Whether it is `pub` without a restriction.
    is_exported: bool,
}

fn declared(code: &str) -> Option<Declared<'_>> {
    let all: Vec<_> = words(code).map(|(_, word)| word).collect();
    let at = all.iter().position(|word| KEYWORDS.contains(word))?;
    if !all[..at].contains(&"pub") {
        return None;
    }
    Some(Declared {
        name: all.get(at + 1)?,
        is_exported: !code.contains("pub("),
    })
}

fn is_library(path: &str) -> bool {
    let Some((folder, rest)) = path.split_once('/') else {
        return false;
    };
    let is_library = LIBRARIES.contains(&folder) || folder.starts_with("adapters-");
    is_library && rest.starts_with("src/") && !path.starts_with(TWIN)
}

fn is_shared(name: &str) -> bool {
    SHARED.iter().any(|(shared, _)| *shared == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_type_that_could_be_anything_fails() {
        for text in [
            "pub struct SlotManager<T> {",
            "pub(crate) enum Helper {",
            "pub unsafe trait PathUtils: Send {",
        ] {
            assert_eq!(
                check(&Tree::of(&[("core/src/a.rs", text)])).len(),
                1,
                "{text}"
            );
        }
    }

    #[test]
    fn other_types_and_mentions_pass() {
        let text = "pub struct Managed;\n/// A pub struct Manager\npub fn helper() {}";
        assert_eq!(check(&Tree::of(&[("core/src/a.rs", text)])), []);
    }

    fn shared(files: &[(&str, &str)]) -> usize {
        check(&Tree::of(files)).len()
    }

    #[test]
    fn a_name_of_two_types_in_libraries_fails() {
        let one = ("core/src/a.rs", "pub struct Limits {");
        for (path, text) in [
            ("os/src/b.rs", "pub enum Limits {"),
            ("core/src/b.rs", "    pub trait Limits {"),
            ("adapters-x/src/b.rs", "pub type Limits = u64;"),
        ] {
            assert_eq!(shared(&[one, (path, text)]), 1, "{path}");
        }
    }

    #[test]
    fn other_names_programs_twins_and_reasoned_names_pass() {
        let one = (
            "core/src/a.rs",
            "pub struct Limits {\npub struct AtomicFile {",
        );
        for (path, text) in [
            ("os/src/b.rs", "pub struct Limit {"),
            ("os/src/b.rs", "pub(super) struct Limits {"),
            ("os/src/b.rs", "struct Limits;\n/// pub struct Limits"),
            ("os/src/unsupported/b.rs", "pub struct Limits {"),
            ("cli/src/b.rs", "pub struct Limits {"),
            ("core/tests/b.rs", "pub struct Limits {"),
            ("adapters-x/src/b.rs", "pub struct AtomicFile {"),
        ] {
            assert_eq!(shared(&[one, (path, text)]), 0, "{path}: {text}");
        }
    }
}
