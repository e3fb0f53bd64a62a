//! How someone else can release a resource.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Stage};

/// Data in the ledger from which a [reclaimer](crate::reclaim::Reclaimer) of the same kind can release
/// the resource after its owner was killed.
///
/// It is JSON, so that a person can read it in `backstop ps --json` and in a receipt, and so that an
/// older or newer reader says what it does not understand instead of guessing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe(String);

impl Recipe {
    /// The most bytes that a recipe may have.
    pub const LIMIT: usize = 16 * 1024;

    /// Writes a recipe of an adapter's own value.
    ///
    /// # Errors
    /// The value cannot be written as JSON, or takes more than [`LIMIT`](Self::LIMIT) bytes.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, Error> {
        let text = serde_json::to_string(value).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                Stage::Track,
                "the recipe cannot be written",
            )
            .with_source(error)
        })?;
        Self::from_text(text)
    }

    /// Takes a recipe as it stands in a ledger.
    ///
    /// # Errors
    /// It has more than [`LIMIT`](Self::LIMIT) bytes.
    pub fn from_text(text: String) -> Result<Self, Error> {
        if text.len() > Self::LIMIT {
            return Err(
                Error::new(ErrorKind::Limit, Stage::Track, "the recipe is too large")
                    .with("bytes", text.len())
                    .with("limit", Self::LIMIT),
            );
        }
        Ok(Self(text))
    }

    /// Reads the adapter's own value back.
    ///
    /// # Errors
    /// The text is not what this version of the adapter writes; the error names line and column.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                Stage::Read,
                "the recipe cannot be understood",
            )
            .with_source(error)
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
