//! Objects attached to slots, so that everything open can be reached without its guard.
#![expect(
    unsafe_code,
    reason = "a place is only accessed by the thread that its word entitles"
)]

use std::sync::OnceLock;

use super::open_entry::OpenEntry;
use super::owner::Ledger;
use crate::resource::ResourceId;
use crate::sync::{AtomicU64, Ordering, UnsafeCell, pause};

/// A table by slot position, in chunks that double and never move, so that finding a place takes no
/// lock. Two threads that track never contend; a reader holds a place only for a moment.
pub(crate) struct Attachments<A> {
    /// The ledger that the slots belong to.
    ledger: Option<Ledger>,
    chunks: [OnceLock<Box<[Place<A>]>>; CHUNKS],
}

/// The attachment of one slot's resource.
struct Place<A> {
    /// The state in the low byte, the resource's generation in the high half.
    word: AtomicU64,
    attached: UnsafeCell<Option<A>>,
}

/// A place that is held for a new attachment; empty again if creating it fails.
struct Reserved<'a, A> {
    place: &'a Place<A>,
    generation: u32,
}

/// Nothing is attached. The owner of the slot may write.
const EMPTY: u64 = 0;
/// Something is attached. The thread that marks it as kept may read or take it.
const FULL: u64 = 1;
/// A thread is reading or taking it, which takes a moment.
const KEPT: u64 = 2;

const CHUNKS: usize = 22;
const FIRST: usize = 1024;

// SAFETY: one thread at a time accesses a place, as its word ensures; attachments are moved between
// threads, and cloned while the place is kept.
unsafe impl<A: Send> Sync for Place<A> {}

impl<A> Attachments<A> {
    pub(crate) fn new(ledger: Option<Ledger>) -> Self {
        Self {
            ledger,
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    /// Attaches the result of `make` to an entry of this table's ledger, and returns the other part
    /// of the result. To an entry of another ledger nothing is attached.
    pub(crate) fn attach<T>(&self, entry: OpenEntry, make: impl FnOnce(OpenEntry) -> (A, T)) -> T {
        let id = entry.id();
        let is_ours = self.ledger.is_some_and(|ledger| entry.is_of(ledger));
        let Some(place) = self.place(id.slot).filter(|_| is_ours) else {
            return make(entry).1;
        };
        // SAFETY: the entry belongs to the caller alone, and so does its slot.
        let reserved = unsafe { place.reserve(id.generation) };
        let (attached, rest) = make(entry);
        reserved.fill(attached);
        rest
    }

    pub(crate) fn detach(&self, id: ResourceId) -> Option<A> {
        self.place(id.slot)?.take(id.generation)
    }

    fn place(&self, slot: u32) -> Option<&Place<A>> {
        // Chunk n holds FIRST << n places and starts at FIRST * (2^n - 1).
        let scaled = slot as usize / FIRST + 1;
        let chunk = scaled.ilog2() as usize;
        let start = FIRST * ((1 << chunk) - 1);
        let places = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST << chunk).map(|_| Place::empty()).collect());
        places.get(slot as usize - start)
    }
}

impl<A: Clone> Attachments<A> {
    pub(crate) fn find(&self, id: ResourceId) -> Option<A> {
        self.place(id.slot)?.get(id.generation)
    }

    /// All attachments, in no particular order.
    pub(crate) fn all(&self) -> Vec<A> {
        let mut all = Vec::new();
        self.each(|attached| all.push(attached));
        all
    }

    /// Passes all attachments to `give`, in no particular order. No place is held during a call.
    pub(crate) fn each(&self, give: impl FnMut(A)) {
        self.chunks
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|chunk| chunk.iter())
            .filter_map(Place::get_any)
            .for_each(give);
    }
}

impl<A> Place<A> {
    fn empty() -> Self {
        Self {
            word: AtomicU64::new(EMPTY),
            attached: UnsafeCell::new(None),
        }
    }

    /// Holds an empty place for a new attachment.
    ///
    /// # Safety
    /// No other thread reserves this place during the call.
    unsafe fn reserve(&self, generation: u32) -> Reserved<'_, A> {
        // Acquire: the thread that emptied it is done with it.
        if self.word.load(Ordering::Acquire) as u8 != EMPTY as u8 {
            self.empty_out();
        }
        // Not a read-modify-write: only the reserving thread changes an empty place. Relaxed:
        // nothing is published with it, and a thread that sees it waits for the next state.
        self.word
            .store(word_of(KEPT, generation), Ordering::Relaxed);
        Reserved {
            place: self,
            generation,
        }
    }

    /// Removes the attachment of an earlier resource whose slot now belongs to another.
    #[cold]
    fn empty_out(&self) {
        let mut times = 0;
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word as u8 == EMPTY as u8 {
                return;
            }
            drop(self.take((word >> 32) as u32));
            pause(times);
            times += 1;
        }
    }

    fn take(&self, generation: u32) -> Option<A> {
        self.keep(generation)?;
        let taken = self.attached.with_mut(|place| {
            // SAFETY: only this call holds it.
            unsafe { (*place).take() }
        });
        // Release: a thread that sees that it is empty may write.
        self.word
            .store(word_of(EMPTY, generation), Ordering::Release);
        taken
    }

    /// Holds it, if it is full with the attachment of a resource of this generation.
    fn keep(&self, generation: u32) -> Option<()> {
        let (full, kept) = (word_of(FULL, generation), word_of(KEPT, generation));
        let mut times = 0;
        loop {
            // Acquire: the attachment is visible, and the previous holder is done.
            let seen = self
                .word
                .compare_exchange(full, kept, Ordering::Acquire, Ordering::Relaxed);
            match seen {
                Ok(_) => return Some(()),
                Err(word) if word == kept => pause(times),
                Err(_) => return None,
            }
            times += 1;
        }
    }
}

impl<A> Reserved<'_, A> {
    fn fill(self, attached: A) {
        self.place.attached.with_mut(|place| {
            // SAFETY: it is held for `self` alone.
            unsafe { *place = Some(attached) };
        });
        self.end(FULL);
        let _ = std::mem::ManuallyDrop::new(self);
    }

    fn end(&self, state: u64) {
        // Release: a thread that sees the state sees the attachment, or its absence.
        let word = word_of(state, self.generation);
        self.place.word.store(word, Ordering::Release);
    }
}

impl<A> Drop for Reserved<'_, A> {
    fn drop(&mut self) {
        self.end(EMPTY);
    }
}

impl<A: Clone> Place<A> {
    fn get(&self, generation: u32) -> Option<A> {
        self.keep(generation)?;
        let attached = self.attached.with_mut(|place| {
            // SAFETY: only this call holds it.
            unsafe { (*place).clone() }
        });
        // Release: the next holder comes after this read.
        self.word
            .store(word_of(FULL, generation), Ordering::Release);
        attached
    }

    fn get_any(&self) -> Option<A> {
        // Relaxed: `get` checks again.
        let word = self.word.load(Ordering::Relaxed);
        (word as u8 != EMPTY as u8)
            .then(|| self.get((word >> 32) as u32))
            .flatten()
    }
}

fn word_of(state: u64, generation: u32) -> u64 {
    u64::from(generation) << 32 | state
}

#[cfg(all(test, loom))]
mod loom_models {
    use std::sync::Arc;

    use loom::cell::Cell;
    use loom::thread;

    use super::*;
    use crate::ledger::Share;

    /// Records its drop; loom fails if that is concurrent with a use.
    struct Head(Cell<u32>);

    impl Drop for Head {
        fn drop(&mut self) {
            self.0.set(0);
        }
    }

    type Held = Share<Head, ()>;

    // SAFETY: loom's cells may move between threads; loom itself fails if two use one concurrently.
    unsafe impl Sync for Head {}

    fn two(number: u32) -> (Held, Held) {
        Share::two(Head(Cell::new(number)), ())
    }

    fn fill(place: &Place<Held>, generation: u32, held: Held) {
        // SAFETY: one thread of each model attaches.
        unsafe { place.reserve(generation) }.fill(held);
    }

    #[test]
    fn an_attachment_lives_as_long_as_it_is_held() {
        loom::model(|| {
            let place = Arc::new(Place::empty());
            let reader = {
                let place: Arc<Place<Held>> = Arc::clone(&place);
                thread::spawn(move || place.get(1).map(|held| held.0.get()))
            };
            let (tables, guards) = two(7);
            fill(&place, 1, tables);
            let tables = place.take(1).expect("no other thread takes it");
            guards.give_up(tables);
            assert!(matches!(reader.join().unwrap(), None | Some(7)));
            assert!(place.get_any().is_none());
        });
    }

    #[test]
    fn a_reused_place_never_returns_the_earlier_attachment() {
        loom::model(|| {
            let place = Arc::new(Place::empty());
            let (tables, guards) = two(1);
            fill(&place, 1, tables);
            let reader = {
                let place: Arc<Place<Held>> = Arc::clone(&place);
                thread::spawn(move || {
                    let first = place.get(1).map(|held| held.0.get());
                    let second = place.get(2).map(|held| held.0.get());
                    (first, second)
                })
            };
            guards.give_up(place.take(1).expect("no other thread takes it"));
            let (tables, guards) = two(2);
            fill(&place, 2, tables);
            let (first, second) = reader.join().unwrap();
            assert!(matches!(first, None | Some(1)));
            assert!(matches!(second, None | Some(2)));
            drop((place.take(2), guards));
        });
    }

    #[test]
    fn one_of_two_takers_gets_it() {
        loom::model(|| {
            let place = Arc::new(Place::empty());
            let (tables, guards) = two(1);
            fill(&place, 1, tables);
            let other = {
                let place: Arc<Place<Held>> = Arc::clone(&place);
                thread::spawn(move || place.take(1).is_some())
            };
            let mine = place.take(1).is_some();
            assert!(mine != other.join().unwrap());
            assert_eq!(guards.0.get(), 1);
        });
    }
}
