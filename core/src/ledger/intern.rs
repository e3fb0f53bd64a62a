//! Names that many resources share, written into the ledger once: kinds, sites, constant labels.

use std::cell::RefCell;
use std::collections::HashMap;

use super::layout::RecordTag;
use super::slot::FreeSlot;

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
            thread: crate::os::thread::id(),
        }
    }

    /// Where the name at this address stands, if this thread has used it lately.
    pub(super) fn position(&self, address: usize, length: usize) -> Option<u32> {
        let name = &self.names[place(address, length)];
        (name.address == address && name.length == length).then_some(name.position)
    }

    /// Where the constant text stands as such a name, if this thread has used it lately.
    pub(super) fn name(&self, tag: RecordTag, text: &'static str) -> Option<u32> {
        self.position(text.as_ptr().addr(), length_as(tag, text))
    }

    pub(super) fn remember_name(&mut self, tag: RecordTag, text: &'static str, position: u32) {
        self.remember(text.as_ptr().addr(), length_as(tag, text), position);
    }

    pub(super) fn remember(&mut self, address: usize, length: usize, position: u32) {
        self.names[place(address, length)] = Name {
            address,
            length,
            position,
        };
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        super::owner::take_back(self.ledger, std::mem::take(&mut self.free));
    }
}

/// A text's length together with what it is: one constant may be a kind and a label, which are two
/// records. Never zero, which is a site's.
fn length_as(tag: RecordTag, text: &str) -> usize {
    text.len() << 3 | tag as usize
}

/// A place in the table: Fibonacci hashing, its high bits. By the length too, so that one constant that
/// is two names does not take its own place away.
fn place(address: usize, length: usize) -> usize {
    const SHIFT: u32 = usize::BITS - NAMES.trailing_zeros();
    (address.wrapping_add(length) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> SHIFT
}
