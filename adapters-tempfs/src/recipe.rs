//! What the ledger says of an entry, for whoever must remove it after its owner was killed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backstop_os::identity::{Cookie, FileIdentity};
use serde::{Deserialize, Serialize};

/// The recipe of every kind of this adapter. One shape for all, because all are a name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryRecipe {
    /// The directory in which the name stands.
    pub(crate) directory: RecordedPath,
    /// Which directory that was.
    pub(crate) directory_identity: FileIdentity,
    /// Whether it is the owner's leased root, whose lock says that nobody uses what is in it.
    pub(crate) leased: bool,
    /// The name, which carries the cookie.
    pub(crate) name: String,
    /// Drawn before the entry was made.
    pub(crate) cookie: Cookie,
    /// Which file or directory it is; `None` in an intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<FileIdentity>,
}

/// A path in a recipe: as text where it is text, so that people can read it, else as its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum RecordedPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl EntryRecipe {
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.to_path().join(&self.name)
    }

    /// Whether the name carries the cookie, without which a name proves nothing.
    pub(crate) fn name_carries_cookie(&self) -> bool {
        self.name.contains(&self.cookie.abbreviation())
    }
}

impl RecordedPath {
    pub(crate) fn of(path: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt;
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
    }

    pub(crate) fn to_path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStringExt;
        match self {
            Self::Text(text) => PathBuf::from(text),
            Self::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use backstop_core::resource::Recipe;

    use super::*;

    #[test]
    fn a_recipe_is_read_as_it_was_written_also_for_a_path_that_is_no_text() {
        let identity = FileIdentity {
            device: 1,
            inode: 2,
            birth: Some(1_790_000_000_123_456_789),
            handle: Some((1, vec![0, 255, 7])),
        };
        for path in [
            Path::new("/tmp/plain"),
            Path::new(OsStr::from_bytes(b"/tmp/\xff")),
        ] {
            let cookie = Cookie::from_bytes([7; 16]);
            let recipe = EntryRecipe {
                directory: RecordedPath::of(path),
                directory_identity: identity.clone(),
                leased: true,
                name: format!("a-{}", cookie.abbreviation()),
                cookie,
                identity: Some(identity.clone()),
            };
            let read: EntryRecipe = Recipe::of(&recipe).unwrap().read().unwrap();
            assert_eq!(read, recipe);
            assert_eq!(read.directory.to_path(), path);
            assert!(read.name_carries_cookie());
        }
    }
}
