//! Named memory states, and what changed between two of them.

mod comparison;
mod state;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

pub use comparison::{Comparison, KindChange, MeasureChange, SiteChange};
pub use state::MemoryState;

use crate::error::{Error, ErrorKind, Stage};
use crate::release::Backstop;

/// Named memory states: what the process and its ledger hold, kept for comparison. Clones share
/// them.
///
/// The last [`Dumps::KEPT`] states are kept; each lists up to [`MemoryState::LISTED`] resources one
/// by one, so that new ones are distinguished from released ones, and beyond that only their
/// number.
///
/// # Examples
/// ```
/// use backstop_core::monitor::Dumps;
/// use backstop_core::release::{Backstop, Tracking};
/// use backstop_core::resource::Kind;
///
/// let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
/// let dumps = Dumps::new(backstop);
/// dumps.dump("before");
/// let kept = backstop.track_with(Kind::new("example.page"), "main", 7, |_| Ok::<_, std::io::Error>(()));
/// dumps.dump("after");
/// let comparison = dumps.compare("before", "after")?;
/// assert_eq!(comparison.kinds[0].left, 1);
/// println!("{comparison}");
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dumps {
    backstop: Backstop,
    states: Arc<Mutex<States>>,
}

#[derive(Debug, Default)]
struct States {
    last: VecDeque<Arc<MemoryState>>,
    dropped: u64,
}

impl Dumps {
    /// The maximum number of states that are kept. One more drops the oldest.
    pub const KEPT: usize = 16;

    /// States of a Backstop's resources and of this process.
    #[must_use]
    pub fn new(backstop: Backstop) -> Self {
        Self {
            backstop,
            states: Arc::default(),
        }
    }

    /// The states of this process's [`Backstop`].
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: OnceLock<Dumps> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::new(Backstop::global())).clone()
    }

    /// Stores the current state under a name; an older state with that name is replaced.
    ///
    /// It visits each open resource: some milliseconds for a hundred thousand.
    pub fn dump(&self, name: impl Into<String>) -> Arc<MemoryState> {
        let state = Arc::new(MemoryState::now(name.into(), self.backstop));
        let mut states = self.states.lock();
        states.last.retain(|old| old.name != state.name);
        if states.last.len() >= Self::KEPT {
            states.last.pop_front();
            states.dropped += 1;
        }
        states.last.push_back(Arc::clone(&state));
        state
    }

    /// What changed from one state to another.
    ///
    /// # Errors
    /// There is no state with one of the names; the error reports whether some were dropped.
    pub fn compare(&self, before: &str, after: &str) -> Result<Comparison, Error> {
        let states = self.states.lock();
        let before = states.find(before)?;
        let after = states.find(after)?;
        drop(states);
        Ok(Comparison::of(&before, &after))
    }

    /// The states that are kept, oldest first.
    #[must_use]
    pub fn states(&self) -> Vec<Arc<MemoryState>> {
        self.states.lock().last.iter().cloned().collect()
    }

    /// How many states were dropped because the maximum was reached.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.states.lock().dropped
    }
}

impl States {
    fn find(&self, name: &str) -> Result<Arc<MemoryState>, Error> {
        let found = self.last.iter().find(|state| state.name == name);
        found.cloned().ok_or_else(|| {
            let names: Vec<_> = self.last.iter().map(|state| state.name.as_str()).collect();
            Error::new(
                ErrorKind::NotFound,
                Stage::Use,
                "no memory state with this name",
            )
            .with("name", name)
            .with("kept", names.join(", "))
            .with("dropped", self.dropped)
        })
    }
}

/// Stores the current state of this process and its [`Backstop`] under a name: see [`Dumps::dump`].
pub fn dump(name: impl Into<String>) -> Arc<MemoryState> {
    Dumps::global().dump(name)
}

/// What changed from one state to another: see [`Dumps::compare`].
///
/// # Errors
/// There is no state with one of the names.
pub fn compare(before: &str, after: &str) -> Result<Comparison, Error> {
    Dumps::global().compare(before, after)
}
