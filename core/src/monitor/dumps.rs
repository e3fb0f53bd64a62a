//! Memory states under names, and what changed between two of them.

mod comparison;
mod state;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

pub use comparison::{Comparison, KindChange, MeasureChange, SiteChange};
pub use state::MemoryState;

use crate::error::{Error, ErrorKind, Stage};
use crate::release::Backstop;

/// Memory states under names: what the process and its ledger have, kept to be compared. Clones share
/// them.
///
/// The last [`Dumps::KEPT`] are kept; of each up to [`MemoryState::LISTED`] resources one by one, so
/// that those that came are told from those that went, and beyond that by their number.
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
    /// The most states that are kept. One more drops the oldest.
    pub const KEPT: usize = 16;

    /// States of a Backstop's resources and of this process.
    #[must_use]
    pub fn new(backstop: Backstop) -> Self {
        Self {
            backstop,
            states: Arc::default(),
        }
    }

    /// Those of this process's [`Backstop`].
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: OnceLock<Dumps> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::new(Backstop::global())).clone()
    }

    /// Keeps what there is now under a name; an older state of that name goes.
    ///
    /// It looks at each resource that is open: some milliseconds for a hundred thousand.
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
    /// There is no state of one of the names; the error says whether some were dropped.
    pub fn compare(&self, before: &str, after: &str) -> Result<Comparison, Error> {
        let states = self.states.lock();
        let before = states.find(before)?;
        let after = states.find(after)?;
        drop(states);
        Ok(Comparison::of(&before, &after))
    }

    /// The states that are kept, the oldest first.
    #[must_use]
    pub fn states(&self) -> Vec<Arc<MemoryState>> {
        self.states.lock().last.iter().cloned().collect()
    }

    /// How many states were dropped because there were too many.
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
                "there is no memory state of this name",
            )
            .with("name", name)
            .with("kept", names.join(", "))
            .with("dropped", self.dropped)
        })
    }
}

/// Keeps what this process and its [`Backstop`] have now under a name: see [`Dumps::dump`].
pub fn dump(name: impl Into<String>) -> Arc<MemoryState> {
    Dumps::global().dump(name)
}

/// What changed from one state to another: see [`Dumps::compare`].
///
/// # Errors
/// There is no state of one of the names.
pub fn compare(before: &str, after: &str) -> Result<Comparison, Error> {
    Dumps::global().compare(before, after)
}
