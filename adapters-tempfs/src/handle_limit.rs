//! A limit for open files.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::resource::Site;
use backstop_os::descriptors;
use parking_lot::Mutex;

/// A limit for the files that are open through this adapter. When it is reached, opening returns an error
/// that names the longest-open files, before the process runs out of descriptors in code that cannot
/// report it.
///
/// A cheap handle: clones are the same limit.
#[derive(Clone)]
pub struct HandleLimit(Arc<Mutex<State>>);

struct State {
    most: Most,
    held: BTreeMap<u64, Holder>,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
enum Most {
    Count(u64),
    /// A percentage of the soft limit of the process, which is read each time because it can be raised.
    Share(u8),
}

/// An open file, and where it was opened.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The file.
    pub path: PathBuf,
    /// When it was opened.
    pub opened: Instant,
    /// The place in the code.
    pub site: Site,
}

/// One open file counted against a [`HandleLimit`]; dropping it frees its place.
#[derive(Debug)]
#[must_use]
pub struct HandlePermit {
    limit: HandleLimit,
    serial: u64,
}

/// How many holders an error names.
const NAMED: usize = 5;

impl HandleLimit {
    /// A limit of this many files.
    #[must_use]
    pub fn of(count: u64) -> Self {
        Self::with(Most::Count(count))
    }

    /// The limit of everything that has no other. Default: 80 % of the soft limit of the process
    /// (`RLIMIT_NOFILE`), which leaves the rest for files that are not tracked.
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: LazyLock<HandleLimit> = LazyLock::new(|| HandleLimit::with(Most::Share(80)));
        GLOBAL.clone()
    }

    fn with(most: Most) -> Self {
        Self(Arc::new(Mutex::new(State {
            most,
            held: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Changes the limit. Files that are open stay open.
    pub fn set(&self, count: u64) {
        self.0.lock().most = Most::Count(count);
    }

    /// Number of open files.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.lock().held.len() as u64
    }

    /// The longest-open files: at most `count` of them, the oldest first.
    #[must_use]
    pub fn oldest(&self, count: usize) -> Vec<Holder> {
        self.0.lock().held.values().take(count).cloned().collect()
    }

    /// Takes a place.
    pub(crate) fn take(&self, path: &Path, site: Site) -> Result<HandlePermit, Error> {
        let mut state = self.0.lock();
        if let Some(most) = state.most.count()
            && state.held.len() as u64 >= most
        {
            drop(state);
            let message = "the limit of open files is reached";
            return Err(self.name_holders(
                Error::new(ErrorKind::Limit, Stage::Open, message)
                    .with("path", path.display())
                    .with("limit", most),
            ));
        }
        let serial = state.next;
        state.next += 1;
        let holder = Holder {
            path: path.to_owned(),
            opened: Instant::now(),
            site,
        };
        state.held.insert(serial, holder);
        drop(state);
        Ok(HandlePermit {
            limit: self.clone(),
            serial,
        })
    }

    /// Adds the longest-open files to the error of a failed opening, if it failed because no descriptor was
    /// left. Its own permit is dropped by then, or it would be listed too.
    pub(crate) fn explain(&self, error: Error) -> Error {
        /// `EMFILE` and `ENFILE`: the process's and the system's limit.
        const NO_DESCRIPTOR: [i32; 2] = [24, 23];
        let cause = error
            .source()
            .and_then(<dyn std::error::Error>::downcast_ref);
        let number = cause.and_then(io::Error::raw_os_error);
        if number.is_some_and(|number| NO_DESCRIPTOR.contains(&number)) {
            return self.name_holders(error);
        }
        error
    }

    fn name_holders(&self, error: Error) -> Error {
        self.oldest(NAMED)
            .into_iter()
            .fold(error, |error, holder| error.with("held by", holder))
    }
}

impl Most {
    fn count(self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(count),
            Self::Share(percent) => descriptors::limit().map(|all| {
                // Divided first: the limit can be close to the maximum of the type.
                (all / 100)
                    .saturating_mul(u64::from(percent))
                    .max(all.saturating_mul(u64::from(percent)) / 100)
                    .max(1)
            }),
        }
    }
}

impl Drop for HandlePermit {
    fn drop(&mut self) {
        self.limit.0.lock().held.remove(&self.serial);
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = Duration::from_millis(self.opened.elapsed().as_millis() as u64);
        write!(
            formatter,
            "{} for {age:?} opened at {}",
            self.path.display(),
            self.site
        )
    }
}

impl fmt::Debug for HandleLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        write!(
            formatter,
            "HandleLimit({:?}, {} open)",
            state.most,
            state.held.len()
        )
    }
}
