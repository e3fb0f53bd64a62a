//! How another process can release a resource.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Stage};

/// The form of a recipe, such as `tree/1`. Resources of different kinds with the same form are
/// reclaimed in the same way: a reclaimer that knows the form need not know the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form(&'static str);

impl Form {
    /// Creates a form from its name and version, `NAME/VERSION`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name, with its version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// Data in the ledger from which a [reclaimer](crate::reclaim::Reclaimer) can release the resource
/// after its owner was killed: one for the resource's kind, or else one for the recipe's [`Form`].
///
/// It is JSON, so that people can read it in `backstop ps --json` and in a receipt, and so that an
/// older or newer reader reports what it does not understand instead of guessing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe(String);

impl Recipe {
    /// Maximum size in bytes.
    pub const LIMIT: usize = 16 * 1024;

    /// Creates a recipe from an adapter's own value.
    ///
    /// # Errors
    /// The value cannot be serialized as JSON, or has more than [`LIMIT`](Self::LIMIT) bytes.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, Error> {
        let text = serde_json::to_string(value).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                Stage::Track,
                "cannot serialize the recipe",
            )
            .with_source(error)
        })?;
        Self::from_text(text)
    }

    /// Creates a recipe of a form that resources of many kinds share: the value's own fields, and a
    /// field `form`.
    ///
    /// # Errors
    /// As [`of`](Self::of); or the value is not serialized as a JSON object.
    pub fn of_form<T: Serialize>(form: Form, value: &T) -> Result<Self, Error> {
        #[derive(Serialize)]
        struct WithForm<'a, T> {
            form: &'a str,
            #[serde(flatten)]
            value: &'a T,
        }
        Self::of(&WithForm {
            form: form.name(),
            value,
        })
    }

    /// The name of its form, if it has one.
    #[must_use]
    pub fn form(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct OnlyForm {
            form: Option<String>,
        }
        // A recipe that is not an object has no form.
        let read: Option<OnlyForm> = serde_json::from_str(&self.0).ok();
        read.and_then(|read| read.form)
    }

    /// Takes the text of a recipe from a ledger.
    ///
    /// # Errors
    /// It has more than [`LIMIT`](Self::LIMIT) bytes.
    pub fn from_text(text: String) -> Result<Self, Error> {
        if text.len() > Self::LIMIT {
            return Err(
                Error::new(ErrorKind::Limit, Stage::Track, "recipe too large")
                    .with("bytes", text.len())
                    .with("limit", Self::LIMIT),
            );
        }
        Ok(Self(text))
    }

    /// Deserializes the adapter's own value.
    ///
    /// # Errors
    /// The text is not in the format of this version of the adapter; the error names line and
    /// column.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0).map_err(|error| {
            Error::new(ErrorKind::Corrupt, Stage::Read, "cannot parse the recipe")
                .with_source(error)
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_has_its_limit_in_every_writer() {
        let fits = "x".repeat(Recipe::LIMIT - 2);
        assert_eq!(Recipe::of(&fits).unwrap().as_str().len(), Recipe::LIMIT);
        let too_large = "x".repeat(Recipe::LIMIT - 1);
        let error = Recipe::of(&too_large).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(Recipe::from_text("x".repeat(Recipe::LIMIT)).is_ok());
        let error = Recipe::from_text("x".repeat(Recipe::LIMIT + 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}
