//! Caches that can be made smaller at the cost of time only.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{Bytes, Footprint};

/// A cache or store that can be made smaller when memory is short.
///
/// It is called on a thread of Backstop's own with a deadline, one cache after the other. One that hangs
/// is reported, and the others are called all the same.
pub trait Shrink: Send + Sync + 'static {
    /// Which one it is, for people. Asked for once, when it is registered.
    fn name(&self) -> Cow<'static, str>;

    /// What it occupies now.
    fn footprint(&self) -> Footprint;

    /// Releases what exceeds `size`, and returns how many bytes that was.
    ///
    /// # Errors
    /// It could not.
    fn shrink_to(&self, size: Bytes) -> Result<Bytes, Error>;
}

/// The caches that remedies may shrink: at most 1024, none of them kept alive by being here.
#[derive(Debug, Clone, Default)]
pub struct Caches(Arc<Mutex<Vec<Entry>>>);

struct Entry {
    serial: u64,
    name: Arc<str>,
    cache: Weak<dyn Shrink>,
}

/// Keeps a cache registered until it is dropped, or the cache is.
#[derive(Debug)]
#[must_use = "dropping it takes the cache off the list"]
pub struct Registration {
    caches: Caches,
    serial: u64,
}

/// How many caches can be registered at once.
const MOST: usize = 1024;

impl Caches {
    /// The ones of this process.
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: LazyLock<Caches> = LazyLock::new(Caches::default);
        GLOBAL.clone()
    }

    /// Registers a cache.
    ///
    /// # Errors
    /// There are 1024.
    pub fn register(&self, cache: &Arc<impl Shrink>) -> Result<Registration, Error> {
        // Asked without the lock: it is the program's code.
        let name = cache.name().into();
        let mut entries = self.0.lock();
        entries.retain(|entry| entry.cache.strong_count() > 0);
        if entries.len() >= MOST {
            let error = Error::new(
                ErrorKind::Limit,
                Stage::Configure,
                "no more caches can be registered",
            );
            return Err(error.with("most", MOST));
        }
        let serial = entries.last().map_or(0, |last| last.serial + 1);
        let cache = Arc::downgrade(cache) as Weak<dyn Shrink>;
        entries.push(Entry {
            serial,
            name,
            cache,
        });
        Ok(Registration {
            caches: self.clone(),
            serial,
        })
    }

    /// Those that are registered, with their names, in the order of their registration.
    #[must_use]
    pub fn all(&self) -> Vec<(Arc<str>, Arc<dyn Shrink>)> {
        let entries = self.0.lock();
        let living = |entry: &Entry| Some((Arc::clone(&entry.name), entry.cache.upgrade()?));
        entries.iter().filter_map(living).collect()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut entries = self.caches.0.lock();
        entries.retain(|entry| entry.serial != self.serial);
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Entry").field(&self.name).finish()
    }
}
