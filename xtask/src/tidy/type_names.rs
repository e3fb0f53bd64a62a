//! Public types are called by the words of the design, not by words for anything.

use super::offence::Offence;
use super::source::words;
use super::tree::Tree;

const RULE: &str = "type-names";
const KEYWORDS: &[&str] = &["struct", "enum", "trait"];
const DENIED: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils"];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, source) in tree.sources() {
        for (number, code) in source.shipped() {
            let all: Vec<_> = words(code).map(|(_, word)| word).collect();
            let Some(at) = all.iter().position(|word| KEYWORDS.contains(word)) else {
                continue;
            };
            let is_public = all[..at].contains(&"pub");
            let Some(name) = all.get(at + 1).filter(|_| is_public) else {
                continue;
            };
            if let Some(denied) = DENIED.iter().find(|denied| name.ends_with(*denied)) {
                let message = format!("`{name}`: a {denied} could be anything; say what it is");
                offences.push(Offence::failure(RULE, path, number, message));
            }
        }
    }
    offences
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
}
