//! What each thread keeps so that tracking takes no lock: free slots, and the positions of names.

use std::cell::RefCell;
use std::collections::HashMap;

use parking_lot::{Mutex, RwLock};

use super::layout::RecordTag;
use super::slot::FreeSlot;
use crate::resource::{Kind, Site};
use backstop_os::fork;

/// State of one thread, so that tracking takes no lock: free slots and the positions of names that
/// it used.
pub(super) struct Local {
    /// The number of the ledger that it belongs to: the first one that this thread used.
    ledger: u64,
    pub(super) free: Vec<FreeSlot>,
    names: [Name; NAMES],
    calls: [Call; CALLS],
    /// The kernel's ID of this thread.
    pub(super) thread: u32,
}

/// One cached name: the address and length of its text, and its position.
#[derive(Clone, Copy)]
struct Name {
    address: usize,
    length: usize,
    position: u32,
}

/// The three names of one call site that tracks: their positions are found with one lookup.
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

/// The positions of a kind, a site and a label.
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
    /// Runs `body` with this thread's state for `ledger`; `None` if its state is for another
    /// ledger, or if the thread is ending.
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

    /// The positions of this call site's names, if this thread used it recently.
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

    /// The position of the name at this address, if this thread used it recently.
    pub(super) fn position(&self, address: usize, length: usize) -> Option<u32> {
        let set = set_of::<NAMES>(address);
        let name = self.names[set..set + WAYS]
            .iter()
            .find(|name| name.address == address && name.length == length)?;
        Some(name.position)
    }

    /// The position of the constant text as such a name, if this thread used it recently.
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
        return_slots(self.ledger, std::mem::take(&mut self.free));
    }
}

/// The free slots of each ledger, by its number, to which a thread that ends returns its own.
static SHARED: RwLock<Option<HashMap<u64, SharedSlots>>> = RwLock::new(None);

type SharedSlots = &'static Mutex<Vec<FreeSlot>>;

/// Registers the free slots that the threads of a ledger share.
pub(super) fn share(ledger: u64, free: SharedSlots) {
    SHARED.write().get_or_insert_default().insert(ledger, free);
}

fn return_slots(ledger: u64, slots: Vec<FreeSlot>) {
    if !fork::is_original_process() {
        // Another thread of the parent may have held the lock at the fork; it would never be
        // released.
        return;
    }
    let shared = SHARED.read();
    if let Some(free) = shared.as_ref().and_then(|all| all.get(&ledger)) {
        free.lock().extend(slots);
    }
}

/// The number of entries per set: names whose addresses collide must not evict each other for ever.
const WAYS: usize = 4;

/// The first place of an address's set in a table of `SIZE`: the high bits of Fibonacci hashing.
fn set_of<const SIZE: usize>(address: usize) -> usize {
    let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (SIZE / WAYS).trailing_zeros();
    (hash >> (u64::BITS - bits)) as usize * WAYS
}

/// Puts an entry in the first place of a set; the last one is dropped.
fn put_first<T: Copy>(set: &mut [T], entry: T) {
    set.copy_within(..WAYS - 1, 1);
    set[0] = entry;
}

/// A text's length combined with its tag: one constant may be both a kind and a label, which are
/// two records. Never zero, which denotes a site.
fn length_as(tag: RecordTag, text: &str) -> usize {
    text.len() << 3 | tag as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colliding_names_are_all_cached() {
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
