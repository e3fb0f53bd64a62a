//! The monitor is no leak itself: a day of samples, played in fast time, in a process of its own.

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::monitor::{Moment, Monitor, Observation, OwnSampler};
use backstop_core::release::Tracking;
use backstop_core::resource::Kind;

const INTERVAL: Duration = Duration::from_secs(10);
const SAMPLES: u32 = 24 * 360;

// The only test of this file: others in its process would be in the figures.
#[test]
fn a_day_of_samples_leaves_memory_and_handles_flat() {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let kind = Kind::new("test.handle");
    let open: Vec<_> = (0..100)
        .map(|number| {
            backstop.track_with(kind, format!("number {number}"), (), |()| {
                Ok::<_, std::io::Error>(())
            })
        })
        .collect();
    let mut own = OwnSampler::new().unwrap();
    let mut watch = Monitor::builder()
        .backstop(backstop)
        .interval(INTERVAL)
        // What an observer keeps is its own; this one keeps nothing.
        .observer(|observation: &Observation| assert!(observation.sample.process.threads > 0))
        .build()
        .unwrap();
    let start = Moment::now();
    let mut before = None;
    for number in 0..SAMPLES {
        watch.observe(start.later(INTERVAL * number)).unwrap();
        // The first hour fills the windows of the findings, which are bounded.
        if number == 360 {
            before = Some(own.quick());
        }
    }
    let (before, after) = (before.unwrap(), own.quick());
    let cost = watch.cost();
    println!(
        "{} samples, {:?} each, {} to {} resident",
        cost.samples,
        cost.cpu / SAMPLES,
        before.resident,
        after.resident
    );
    assert_eq!(cost.samples, u64::from(SAMPLES));
    assert_eq!(after.handles, before.handles);
    assert_eq!(after.threads, before.threads);
    let grown = after.resident.0.saturating_sub(before.resident.0);
    assert!(
        grown <= 1 << 20,
        "{grown} bytes in a day: {before:?} {after:?}"
    );
    drop(open);
}
