//! The ledger's record of an entry, for the process that removes it after its owner was killed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backstop_os::identity::{Cookie, FileIdentity};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::resource::{Form, Recipe};

/// The form of the recipe of a leased file or directory, or of the unfinished content of an atomic file.
pub const ENTRY_FORM: Form = Form::new("entry/1");
/// The form of the recipe of a leased root, which has a lock of its own.
pub const ROOT_FORM: Form = Form::new("root/1");

/// The recipe of every place. One shape for all, because all are a name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryRecipe {
    /// Which of the two forms it has; [`write`](Self::write) adds it.
    #[serde(skip_serializing)]
    pub(super) form: EntryForm,
    /// The directory that the name is in.
    pub(super) directory: RecordedPath,
    /// Which directory that was.
    pub(super) directory_identity: FileIdentity,
    /// Whether it is the owner's leased root, whose lock proves that no process uses what is in it.
    pub(super) leased: bool,
    /// The name, which carries the cookie.
    pub(super) name: String,
    /// Drawn before the entry was made.
    pub(super) cookie: Cookie,
    /// Which file or directory it is; `None` in an intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<FileIdentity>,
}

/// What an entry is to the reclaimer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum EntryForm {
    #[serde(rename = "entry/1")]
    Entry,
    #[serde(rename = "root/1")]
    Root,
}

impl EntryForm {
    fn form(self) -> Form {
        match self {
            Self::Entry => ENTRY_FORM,
            Self::Root => ROOT_FORM,
        }
    }
}

/// A path in a recipe: readable text if it is valid UTF-8, else its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum RecordedPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl EntryRecipe {
    /// Writes it with its form.
    ///
    /// # Errors
    /// As [`Recipe::of_form`].
    pub(super) fn write(&self) -> Result<Recipe, Error> {
        Recipe::of_form(self.form.form(), self)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.to_path().join(&self.name)
    }

    /// Whether the name carries the cookie, without which a name proves nothing.
    pub(super) fn name_carries_cookie(&self) -> bool {
        self.name.contains(&self.cookie.abbreviation())
    }
}

impl RecordedPath {
    pub(super) fn of(path: &Path) -> Self {
        use std::os::unix::ffi::OsStrExt;
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
    }

    pub(super) fn to_path(&self) -> PathBuf {
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
                form: EntryForm::Entry,
                directory: RecordedPath::of(path),
                directory_identity: identity.clone(),
                leased: true,
                name: format!("a-{}", cookie.abbreviation()),
                cookie,
                identity: Some(identity.clone()),
            };
            let written = recipe.write().unwrap();
            assert_eq!(written.form().as_deref(), Some("entry/1"));
            let read: EntryRecipe = written.read().unwrap();
            assert_eq!(read, recipe);
            assert_eq!(read.directory.to_path(), path);
            assert!(read.name_carries_cookie());
        }
    }
}
