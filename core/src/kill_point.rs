//! Points at which a test kills this process: one at each state change that another process relies
//! on.

/// Kills this process with SIGKILL if `BACKSTOP_KILL_AT` names this point, as `PLACE`, or as
/// `PLACE:N` for the N-th time. Does nothing without the feature `kill-points`.
#[inline(always)]
pub fn reach(place: &str) {
    #[cfg(feature = "kill-points")]
    enabled::reach(place);
    #[cfg(not(feature = "kill-points"))]
    let _ = place;
}

#[cfg(feature = "kill-points")]
mod enabled {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TARGET: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn reach(place: &str) {
        let target = TARGET.get_or_init(|| {
            let text = std::env::var("BACKSTOP_KILL_AT").ok()?;
            Some(match text.rsplit_once(':') {
                Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
                None => (text, 1),
            })
        });
        if let Some((name, count)) = target
            && name == place
            && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *count
        {
            backstop_os::exit::kill_self();
        }
    }
}
