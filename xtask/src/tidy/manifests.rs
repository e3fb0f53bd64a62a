//! Every member has a description and inherits the workspace's lints: neither happens by default.

use toml::{Table, Value};

use super::offence::Offence;
use super::tree::Tree;

const RULE: &str = "manifests";
const ROOT: &str = "Cargo.toml";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    let root = match parse(tree, ROOT) {
        Ok(root) => root,
        Err(offence) => return vec![offence],
    };
    let members = members(tree, &root);
    let mut offences = Vec::new();
    for member in &members {
        match parse(tree, &format!("{member}/Cargo.toml")) {
            Ok(manifest) => offences.extend(member_manifest(member, &manifest)),
            Err(offence) => offences.push(offence),
        }
    }
    let excluded = strings(&root, &["workspace", "exclude"]);
    for path in tree.paths() {
        if let Some(folder) = path.strip_suffix("/Cargo.toml") {
            // A member's tests may carry whole packages as samples.
            let known = members.iter().chain(&excluded).any(|directory| {
                folder == directory || folder.starts_with(&format!("{directory}/"))
            });
            if !known {
                let message = "neither a member of the workspace nor excluded from it";
                offences.push(Offence::failure(RULE, path, 0, message));
            }
        }
    }
    offences
}

fn member_manifest(member: &str, manifest: &Table) -> Vec<Offence> {
    let mut missing = Vec::new();
    if at(manifest, &["lints", "workspace"]).and_then(Value::as_bool) != Some(true) {
        missing.push("`[lints] workspace = true` is missing: lints are not inherited silently");
    }
    let description = at(manifest, &["package", "description"]).and_then(Value::as_str);
    if description.is_none_or(|text| text.trim().is_empty()) {
        missing.push("`description` is missing");
    }
    if at(manifest, &["package", "license"]).is_none() {
        missing.push("`license` is missing");
    }
    let path = format!("{member}/Cargo.toml");
    let offences = missing.into_iter();
    offences
        .map(|message| Offence::failure(RULE, &path, 0, message))
        .collect()
}

/// The members' directories, `dir/*` spelt out.
fn members(tree: &Tree, root: &Table) -> Vec<String> {
    let mut members = Vec::new();
    for pattern in strings(root, &["workspace", "members"]) {
        let Some(parent) = pattern.strip_suffix('*') else {
            members.push(pattern.trim_end_matches('/').to_owned());
            continue;
        };
        let inside = tree.paths().filter_map(|path| {
            let (child, _) = path.strip_prefix(parent)?.split_once('/')?;
            Some(format!("{parent}{child}"))
        });
        members.extend(inside);
    }
    members.sort();
    members.dedup();
    members
}

fn parse(tree: &Tree, path: &str) -> Result<Table, Offence> {
    let failure = |message: String| Offence::failure(RULE, path, 0, message);
    let text = tree.text(path);
    let text = text.ok_or_else(|| failure("a member's directory has no manifest".to_owned()))?;
    text.parse::<Table>()
        .map_err(|error| failure(error.message().to_owned()))
}

fn at<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Value> {
    let (last, parents) = keys.split_last()?;
    let parent = parents
        .iter()
        .try_fold(table, |table, key| table.get(*key)?.as_table())?;
    parent.get(*last)
}

fn strings(table: &Table, keys: &[&str]) -> Vec<String> {
    let values = at(table, keys).and_then(Value::as_array);
    let strings = values.into_iter().flatten().filter_map(Value::as_str);
    strings.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\ndescription = \"b\"\nlicense.workspace = true\n\
                        [lints]\nworkspace = true\n";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let offences = check(&Tree::of(files));
        offences
            .iter()
            .map(|offence| format!("{}: {}", offence.path, offence.message))
            .collect()
    }

    #[test]
    fn a_whole_manifest_passes_and_a_bare_one_fails() {
        let root = ("Cargo.toml", "[workspace]\nmembers = [\"a\"]");
        assert!(found(&[root, ("a/Cargo.toml", GOOD)]).is_empty());
        assert_eq!(
            found(&[root, ("a/Cargo.toml", "[package]\nname = \"a\"")]).len(),
            3
        );
    }

    #[test]
    fn a_matching_directory_without_a_manifest_fails() {
        let root = (
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\", \"cli/\"]",
        );
        let wrong = found(&[
            root,
            ("crates/a/Cargo.toml", GOOD),
            ("crates/b/README.md", ""),
        ]);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(
            wrong
                .iter()
                .all(|message| message.ends_with("has no manifest"))
        );
    }

    #[test]
    fn a_package_that_no_list_names_fails_unless_it_is_a_sample() {
        let root = (
            "Cargo.toml",
            "[workspace]\nmembers = [\"a\"]\nexclude = [\"fuzz\"]",
        );
        let member = ("a/Cargo.toml", GOOD);
        assert_eq!(found(&[root, member, ("b/Cargo.toml", GOOD)]).len(), 1);
        let samples = [
            ("fuzz/Cargo.toml", ""),
            ("a/tests/samples/x/Cargo.toml", ""),
        ];
        assert!(found(&[root, member, samples[0], samples[1]]).is_empty());
    }

    #[test]
    fn a_manifest_that_cannot_be_read_fails() {
        assert_eq!(found(&[("Cargo.toml", "[workspace")]).len(), 1);
    }
}
