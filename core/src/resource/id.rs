//! The identifier of a resource within its process.

use std::fmt;
use std::str::FromStr;

/// A resource of one process: its slot in the ledger and how often that slot was used.
///
/// An id is never reused within 2³² uses of its slot, so an outdated id refers to no resource
/// rather than to another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    /// The slot's position.
    pub slot: u32,
    /// How often the slot was used, including this time.
    pub generation: u32,
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}.{}", self.slot, self.generation))
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ResourceId({self})")
    }
}

/// The text is not `SLOT.GENERATION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a resource id is two whole numbers joined by a dot, such as 12.1")]
pub struct ParseResourceIdError;

impl FromStr for ResourceId {
    type Err = ParseResourceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (slot, generation) = text.split_once('.').ok_or(ParseResourceIdError)?;
        Ok(Self {
            slot: slot.parse().map_err(|_| ParseResourceIdError)?,
            generation: generation.parse().map_err(|_| ParseResourceIdError)?,
        })
    }
}
