//! One resource's cache line, and the right to write it.
#![expect(
    unsafe_code,
    reason = "a slot is accessed by its address in the ledger's mapped memory"
)]

use std::ptr::NonNull;

use super::entry::State;
use crate::resource::{Footprint, ResourceId};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// The line itself. `word` is stored last with Release, so that a reader that sees a state also
/// sees what was written before it; after a `SIGKILL` the memory holds some prefix of the stores,
/// in order.
#[repr(C, align(64))]
pub(super) struct Slot {
    /// State in the low byte, generation in the high half.
    pub(super) word: AtomicU64,
    pub(super) opened: AtomicU64,
    pub(super) touched: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) handles: AtomicU32,
    pub(super) kind: AtomicU32,
    pub(super) site: AtomicU32,
    pub(super) label: AtomicU32,
    pub(super) recipe: AtomicU32,
    pub(super) thread: AtomicU32,
    /// The parent's slot plus one; zero for none.
    pub(super) parent: AtomicU32,
    pub(super) parent_generation: AtomicU32,
}

// loom's atomics are larger than the real ones.
#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Slot>() == super::layout::SLOT_LENGTH);

impl Slot {
    pub(super) fn word(state: State, generation: u32) -> u64 {
        u64::from(generation) << 32 | state as u64
    }
}

/// The initial values of a new entry. Positions of records are in units of the file.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) kind: u32,
    pub(super) site: u32,
    pub(super) label: u32,
    pub(super) recipe: u32,
    pub(super) now: u64,
    pub(super) footprint: Footprint,
    pub(super) parent: Option<ResourceId>,
    pub(super) thread: u32,
}

/// An unused slot: its address, its position, and how often it was used.
#[derive(Debug, Clone, Copy)]
pub(super) struct FreeSlot {
    pub(super) slot: NonNull<Slot>,
    pub(super) position: u32,
}

// SAFETY: a free slot is owned by the thread that took it from the list; its memory is only
// accessed through atomics, and stays mapped while its ledger exists.
unsafe impl Send for FreeSlot {}

impl FreeSlot {
    /// The identifier of the resource that will take this slot.
    pub(super) fn next_id(self) -> ResourceId {
        // Relaxed: no other thread writes a free slot.
        let generation = (self.line().word.load(Ordering::Relaxed) >> 32) as u32;
        ResourceId {
            slot: self.position,
            generation: generation.wrapping_add(1),
        }
    }

    fn line(&self) -> &Slot {
        // SAFETY: a ledger's memory is never unmapped while its process lives.
        unsafe { self.slot.as_ref() }
    }
}

/// The right to write one entry of a ledger, from its intent until it is closed.
///
/// A ledger's memory stays mapped as long as its process lives, so a handle is always valid.
#[derive(Debug)]
pub struct SlotHandle {
    slot: NonNull<Slot>,
    id: ResourceId,
}

// SAFETY: all access is through atomics in shared memory; the handle is the only writer of states.
unsafe impl Send for SlotHandle {}
// SAFETY: as above; `&SlotHandle` offers only atomic stores and loads.
unsafe impl Sync for SlotHandle {}

impl SlotHandle {
    /// Takes a free slot for the resource whose identifier [`FreeSlot::next_id`] returned.
    pub(super) fn take(free: FreeSlot, state: State, opening: &Opening) -> Self {
        let slot = free.line();
        let generation = free.next_id().generation;
        // Relaxed throughout: the store of the word below publishes all of them.
        slot.opened.store(opening.now, Ordering::Relaxed);
        slot.touched.store(opening.now, Ordering::Relaxed);
        slot.bytes
            .store(opening.footprint.bytes.0, Ordering::Relaxed);
        slot.handles
            .store(opening.footprint.handles, Ordering::Relaxed);
        slot.kind.store(opening.kind, Ordering::Relaxed);
        slot.site.store(opening.site, Ordering::Relaxed);
        slot.label.store(opening.label, Ordering::Relaxed);
        slot.recipe.store(opening.recipe, Ordering::Relaxed);
        slot.thread.store(opening.thread, Ordering::Relaxed);
        let (parent, parent_generation) = match opening.parent {
            Some(id) => (id.slot.wrapping_add(1), id.generation),
            None => (0, 0),
        };
        slot.parent.store(parent, Ordering::Relaxed);
        slot.parent_generation
            .store(parent_generation, Ordering::Relaxed);
        slot.word
            .store(Slot::word(state, generation), Ordering::Release);
        reached(state);
        Self {
            slot: free.slot,
            id: ResourceId {
                slot: free.position,
                generation,
            },
        }
    }

    /// The identifier of the resource.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        self.id
    }

    pub(super) fn set_state(&self, state: State) {
        let word = Slot::word(state, self.id.generation);
        self.line().word.store(word, Ordering::Release);
        reached(state);
    }

    pub(super) fn state(&self) -> Option<State> {
        State::of_byte(self.line().word.load(Ordering::Relaxed) as u8)
    }

    pub(super) fn set_footprint(&self, footprint: Footprint) {
        self.line()
            .bytes
            .store(footprint.bytes.0, Ordering::Relaxed);
        self.line()
            .handles
            .store(footprint.handles, Ordering::Relaxed);
    }

    pub(super) fn footprint(&self) -> Footprint {
        Footprint {
            bytes: crate::resource::Bytes(self.line().bytes.load(Ordering::Relaxed)),
            handles: self.line().handles.load(Ordering::Relaxed),
        }
    }

    pub(super) fn thread(&self) -> u32 {
        self.line().thread.load(Ordering::Relaxed)
    }

    /// The position of its kind.
    pub(super) fn kind(&self) -> u32 {
        self.line().kind.load(Ordering::Relaxed)
    }

    pub(super) fn touch(&self, now: u64) {
        self.line().touched.store(now, Ordering::Relaxed);
    }

    pub(super) fn times(&self) -> (u64, u64) {
        (
            self.line().opened.load(Ordering::Relaxed),
            self.line().touched.load(Ordering::Relaxed),
        )
    }

    /// Replaces the recipe and returns the position of the old one.
    pub(super) fn swap_recipe(&self, position: u32) -> u32 {
        // Release: a reader that sees the new position also sees the record's bytes.
        self.line().recipe.swap(position, Ordering::Release)
    }

    /// Frees the slot. The caller has closed it.
    pub(super) fn free(&self) -> FreeSlot {
        FreeSlot {
            slot: self.slot,
            position: self.id.slot,
        }
    }

    fn line(&self) -> &Slot {
        // SAFETY: a ledger's memory is never unmapped while its process lives.
        unsafe { self.slot.as_ref() }
    }
}

/// The point at which a test kills the owner: right after a state became visible to other
/// processes.
fn reached(state: State) {
    crate::kill_point::reach(match state {
        State::Intent => "ledger.intent",
        State::Live => "ledger.live",
        State::Closing => "ledger.closing",
        State::Closed => "ledger.closed",
    });
}

#[cfg(all(test, loom))]
mod loom_models {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use loom::thread;

    use super::*;
    use crate::resource::Bytes;
    use crate::sync::Mutex;

    /// An unused slot, for the rest of the model's life.
    struct Memory(NonNull<Slot>);

    // SAFETY: the memory is only accessed through atomics, and freed by its last owner.
    unsafe impl Send for Memory {}
    // SAFETY: as above.
    unsafe impl Sync for Memory {}

    impl Memory {
        fn new() -> Arc<Self> {
            let long = || AtomicU64::new(0);
            let short = || AtomicU32::new(0);
            let slot = Box::new(Slot {
                word: long(),
                opened: long(),
                touched: long(),
                bytes: long(),
                handles: short(),
                kind: short(),
                site: short(),
                label: short(),
                recipe: short(),
                thread: short(),
                parent: short(),
                parent_generation: short(),
            });
            Arc::new(Self(NonNull::from(Box::leak(slot))))
        }

        fn slot(&self) -> &Slot {
            // SAFETY: it is freed with `self` only.
            unsafe { self.0.as_ref() }
        }

        fn free(&self) -> FreeSlot {
            FreeSlot {
                slot: self.0,
                position: 0,
            }
        }

        /// What a reader sees: the state and its generation first, then everything that they
        /// publish.
        fn read(&self) -> (u8, u32, [u32; 3]) {
            let slot = self.slot();
            let word = slot.word.load(Ordering::Acquire);
            let seen = [&slot.kind, &slot.label, &slot.handles];
            let seen = seen.map(|field| field.load(Ordering::Relaxed));
            (word as u8, (word >> 32) as u32, seen)
        }
    }

    impl Drop for Memory {
        fn drop(&mut self) {
            // SAFETY: it came from a box, and has no other owner any more.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }

    /// The initial values of a generation: each field is the generation itself.
    fn opening(generation: u32) -> Opening {
        Opening {
            kind: generation,
            site: generation,
            label: generation,
            recipe: 0,
            now: u64::from(generation),
            footprint: Footprint {
                bytes: Bytes(0),
                handles: generation,
            },
            parent: None,
            thread: generation,
        }
    }

    /// The reader is the started thread: loom remembers one access before a store, and if the owner
    /// were started, that would be the owner's own read of its free slot.
    #[test]
    fn a_reader_of_a_state_sees_what_was_written_before_it() {
        static SEEN: std::sync::Mutex<BTreeSet<(u8, u32)>> = std::sync::Mutex::new(BTreeSet::new());
        loom::model(|| {
            let memory = Memory::new();
            let reader = {
                let memory = Arc::clone(&memory);
                thread::spawn(move || memory.read())
            };
            let handle = SlotHandle::take(memory.free(), State::Live, &opening(1));
            handle.set_state(State::Closed);
            SlotHandle::take(handle.free(), State::Live, &opening(2));
            let (state, generation, seen) = reader.join().unwrap();
            // Of this generation, or already of the next; of none before.
            assert!(seen.iter().all(|field| *field >= generation), "{seen:?}");
            SEEN.lock().unwrap().insert((state, generation));
        });
        // Every state was seen in some order of events, and nothing between them.
        let seen = std::mem::take(&mut *SEEN.lock().unwrap());
        let (live, closed) = (State::Live as u8, State::Closed as u8);
        assert_eq!(
            seen,
            BTreeSet::from([(0, 0), (live, 1), (closed, 1), (live, 2)])
        );
    }

    #[test]
    fn a_reused_slot_is_never_two_resources_at_once() {
        loom::model(|| {
            let memory = Memory::new();
            let free = Arc::new(Mutex::new(vec![memory.free()]));
            let track = |free: &Mutex<Vec<FreeSlot>>| {
                let taken = free.lock().pop()?;
                let generation = taken.next_id().generation;
                let handle = SlotHandle::take(taken, State::Live, &opening(generation));
                assert_eq!(handle.id().generation, generation);
                assert_eq!(handle.footprint().handles, generation);
                handle.set_state(State::Closing);
                handle.set_state(State::Closed);
                free.lock().push(handle.free());
                Some(generation)
            };
            let other = {
                let free = Arc::clone(&free);
                thread::spawn(move || track(&free))
            };
            let mine = track(&free);
            let theirs = other.join().unwrap();
            assert!(mine != theirs, "one generation twice: {mine:?}");
            let used = u32::from(mine.is_some()) + u32::from(theirs.is_some());
            assert_eq!(memory.read().1, used);
        });
    }

    #[test]
    fn a_referenced_recipe_is_complete() {
        loom::model(|| {
            let memory = Memory::new();
            let record = Arc::new(AtomicU64::new(0));
            let reader = {
                let (memory, record) = (Arc::clone(&memory), Arc::clone(&record));
                thread::spawn(move || {
                    let position = memory.slot().recipe.load(Ordering::Acquire);
                    (position, record.load(Ordering::Relaxed))
                })
            };
            let handle = SlotHandle::take(memory.free(), State::Live, &opening(1));
            record.store(7, Ordering::Relaxed);
            assert_eq!(handle.swap_recipe(9), 0);
            let (position, read) = reader.join().unwrap();
            assert!(position == 0 || read == 7, "{position} {read}");
        });
    }
}
