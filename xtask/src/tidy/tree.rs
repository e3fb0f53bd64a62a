//! The files of the repository, read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::source::Source;

/// Every file by its path from the root, with `/` between the parts.
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
}

/// Hidden directories that are part of the project; others belong to tools.
const HIDDEN: &[&str] = &[".cargo", ".ci", ".config", ".github"];

impl Tree {
    /// Reads the working tree: what is there now, committed or not.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut texts = BTreeMap::new();
        gather(root, "", &mut texts)?;
        Ok(Self::new(texts))
    }

    /// A made-up tree.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self::new(files.iter().map(own).collect())
    }

    fn new(texts: BTreeMap<String, String>) -> Self {
        let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        let sources = rust.map(|(path, text)| (path.clone(), Source::new(path, text)));
        Self {
            sources: sources.collect(),
            texts,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The text of a file; empty for one that is neither Rust nor Markdown nor TOML.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// The Rust files.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources
            .iter()
            .map(|(path, source)| (path.as_str(), source))
    }

    /// Whether a file or a directory of this path exists.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.texts.contains_key(path) || self.is_directory(path)
    }

    fn is_directory(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        let next = self.texts.range(inside.clone()..).next();
        path.is_empty() || next.is_some_and(|(first, _)| first.starts_with(&inside))
    }
}

fn gather(
    directory: &Path,
    prefix: &str,
    texts: &mut BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        // Links are not followed: they could lead out of the tree, or round in it.
        if entry.file_type()?.is_dir() {
            let of_a_tool = name.starts_with('.') && !HIDDEN.contains(&name.as_str());
            // Build output, under whatever name, carries this tag.
            if !of_a_tool && name != "target" && !path.join("CACHEDIR.TAG").exists() {
                gather(&path, &format!("{prefix}{name}/"), texts)?;
            }
        } else {
            let read = [".rs", ".md", ".toml"]
                .iter()
                .any(|ending| name.ends_with(ending));
            let text = if read {
                fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?
            } else {
                String::new()
            };
            texts.insert(format!("{prefix}{name}"), text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_output_and_tools_directories_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        for path in [
            "a/b.md",
            ".ci/run",
            ".git/x",
            "target/x",
            "out/CACHEDIR.TAG",
            "out/x",
        ] {
            write(path);
        }
        let tree = Tree::read(root.path()).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), [".ci/run", "a/b.md"]);
        assert_eq!(tree.text("a/b.md"), Some("x"));
    }

    #[test]
    fn directories_exist_by_what_is_in_them() {
        let tree = Tree::of(&[("core/src/lib.rs", "")]);
        assert!(tree.exists("core/src") && tree.exists("core/src/lib.rs"));
        assert!(!tree.exists("core/sr") && !tree.exists("core/src/lib"));
    }
}
