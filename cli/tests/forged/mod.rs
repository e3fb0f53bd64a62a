//! What a forged ledger names: real files, and recipes as the families write them.

#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, reason = "what cannot be forged fails its test")]

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backstop_os::directory::Directory;
use backstop_os::identity::{Cookie, FileIdentity, ProcessIdentity};
use serde_json::json;

/// A file or directory of a name that carries its cookie, and which one it was when it was made.
pub(crate) struct Thing {
    pub(crate) path: PathBuf,
    pub(crate) cookie: Cookie,
    identity: FileIdentity,
    parent: FileIdentity,
}

impl Thing {
    /// A file with content.
    pub(crate) fn file(parent: &Path) -> Self {
        Self::make(parent, |path| {
            let mut file = std::fs::OpenOptions::new();
            let file = file.write(true).create_new(true).mode(0o640).open(path);
            std::io::Write::write_all(&mut file.unwrap(), b"rows").unwrap();
        })
    }

    /// A private directory with a file in it.
    pub(crate) fn directory(parent: &Path) -> Self {
        Self::make(parent, |path| {
            std::fs::DirBuilder::new().mode(0o700).create(path).unwrap();
            std::fs::write(path.join("file"), "rows").unwrap();
        })
    }

    fn make(parent: &Path, make: impl FnOnce(&Path)) -> Self {
        let cookie = Cookie::random();
        let path = parent.join(format!("job-{}", cookie.abbreviation()));
        make(&path);
        let opened = Directory::open(parent).unwrap();
        Self {
            identity: opened.identity_beneath(path.file_name().unwrap()).unwrap(),
            parent: opened.identity().unwrap(),
            path,
            cookie,
        }
    }

    /// As core records an entry that is in any directory, and not in a root.
    pub(crate) fn recipe(&self) -> String {
        self.recipe_of("entry/1", false)
    }

    /// As it records one that is in a root, where no other user may write.
    pub(crate) fn recipe_in_root(&self) -> String {
        self.recipe_of("entry/1", true)
    }

    /// As it records a root.
    pub(crate) fn recipe_of_root(&self) -> String {
        self.recipe_of("root/1", false)
    }

    fn recipe_of(&self, form: &str, leased: bool) -> String {
        let recipe = json!({
            "form": form,
            "directory": self.path.parent(),
            "directory_identity": self.parent,
            "leased": leased,
            "name": self.path.file_name().unwrap().to_str(),
            "cookie": self.cookie,
            "identity": self.identity,
        });
        recipe.to_string()
    }
}

/// As adapters-process records a child, and a run its tree.
pub(crate) fn child_recipe(cookie: Cookie, leader: &ProcessIdentity) -> String {
    json!({ "cookie": cookie, "leader": leader }).to_string()
}
