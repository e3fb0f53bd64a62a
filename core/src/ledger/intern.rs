//! Names that many resources share, written into the ledger once: kinds, sites, constant labels.

use std::cell::RefCell;
use std::collections::HashMap;

use super::layout::RecordTag;
use super::slot::FreeSlot;
use crate::resource::{Kind, Site};

/// Names already written, by tag and text. Behind the ledger's lock.
#[derive(Debug, Default)]
pub(super) struct Interned(HashMap<(u32, String), u32>);

impl Interned {
    /// Past this many names, further ones are written for each resource anew: a program that leaks
    /// strings into `'static` must not grow this table without end.
    const LIMIT: usize = 65_536;

    pub(super) fn find(&self, tag: RecordTag, text: &str) -> Option<u32> {
        // A lookup on a miss of the thread's own cache only; the allocation for the key is paid once
        // a name and thread.
        self.0.get(&(tag as u32, text.to_owned())).copied()
    }

    pub(super) fn remember(&mut self, tag: RecordTag, text: &str, position: u32) {
        if self.0.len() < Self::LIMIT {
            self.0.insert((tag as u32, text.to_owned()), position);
        }
    }
}

/// What one thread keeps to itself, so that tracking takes no lock: free slots and the positions of
/// names that it used.
pub(super) struct Local {
    /// The number of the ledger it serves: the first one that this thread used.
    ledger: u64,
    pub(super) free: Vec<FreeSlot>,
    names: [Name; NAMES],
    calls: [Call; CALLS],
    /// The kernel's number of this thread.
    pub(super) thread: u32,
}

/// One cached name: the address and length of its text, and where it stands.
#[derive(Clone, Copy)]
struct Name {
    address: usize,
    length: usize,
    position: u32,
}

/// The three names of one call that tracks, and where they stand: found by one look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CallNames {
    site: usize,
    kind: usize,
    kind_length: usize,
    label: usize,
    label_length: usize,
}

#[derive(Clone, Copy)]
struct Call {
    names: CallNames,
    places: Places,
}

/// Where a kind, a site and a label stand.
#[derive(Clone, Copy, Default)]
pub(super) struct Places {
    pub(super) kind: u32,
    pub(super) site: u32,
    pub(super) label: u32,
}

impl CallNames {
    pub(super) fn of(site: Site, kind: Kind, label: &'static str) -> Self {
        Self {
            site: site.address(),
            kind: kind.name().as_ptr().addr(),
            kind_length: kind.name().len(),
            label: label.as_ptr().addr(),
            label_length: label.len(),
        }
    }
}

const CALLS: usize = 64;
const NO_CALL: Call = Call {
    names: CallNames {
        site: 0,
        kind: 0,
        kind_length: 0,
        label: 0,
        label_length: 0,
    },
    places: Places {
        kind: 0,
        site: 0,
        label: 0,
    },
};

const NAMES: usize = 128;
const NO_NAME: Name = Name {
    address: 0,
    length: 0,
    position: 0,
};

thread_local! {
    static LOCAL: RefCell<Option<Box<Local>>> = const { RefCell::new(None) };
}

impl Local {
    /// Runs `body` with what this thread keeps for `ledger`; `None` if it keeps another ledger's, or
    /// is ending.
    pub(super) fn with<T>(ledger: u64, body: impl FnOnce(&mut Self) -> T) -> Option<T> {
        LOCAL
            .try_with(|local| {
                let mut local = local.try_borrow_mut().ok()?;
                let local = local.get_or_insert_with(|| Box::new(Self::of(ledger)));
                (local.ledger == ledger).then(|| body(local))
            })
            .ok()
            .flatten()
    }

    fn of(ledger: u64) -> Self {
        Self {
            ledger,
            free: Vec::new(),
            names: [NO_NAME; NAMES],
            calls: [NO_CALL; CALLS],
            thread: backstop_os::thread::id(),
        }
    }

    /// Where the names of this call stand, if this thread has made it lately.
    pub(super) fn places(&self, names: CallNames) -> Option<Places> {
        let set = set_of::<CALLS>(names.site);
        let call = self.calls[set..set + WAYS]
            .iter()
            .find(|call| call.names == names)?;
        Some(call.places)
    }

    pub(super) fn remember_call(&mut self, names: CallNames, places: Places) {
        let set = set_of::<CALLS>(names.site);
        put_first(&mut self.calls[set..set + WAYS], Call { names, places });
    }

    /// Where the name at this address stands, if this thread has used it lately.
    pub(super) fn position(&self, address: usize, length: usize) -> Option<u32> {
        let set = set_of::<NAMES>(address);
        let name = self.names[set..set + WAYS]
            .iter()
            .find(|name| name.address == address && name.length == length)?;
        Some(name.position)
    }

    /// Where the constant text stands as such a name, if this thread has used it lately.
    pub(super) fn name(&self, tag: RecordTag, text: &'static str) -> Option<u32> {
        self.position(text.as_ptr().addr(), length_as(tag, text))
    }

    pub(super) fn remember_name(&mut self, tag: RecordTag, text: &'static str, position: u32) {
        self.remember(text.as_ptr().addr(), length_as(tag, text), position);
    }

    pub(super) fn remember(&mut self, address: usize, length: usize, position: u32) {
        let set = set_of::<NAMES>(address);
        let name = Name {
            address,
            length,
            position,
        };
        put_first(&mut self.names[set..set + WAYS], name);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        super::owner::take_back(self.ledger, std::mem::take(&mut self.free));
    }
}

/// How many entries of a table share a place: names whose addresses happen to meet must not put each
/// other out for ever.
const WAYS: usize = 4;

/// The first of an address's places in a table of `SIZE`: Fibonacci hashing, its high bits.
fn set_of<const SIZE: usize>(address: usize) -> usize {
    let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (SIZE / WAYS).trailing_zeros();
    (hash >> (u64::BITS - bits)) as usize * WAYS
}

/// Puts an entry in the first place of a set; the last one goes.
fn put_first<T: Copy>(set: &mut [T], entry: T) {
    set.copy_within(..WAYS - 1, 1);
    set[0] = entry;
}

/// A text's length together with what it is: one constant may be a kind and a label, which are two
/// records. Never zero, which is a site's.
fn length_as(tag: RecordTag, text: &str) -> usize {
    text.len() << 3 | tag as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_meet_in_one_place_are_all_remembered() {
        let mut local = Local::of(0);
        let meeting: Vec<usize> = (1_usize..)
            .map(|number| number * 8)
            .filter(|address| set_of::<NAMES>(*address) == 0)
            .take(WAYS)
            .collect();
        for (position, address) in meeting.iter().enumerate() {
            local.remember(*address, 3, position as u32);
        }
        for (position, address) in meeting.iter().enumerate() {
            assert_eq!(local.position(*address, 3), Some(position as u32));
            assert_eq!(local.position(*address, 4), None);
        }
    }
}
