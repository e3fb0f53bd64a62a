//! Which boot of the machine something belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kernel's random identifier of this boot (`/proc/sys/kernel/random/boot_id`).
///
/// A process identity from another boot cannot refer to a live process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(super::Cookie);

impl BootId {
    /// Makes a boot id from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(super::Cookie::from_bytes(bytes))
    }

    /// The boot id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BootId({self})")
    }
}
