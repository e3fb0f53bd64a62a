//! What a pool holds and has lent, by key. Behind the pool's lock.

use std::collections::HashMap;
use std::hash::Hash;

use super::loan::{Loan, PoolStatistics};
use super::tracked::Tracked;
use crate::resource::{Site, TrackedResource};

/// The slots of one pool.
pub(super) struct Slots<K, R: TrackedResource> {
    /// By place, so that what comes back finds its slot without its key.
    slots: Vec<Option<Slot<K, R>>>,
    places: HashMap<K, usize>,
    vacant: Vec<usize>,
    /// The place that was asked for last: most programs ask for one key again and again, which is
    /// then compared and not hashed.
    recent: usize,
    next_loan: u64,
    /// Threads that wait, whatever their keys.
    pub(super) waiting: usize,
    pub(super) statistics: PoolStatistics,
}

/// One key's resources.
pub(super) struct Slot<K, R: TrackedResource> {
    key: K,
    pub(super) idle: Vec<Idle<R>>,
    pub(super) loans: Vec<Loan>,
    /// Being opened, outside the lock.
    pub(super) opening: usize,
}

/// One resource that is not borrowed.
pub(super) struct Idle<R: TrackedResource> {
    pub(super) guard: Tracked<R>,
    pub(super) since: u64,
}

impl<K, R: TrackedResource> Slots<K, R> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            places: HashMap::new(),
            vacant: Vec::new(),
            recent: 0,
            next_loan: 0,
            waiting: 0,
            statistics: PoolStatistics::default(),
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Slot<K, R>> {
        self.slots.iter().flatten()
    }

    /// The slot at a place, which stays there as long as something of it is lent or being opened.
    pub(super) fn at(&mut self, place: usize) -> &mut Slot<K, R> {
        self.slots[place]
            .as_mut()
            .expect("a slot stays while any of it is lent or being opened")
    }

    /// Records a loan, and returns its number.
    pub(super) fn lend(&mut self, place: usize, site: Site, since: u64) -> u64 {
        self.next_loan += 1;
        let number = self.next_loan;
        self.at(place).loans.push(Loan {
            number,
            site,
            since,
        });
        number
    }
}

impl<K: Hash + Eq + Clone, R: TrackedResource> Slots<K, R> {
    /// Where this key's slot is; a new one if it has none.
    pub(super) fn place(&mut self, key: &K) -> usize {
        let recent = self.slots.get(self.recent).and_then(Option::as_ref);
        if recent.is_none_or(|slot| slot.key != *key) {
            self.recent = match self.places.get(key) {
                Some(place) => *place,
                None => self.put_up(key),
            };
        }
        self.recent
    }

    #[cold]
    fn put_up(&mut self, key: &K) -> usize {
        let slot = Slot {
            key: key.clone(),
            idle: Vec::new(),
            loans: Vec::new(),
            opening: 0,
        };
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[place] = Some(slot);
        self.places.insert(key.clone(), place);
        place
    }

    /// Takes out what is idle and goes, and the slots that then have nothing.
    pub(super) fn take_idle(&mut self, goes: impl Fn(&Idle<R>) -> bool) -> Vec<Idle<R>> {
        let mut gone = Vec::new();
        for (place, held) in self.slots.iter_mut().enumerate() {
            let Some(slot) = held else {
                continue;
            };
            gone.extend(slot.idle.extract_if(.., |idle| goes(idle)));
            if slot.idle.is_empty() && slot.taken() == 0 {
                self.places.remove(&slot.key);
                self.vacant.push(place);
                *held = None;
            }
        }
        gone
    }
}

impl<K, R: TrackedResource> Slot<K, R> {
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    /// How many are lent or being opened.
    pub(super) fn taken(&self) -> usize {
        self.loans.len() + self.opening
    }

    /// Ends a loan.
    pub(super) fn end(&mut self, loan: u64) {
        if let Some(index) = self.loans.iter().position(|each| each.number == loan) {
            // In the order of lending, in which an error names the borrowers.
            self.loans.remove(index);
        }
    }
}
