//! Names that many resources share, written into the ledger once: kinds, sites, constant labels.

use std::collections::HashMap;

use super::layout::RecordTag;

/// Names already written, by tag and text. Behind the ledger's lock.
#[derive(Debug, Default)]
pub(super) struct Interned(HashMap<(u32, String), u32>);

impl Interned {
    /// Beyond this many names, further ones are written again for each resource: a program that
    /// leaks strings into `'static` must not grow this table without limit.
    const LIMIT: usize = 65_536;

    pub(super) fn find(&self, tag: RecordTag, text: &str) -> Option<u32> {
        // Only looked up after a miss of the thread's own cache; the allocation for the key happens
        // once per name and thread.
        self.0.get(&(tag as u32, text.to_owned())).copied()
    }

    pub(super) fn remember(&mut self, tag: RecordTag, text: &str, position: u32) {
        if self.0.len() < Self::LIMIT {
            self.0.insert((tag as u32, text.to_owned()), position);
        }
    }
}
