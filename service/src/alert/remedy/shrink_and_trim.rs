//! The steps that free memory without releasing resources.

use std::time::Duration;

use super::Shrinkage;
use super::account::StepAccount;
use backstop_core::release::{Backstop, Caches};
use backstop_core::resource::Bytes;
use backstop_os::heap;

pub(super) fn trim(backstop: Backstop, patience: Duration) -> StepAccount {
    StepAccount::take("trim", backstop, patience, || match heap::trim() {
        Some(true) => Ok("the allocator returned memory".into()),
        Some(false) => Ok("the allocator had no unused memory".into()),
        None => Err("this allocator cannot be trimmed".into()),
    })
}

pub(super) fn shrink(
    backstop: Backstop,
    caches: &Caches,
    shrinkage: Shrinkage,
    patience: Duration,
) -> Vec<StepAccount> {
    let all = caches.all().into_iter();
    all.map(|(name, cache)| {
        let name = format!("shrink {name}");
        StepAccount::take(name, backstop, patience, move || {
            let goal = shrinkage.goal(cache.footprint().bytes);
            match cache.shrink_to(goal) {
                Ok(freed) => Ok(format!("{freed} freed")),
                Err(error) => Err(error.chain()),
            }
        })
    })
    .collect()
}

impl Shrinkage {
    /// The size that a cache of this size is shrunk to.
    pub(super) fn goal(self, held: Bytes) -> Bytes {
        match self {
            Self::Half => Bytes(held.0 / 2),
            Self::All => Bytes(0),
        }
    }
}
