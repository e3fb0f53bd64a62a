//! Which guard belongs to which slot, so that everything open can be reached from outside its guard.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::cell::AnyCell;
use crate::resource::ResourceId;

type Place = Mutex<Option<Arc<AnyCell>>>;

/// A table by slot position, in chunks that double and never move, so that finding a place takes no
/// lock. Each place has a lock of its own: two threads that track never meet.
pub(super) struct Attachments {
    chunks: [OnceLock<Box<[Place]>>; CHUNKS],
}

const CHUNKS: usize = 22;
const FIRST: usize = 1024;

impl Attachments {
    pub(super) fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    pub(super) fn attach(&self, id: ResourceId, cell: Arc<AnyCell>) {
        if let Some(place) = self.place(id) {
            *place.lock() = Some(cell);
        }
    }

    pub(super) fn detach(&self, id: ResourceId) -> Option<Arc<AnyCell>> {
        let mut place = self.place(id)?.lock();
        let same = place.as_ref().is_some_and(|cell| cell.id() == Some(id));
        if same { place.take() } else { None }
    }

    pub(super) fn find(&self, id: ResourceId) -> Option<Arc<AnyCell>> {
        let place = self.place(id)?.lock();
        place.as_ref().filter(|cell| cell.id() == Some(id)).cloned()
    }

    /// Everything attached, in no order.
    pub(super) fn all(&self) -> Vec<Arc<AnyCell>> {
        let mut all = Vec::new();
        self.each(|cell| all.push(cell));
        all
    }

    /// Gives everything attached, in no order. No lock is held while it is given.
    pub(super) fn each(&self, give: impl FnMut(Arc<AnyCell>)) {
        self.chunks
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|chunk| chunk.iter())
            .filter_map(|place| place.lock().clone())
            .for_each(give);
    }

    fn place(&self, id: ResourceId) -> Option<&Place> {
        // Chunk n holds FIRST << n places and begins at FIRST * (2^n - 1).
        let scaled = id.slot as usize / FIRST + 1;
        let chunk = scaled.ilog2() as usize;
        let start = FIRST * ((1 << chunk) - 1);
        let places = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST << chunk).map(|_| Place::default()).collect());
        places.get(id.slot as usize - start)
    }
}
