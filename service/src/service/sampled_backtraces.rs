//! Backtraces are sampled as long as a service runs.

use std::num::NonZeroU32;

use parking_lot::Mutex;

use backstop_core::release::BacktraceSampling;

/// Sampling belongs to the process: the first service switches it, and the last one back.
static SERVICES: Mutex<Services> = Mutex::new(Services {
    count: 0,
    before: None,
});

struct Services {
    count: usize,
    /// One in how many was sampled before the first.
    before: Option<NonZeroU32>,
}

/// One service's part in it, until it is dropped.
#[derive(Debug)]
pub(super) struct SampledBacktraces(());

impl SampledBacktraces {
    pub(super) fn begin(debug: bool) -> Self {
        let mut services = SERVICES.lock();
        if services.count == 0 {
            services.before = BacktraceSampling::every();
        }
        services.count += 1;
        let own = Self(());
        own.set(debug);
        own
    }

    /// Each resource where somebody looks for a fault, else one in 128.
    pub(super) fn set(&self, debug: bool) {
        BacktraceSampling::on(match debug {
            true => NonZeroU32::MIN,
            false => BacktraceSampling::EVERY,
        });
    }
}

impl Drop for SampledBacktraces {
    fn drop(&mut self) {
        let mut services = SERVICES.lock();
        services.count -= 1;
        if services.count == 0 {
            match services.before.take() {
                Some(every) => BacktraceSampling::on(every),
                None => BacktraceSampling::off(),
            }
        }
    }
}
