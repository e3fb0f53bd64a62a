//! Books of the resources that a thread opens, kept by an operation or a leak check of that thread; and the
//! sampling of backtraces. While neither is active, an opening costs one load and one branch.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use super::askers;
use super::backstop::Backstop;
use super::backtraces;
use super::tracked_state::{AnyShare, AnyState, TrackedState};
use crate::resource::{Footprint, Kind, ResourceId, Site};

/// The next book's number; 0 is no book's.
static NEXT: AtomicU32 = AtomicU32::new(1);

thread_local! {
    /// The books that are open on this thread, the innermost last.
    static BOOKS: RefCell<Vec<Records>> = const { RefCell::new(Vec::new()) };
}

/// Notes that a resource is tracked from here on.
#[inline]
pub(super) fn note(state: &TrackedState) {
    if askers::any() {
        note_asked(state.backstop, state.kind, state.site, state.id());
    }
}

#[cold]
fn note_asked(backstop: Backstop, kind: Kind, site: Site, id: Option<ResourceId>) {
    // A thread that is ending keeps no book any more.
    let _ = BOOKS.try_with(|books| {
        if let Ok(mut books) = books.try_borrow_mut()
            && let Some(records) = books.last_mut()
        {
            records.add(backstop, kind, site, id);
        }
    });
    backtraces::sample(kind, site);
}

/// A book of all resources that this thread begins to track until it is closed. Books nest: what
/// is in an inner one is in the outer ones too.
#[derive(Debug)]
pub(crate) struct OpeningBook {
    number: u32,
    /// It is the thread's.
    not_send: PhantomData<*const ()>,
}

/// The contents of a book.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    /// How many were opened, by kind and place.
    pub(crate) opened: Vec<Opened>,
    /// Those that are still open.
    pub(crate) left: Vec<StillOpen>,
    /// Those that are in no ledger, so that it is unknown whether they are still open.
    pub(crate) untracked: u64,
    /// Resources that are not in `opened`, because it lists a limited number of places.
    pub(crate) unlisted: u64,
}

/// Resources of one kind from one place, counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) kind: Kind,
    pub(crate) site: Site,
    pub(crate) count: u64,
}

/// A resource that is open.
#[derive(Debug, Clone)]
pub(crate) struct StillOpen {
    backstop: Backstop,
    pub(crate) kind: Kind,
    pub(crate) site: Site,
    pub(crate) label: String,
    pub(crate) footprint: Footprint,
}

#[derive(Default, Clone)]
struct Records {
    /// Which book's.
    number: u32,
    opened: Vec<Opened>,
    unlisted: u64,
    untracked: u64,
    /// Those that may still be open.
    living: Vec<(Backstop, ResourceId)>,
    /// At how many of them those that were released are removed from the list.
    look_at: usize,
}

impl OpeningBook {
    pub(crate) fn open() -> Self {
        askers::add();
        // Relaxed: it only has to be another number than every other book's.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let opened = BOOKS.try_with(|books| {
            // Within the books' own work a resource's code may run; what that opens is in no book.
            let mut books = books.try_borrow_mut().ok()?;
            books.push(Records {
                number,
                ..Records::default()
            });
            Some(())
        });
        Self {
            number: if matches!(opened, Ok(Some(()))) {
                number
            } else {
                0
            },
            not_send: PhantomData,
        }
    }

    /// What it has so far.
    pub(crate) fn read(&self) -> Openings {
        // A copy: looking at a resource runs its code, which may itself open something.
        self.records().openings()
    }

    fn records(&self) -> Records {
        let copied = BOOKS.try_with(|books| {
            let books = books.try_borrow().ok()?;
            let place = books.iter().position(|book| book.number == self.number)?;
            let mut all = books[place].clone();
            for inner in &books[place + 1..] {
                all.take_over(inner.clone());
            }
            Some(all)
        });
        copied.ok().flatten().unwrap_or_default()
    }
}

impl Drop for OpeningBook {
    fn drop(&mut self) {
        askers::remove();
        let _ = BOOKS.try_with(|books| {
            let mut books = books.try_borrow_mut().ok()?;
            let place = books.iter().position(|book| book.number == self.number)?;
            let records = books.remove(place);
            books.get_mut(place.checked_sub(1)?)?.take_over(records);
            Some(())
        });
    }
}

impl Records {
    /// The most places of which openings are counted.
    const PLACES: usize = 256;
    /// From how many on the list of those that may still be open is pruned.
    const FIRST_LOOK: usize = 4096;

    fn add(&mut self, backstop: Backstop, kind: Kind, site: Site, id: Option<ResourceId>) {
        self.count_opened(Opened {
            kind,
            site,
            count: 1,
        });
        match id {
            Some(id) => self.keep(backstop, id),
            None => self.untracked += 1,
        }
    }

    fn count_opened(&mut self, new: Opened) {
        let same = |old: &Opened| old.site == new.site && old.kind == new.kind;
        match self.opened.iter().position(same) {
            Some(place) => self.opened[place].count += new.count,
            None if self.opened.len() < Self::PLACES => self.opened.push(new),
            None => self.unlisted += new.count,
        }
    }

    fn keep(&mut self, backstop: Backstop, id: ResourceId) {
        if self.living.len() >= self.look_at.max(Self::FIRST_LOOK) {
            self.living.retain(|(backstop, id)| is_open(*backstop, *id));
            // Twice as many as are open: looking costs a constant for each that is added, and the
            // list is no longer than what the program itself holds.
            self.look_at = self.living.len() * 2;
        }
        self.living.push((backstop, id));
    }

    fn take_over(&mut self, inner: Self) {
        for opened in inner.opened {
            self.count_opened(opened);
        }
        self.unlisted += inner.unlisted;
        self.untracked += inner.untracked;
        for (backstop, id) in inner.living {
            self.keep(backstop, id);
        }
    }

    fn openings(&self) -> Openings {
        Openings {
            opened: self.opened.clone(),
            left: self
                .living
                .iter()
                .filter_map(|(backstop, id)| open_state(*backstop, *id))
                .map(|state| StillOpen::of(&state))
                .collect(),
            untracked: self.untracked,
            unlisted: self.unlisted,
        }
    }
}

impl StillOpen {
    fn of(state: &AnyState) -> Self {
        Self {
            backstop: state.backstop,
            kind: state.kind,
            site: state.site,
            label: state.label(),
            footprint: state.footprint(),
        }
    }
}

impl StillOpen {
    /// Whether it is one of this Backstop's.
    pub(crate) fn is_of(&self, backstop: Backstop) -> bool {
        self.backstop.is_same(backstop)
    }
}

impl Backstop {
    /// Those that are open, stuck or being released.
    pub(crate) fn not_released(&self) -> Vec<ResourceId> {
        let states = self.states_not_released();
        states.iter().filter_map(|state| state.id()).collect()
    }

    /// One of them.
    pub(crate) fn still_open(&self, id: ResourceId) -> Option<StillOpen> {
        open_state(*self, id).map(|state| StillOpen::of(&state))
    }
}

fn is_open(backstop: Backstop, id: ResourceId) -> bool {
    open_state(backstop, id).is_some()
}

fn open_state(backstop: Backstop, id: ResourceId) -> Option<AnyShare> {
    let state = backstop.attachments().find(id)?;
    // One that is stuck is still there.
    (!state.is_released()).then_some(state)
}
