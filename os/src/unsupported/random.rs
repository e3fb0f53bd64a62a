//! Random bytes.

use std::hash::{BuildHasher, RandomState};

/// Random bytes from the seed that the standard library draws for its hash maps.
#[must_use]
pub fn bytes() -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    for half in bytes.chunks_exact_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(0_u8).to_ne_bytes());
    }
    bytes
}
