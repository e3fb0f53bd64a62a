//! Decisions are numbered, and each number stands for one.

use std::collections::BTreeMap;

use super::offence::Offence;
use super::tree::Tree;

const RULE: &str = "decisions";
const FOLDER: &str = "docs/decisions/";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut numbers = BTreeMap::new();
    for path in tree.paths() {
        let Some(name) = path
            .strip_prefix(FOLDER)
            .filter(|name| name.ends_with(".md"))
        else {
            continue;
        };
        if name == "README.md" {
            continue;
        }
        let number = name.split_once('-').map_or("", |(number, _)| number);
        if number.len() != 4 || !number.bytes().all(|digit| digit.is_ascii_digit()) {
            let message = "a decision is named NNNN-title.md";
            offences.push(Offence::failure(RULE, path, 0, message));
        } else if let Some(first) = numbers.insert(number, path) {
            let message = format!("the number {number} is taken by {first}");
            offences.push(Offence::failure(RULE, path, 0, message));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_used_twice_and_a_name_without_one_fail() {
        let tree = Tree::of(&[
            ("docs/decisions/0001-a.md", ""),
            ("docs/decisions/0001-b.md", ""),
            ("docs/decisions/0002-c.md", ""),
            ("docs/decisions/3-d.md", ""),
            ("docs/decisions/README.md", ""),
        ]);
        let found = check(&tree);
        let paths: Vec<_> = found.iter().map(|offence| offence.path.as_str()).collect();
        assert_eq!(paths, ["docs/decisions/0001-b.md", "docs/decisions/3-d.md"]);
    }
}
