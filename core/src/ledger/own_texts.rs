//! An entry's own texts, freed exactly once even if writers come until the last moment.

use super::records::Space;
use crate::sync::{AtomicBool, Mutex, Ordering, sequentially_consistent};

/// The texts that belong to one entry: a label, a recipe.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Texts {
    pub(super) label: Option<Space>,
    pub(super) recipe: Option<Space>,
}

/// The texts, behind a lock that an entry without texts never takes.
#[derive(Debug)]
pub(super) struct OwnTexts<T = Texts> {
    /// Whether there may be any.
    has: AtomicBool,
    texts: Mutex<T>,
}

impl OwnTexts {
    pub(super) fn new(texts: Texts) -> Self {
        Self::having(texts.label.is_some() || texts.recipe.is_some(), texts)
    }
}

impl<T: Default> OwnTexts<T> {
    fn having(has: bool, texts: T) -> Self {
        Self {
            has: AtomicBool::new(has),
            texts: Mutex::new(texts),
        }
    }

    /// Changes them, unless `is_open` reports that it is too late. `is_open` loads with SeqCst what
    /// the closer changed, also with SeqCst, before it called [`take`](Self::take).
    pub(super) fn change<U>(
        &self,
        is_open: impl Fn() -> bool,
        body: impl FnOnce(&mut T) -> U,
    ) -> Option<U> {
        let mut texts = self.texts.lock();
        // SeqCst, with the load in `take`: either the closer sees this, or `is_open` sees the closer.
        self.has.store(true, Ordering::SeqCst);
        sequentially_consistent();
        is_open().then(|| body(&mut texts))
    }

    /// Takes them out, when the entry is closed.
    pub(super) fn take(&self) -> Option<T> {
        sequentially_consistent();
        // The closer's own change came before this load: see `change`.
        self.has
            .load(Ordering::SeqCst)
            .then(|| std::mem::take(&mut *self.texts.lock()))
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use std::sync::Arc;

    use loom::thread;

    use super::*;
    use crate::sync::AtomicU8;

    #[test]
    fn a_text_written_during_the_close_is_freed_or_never_written() {
        loom::model(|| {
            let texts = Arc::new(OwnTexts::having(false, 0_u32));
            let closing = Arc::new(AtomicU8::new(0));
            let writer = {
                let (texts, closing) = (Arc::clone(&texts), Arc::clone(&closing));
                thread::spawn(move || {
                    let is_open = || closing.load(Ordering::SeqCst) == 0;
                    texts.change(is_open, |text| *text += 1)
                })
            };
            assert!(
                closing
                    .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Acquire)
                    .is_ok()
            );
            let given_back = texts.take().unwrap_or_default();
            let written = writer.join().unwrap().map_or(0, |()| 1);
            assert_eq!(given_back, written);
            assert_eq!(texts.take().unwrap_or_default(), 0, "freed twice");
        });
    }
}
