//! Unsafe code is allowed in a few places only, where it is reviewed.

use super::offence::Offence;
use super::source::words;
use super::tree::Tree;

const RULE: &str = "unsafe-door";

/// Where unsafe code may stand: a folder with everything in it, or one file; and why.
const DOORS: &[(&str, &str)] = &[
    ("os/src/", "calls the operating system"),
    ("core/src/ledger.rs", "opens the door to the mapped memory"),
    ("core/src/ledger/", "reads and writes the mapped memory"),
    (
        "testkit/src/attackers/",
        "forks, and reuses numbers, as an attacker would",
    ),
];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    let outside = tree.sources().filter(|(path, _)| !is_door(path));
    for (path, source) in outside {
        for (number, line) in source.lines() {
            if words(&line.code).any(|(_, word)| word == "unsafe") {
                let message = "unsafe code outside os/src/ and core/src/ledger/";
                offences.push(Offence::failure(RULE, path, number, message));
            }
            if ["expect(unsafe_code", "allow(unsafe_code"]
                .iter()
                .any(|opens| line.code.contains(opens))
            {
                let message = "unsafe code is permitted outside os/src/ and core/src/ledger/";
                offences.push(Offence::failure(RULE, path, number, message));
            }
        }
    }
    offences
}

fn is_door(path: &str) -> bool {
    DOORS
        .iter()
        .any(|(door, _)| path == *door || door.ends_with('/') && path.starts_with(door))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_outside_its_doors_fails_also_in_tests() {
        for path in [
            "cli/src/main.rs",
            "core/src/release.rs",
            "core/tests/a.rs",
            "core/src/os_x.rs",
        ] {
            let tree = Tree::of(&[(path, "fn a() {\n    unsafe { b() }\n}")]);
            let found = check(&tree);
            assert_eq!((found.len(), found[0].line), (1, 2), "{path}");
        }
        let tree = Tree::of(&[("cli/src/main.rs", "#![expect(unsafe_code, reason = \"\")]")]);
        assert_eq!(check(&tree).len(), 1);
    }

    #[test]
    fn behind_its_doors_and_in_words_it_passes() {
        let tree = Tree::of(&[
            ("os/src/linux/fork.rs", "unsafe { a() }"),
            ("core/src/ledger/map.rs", "unsafe impl Send for A {}"),
            (
                "cli/src/main.rs",
                "#![forbid(unsafe_code)]\n// unsafe\nfn unsafe_door() {}",
            ),
        ]);
        assert_eq!(check(&tree), []);
    }
}
