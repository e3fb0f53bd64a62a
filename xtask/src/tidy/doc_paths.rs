//! Documents name only files that exist.

use super::markdown;
use super::offence::Offence;
use super::tree::Tree;

const RULE: &str = "doc-paths";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for path in tree.paths().filter(|path| is_document(path)) {
        for (number, line) in markdown::prose(tree.text(path).unwrap_or_default()) {
            let links = markdown::links(line).filter_map(|target| linked(path, target));
            let named = markdown::backticked(line).filter_map(|word| named(tree, word));
            for wanted in links.chain(named) {
                if !tree.exists(&wanted) {
                    let message = format!("names `{wanted}`, which does not exist");
                    offences.push(Offence::failure(RULE, path, number, message));
                }
            }
        }
    }
    offences
}

fn is_document(path: &str) -> bool {
    let of_root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].contains(&path);
    of_root || path.starts_with("docs/") && path.ends_with(".md")
}

/// Where a link leads within the repository; `None` for one that leads out of it.
fn linked(document: &str, target: &str) -> Option<String> {
    let target = target.split('#').next()?;
    if target.is_empty() || target.contains(':') {
        return None;
    }
    let mut parts: Vec<_> = document.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            // A link above the root is a page of the forge, such as `../../issues`.
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The path that a word in backticks means, if it looks like one of ours.
fn named(tree: &Tree, word: &str) -> Option<String> {
    let path = word.split("::").next()?;
    let path = path.strip_prefix("./").unwrap_or(path);
    let (folder, _) = path.split_once('/')?;
    let is_ours = !folder.is_empty() && tree.exists(folder) || folder.starts_with("adapters-");
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:".contains(character);
    // `docs/decisions/NNNN-title.md`, `core/src/*.rs` and the like are patterns.
    if !is_ours || !path.chars().all(is_plain) || path.contains("NNNN") || path.contains("...") {
        return None;
    }
    // A line's number may follow.
    Some(path.split(':').next()?.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, text: &str) -> Vec<usize> {
        let offences = check(&Tree::of(&[
            (document, text),
            ("core/src/lib.rs", ""),
            ("docs/guides/excel.md", ""),
        ]));
        offences.iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn a_link_to_nothing_fails() {
        assert_eq!(found("README.md", "ok\n[a](docs/gone.md)"), [2]);
        assert_eq!(found("docs/a.md", "[a](guides/gone.md#part)"), [1]);
    }

    #[test]
    fn a_path_in_backticks_to_nothing_fails() {
        assert_eq!(found("ARCHITECTURE.md", "see `core/src/gone.rs`"), [1]);
        assert_eq!(found("docs/a.md", "see `adapters-db/src/pool.rs:12`"), [1]);
    }

    #[test]
    fn what_exists_or_leads_elsewhere_passes() {
        let text = "[a](guides/excel.md#x) [b](../core/src/lib.rs) [c](https://a.b/c) [d](#e)\n\
                    `core/src/lib.rs:3` `core/src/` `core/src/lib.rs::tests::a` `/dev/shm`\n\
                    `docs/decisions/NNNN-title.md` `core/src/*.rs` `text/html`\n\
                    ```\n`core/src/gone.rs`\n```\n[f](../../../issues)";
        assert!(found("docs/a.md", text).is_empty());
    }

    #[test]
    fn documents_of_others_are_not_read() {
        assert!(found("CHANGELOG.md", "`core/src/gone.rs`").is_empty());
    }
}
