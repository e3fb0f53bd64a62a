//! Backtraces are sampled while a service runs.

use std::num::NonZeroU32;

use parking_lot::Mutex;

use backstop_core::release::BacktraceSampling;

/// Sampling is a setting of the process: the first service changes it, and the last one restores
/// it.
static SERVICES: Mutex<Services> = Mutex::new(Services {
    count: 0,
    before: None,
});

struct Services {
    count: usize,
    /// The rate before the first.
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

    /// Every resource in debug mode, else one in 128.
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
