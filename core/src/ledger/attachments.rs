//! What belongs to which slot, so that everything open can be reached from outside its guard.
#![expect(
    unsafe_code,
    reason = "a place is written by whoever has the right to, which its word says"
)]

use std::sync::OnceLock;

use super::open_entry::OpenEntry;
use super::owner::Ledger;
use crate::resource::ResourceId;
use crate::sync::{AtomicU64, Ordering, UnsafeCell, pause};

/// A table by slot position, in chunks that double and never move, so that finding a place takes no
/// lock. Two threads that track never meet; who looks from outside keeps a place for a moment.
pub(crate) struct Attachments<A> {
    /// The ledger whose slots these are.
    ledger: Option<Ledger>,
    chunks: [OnceLock<Box<[Place<A>]>>; CHUNKS],
}

/// What one slot's resource has attached.
struct Place<A> {
    /// The state in the low byte, the resource's generation in the high half.
    word: AtomicU64,
    attached: UnsafeCell<Option<A>>,
}

/// A place that is kept for what is to be attached; empty again if that is not made.
struct Reserved<'a, A> {
    place: &'a Place<A>,
    generation: u32,
}

/// Nothing is attached. Whoever owns the slot may write.
const EMPTY: u64 = 0;
/// Something is attached. Whoever makes it kept may read or take it.
const FULL: u64 = 1;
/// Somebody is reading or taking it, and is done in a moment.
const KEPT: u64 = 2;

const CHUNKS: usize = 22;
const FIRST: usize = 1024;

// SAFETY: a place is reached by one thread at a time, as its word says; what is attached is handed
// from thread to thread, and cloned under that right.
unsafe impl<A: Send> Sync for Place<A> {}

impl<A> Attachments<A> {
    pub(crate) fn new(ledger: Option<Ledger>) -> Self {
        Self {
            ledger,
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    /// Attaches to an entry of this table's ledger what `make` makes of it, and gives what else it
    /// makes. To another's entry nothing is attached.
    pub(crate) fn attach<T>(&self, entry: OpenEntry, make: impl FnOnce(OpenEntry) -> (A, T)) -> T {
        let id = entry.id();
        let is_ours = self.ledger.is_some_and(|ledger| entry.is_of(ledger));
        let Some(place) = self.place(id.slot).filter(|_| is_ours) else {
            return make(entry).1;
        };
        // SAFETY: the entry is the caller's alone, and so is its slot.
        let reserved = unsafe { place.reserve(id.generation) };
        let (attached, rest) = make(entry);
        reserved.fill(attached);
        rest
    }

    pub(crate) fn detach(&self, id: ResourceId) -> Option<A> {
        self.place(id.slot)?.take(id.generation)
    }

    fn place(&self, slot: u32) -> Option<&Place<A>> {
        // Chunk n holds FIRST << n places and begins at FIRST * (2^n - 1).
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

    /// Everything attached, in no order.
    pub(crate) fn all(&self) -> Vec<A> {
        let mut all = Vec::new();
        self.each(|attached| all.push(attached));
        all
    }

    /// Gives everything attached, in no order. Nothing is kept while it is given.
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

    /// Keeps an empty place for what is to be attached.
    ///
    /// # Safety
    /// Nobody else reserves this place during the call.
    unsafe fn reserve(&self, generation: u32) -> Reserved<'_, A> {
        // Acquire: whoever emptied it is done with it.
        if self.word.load(Ordering::Acquire) as u8 != EMPTY as u8 {
            self.empty_out();
        }
        // Not a read-modify-write: only who reserves changes an empty place. Relaxed: nothing is
        // published with it, and who sees it waits for the next.
        self.word
            .store(word_of(KEPT, generation), Ordering::Relaxed);
        Reserved {
            place: self,
            generation,
        }
    }

    /// Takes out what a resource left whose slot is another's by now.
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
            // SAFETY: it is kept by this call alone.
            unsafe { (*place).take() }
        });
        // Release: whoever sees that it is empty may write.
        self.word
            .store(word_of(EMPTY, generation), Ordering::Release);
        taken
    }

    /// Makes it kept, if it is full with a resource of this generation.
    fn keep(&self, generation: u32) -> Option<()> {
        let (full, kept) = (word_of(FULL, generation), word_of(KEPT, generation));
        let mut times = 0;
        loop {
            // Acquire: what is attached is seen, and whoever kept it before is done.
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
            // SAFETY: it is kept for `self` alone.
            unsafe { *place = Some(attached) };
        });
        self.end(FULL);
        let _ = std::mem::ManuallyDrop::new(self);
    }

    fn end(&self, state: u64) {
        // Release: whoever sees the state sees what is attached, or that it is not.
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
            // SAFETY: it is kept by this call alone.
            unsafe { (*place).clone() }
        });
        // Release: whoever takes it next comes after this look.
        self.word
            .store(word_of(FULL, generation), Ordering::Release);
        attached
    }

    fn get_any(&self) -> Option<A> {
        // Relaxed: `get` looks again.
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

    /// Notes its own end; loom fails if that meets a use.
    struct Head(Cell<u32>);

    impl Drop for Head {
        fn drop(&mut self) {
            self.0.set(0);
        }
    }

    type Held = Share<Head, ()>;

    // SAFETY: loom's cells may go from thread to thread; loom itself fails if two use one at once.
    unsafe impl Sync for Head {}

    fn two(number: u32) -> (Held, Held) {
        Share::two(Head(Cell::new(number)), ())
    }

    fn fill(place: &Place<Held>, generation: u32, held: Held) {
        // SAFETY: one thread of each model attaches.
        unsafe { place.reserve(generation) }.fill(held);
    }

    #[test]
    fn what_is_found_is_there_as_long_as_it_is_held() {
        loom::model(|| {
            let place = Arc::new(Place::empty());
            let reader = {
                let place: Arc<Place<Held>> = Arc::clone(&place);
                thread::spawn(move || place.get(1).map(|held| held.0.get()))
            };
            let (tables, guards) = two(7);
            fill(&place, 1, tables);
            let tables = place.take(1).expect("nobody else takes it");
            guards.give_up(tables);
            assert!(matches!(reader.join().unwrap(), None | Some(7)));
            assert!(place.get_any().is_none());
        });
    }

    #[test]
    fn a_place_used_again_never_gives_the_one_before_for_the_next() {
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
            guards.give_up(place.take(1).expect("nobody else takes it"));
            let (tables, guards) = two(2);
            fill(&place, 2, tables);
            let (first, second) = reader.join().unwrap();
            assert!(matches!(first, None | Some(1)));
            assert!(matches!(second, None | Some(2)));
            drop((place.take(2), guards));
        });
    }

    #[test]
    fn one_of_two_who_take_gets_it() {
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
