//! From real memory near its limit to a log file that records the remedy.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::monitor::{FindingKind, Limits, Moment, Monitor};
use backstop_core::release::Tracking;
use backstop_core::release::{Caches, Shrink};
use backstop_core::resource::{Bytes, Deadline, Footprint};
use backstop_service::alert::{
    Alerts, ChannelSink, Level, LogFile, LogFiles, Remedies, Rotation, Transition,
};
use parking_lot::Mutex;

const PATIENCE: Duration = Duration::from_secs(60);

/// A cache of blocks of real memory.
struct Blocks(Mutex<Vec<Vec<u8>>>);

impl Shrink for Blocks {
    fn name(&self) -> Cow<'static, str> {
        "blocks".into()
    }

    fn footprint(&self) -> Footprint {
        let bytes = self.0.lock().iter().map(|block| block.len() as u64).sum();
        Footprint::bytes(Bytes(bytes))
    }

    fn shrink_to(&self, size: Bytes) -> Result<Bytes, Error> {
        let before = self.footprint().bytes.0;
        let mut blocks = self.0.lock();
        let mut held = before;
        while held > size.0
            && let Some(block) = blocks.pop()
        {
            held -= block.len() as u64;
        }
        Ok(Bytes(before - held))
    }
}

#[test]
fn memory_near_its_limit_is_found_reported_remedied_and_resolved() {
    let own = i32::try_from(std::process::id()).unwrap();
    let stat = backstop_os::process_table::stat(own).unwrap();
    let above = |megabytes| Bytes(stat.resident_bytes) + Bytes::megabytes(megabytes);
    let limits = [above(60), above(80), above(100)];
    let limits = Limits::default().with_memory(limits).unwrap();

    let blocks = (0..200).map(|_| vec![1; 1_000_000]).collect();
    let cache = Arc::new(Blocks(Mutex::new(blocks)));
    let caches = Caches::default();
    let _registered = caches.register(&cache).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let log = LogFiles::new(directory.path(), Rotation::default());
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let builder = Remedies::builder(backstop).caches(caches);
    let remedies = builder.log(log.clone()).start().unwrap();
    let (sink, taken) = ChannelSink::bounded(100);
    let alerts = Alerts::builder()
        .sink("log", log)
        .sink("channel", sink)
        .sink("remedies", remedies.clone())
        .start()
        .unwrap();
    let builder = Monitor::builder().backstop(backstop).limits(limits);
    let mut watch = builder.observer(alerts.clone()).build().unwrap();

    let start = Moment::now();
    watch.observe(start).unwrap();
    let mut told = taken.recv_timeout(PATIENCE).unwrap();
    while told.finding.kind != FindingKind::MemoryNearLimit {
        told = taken.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!(told.transition, Transition::Raised);
    assert_eq!(told.level, Level::Critical);
    // Shrink, enforce, trim.
    while remedies.statistics().acted < 3 {
        std::thread::yield_now();
    }
    let records = remedies.records();
    assert_eq!(records[0].remedy, "shrink-caches to nothing");
    assert_eq!(cache.footprint().bytes, Bytes(0));
    let resident = |bytes: Option<Bytes>| bytes.unwrap().0;
    let freed = resident(records[0].before.resident) - resident(records[2].after.resident);
    assert!(freed > 150_000_000, "{}", Bytes(freed));

    for seconds in [30, 60, 90, 120, 150] {
        watch
            .observe(start.later(Duration::from_secs(seconds)))
            .unwrap();
    }
    assert!(alerts.flush(Deadline::after(PATIENCE)));
    let over = taken.try_iter().any(|alert| {
        alert.finding.kind == FindingKind::MemoryNearLimit
            && alert.transition == Transition::Resolved
    });
    assert!(over);
    let performance = directory.path().join(LogFile::Performance.name());
    let text = std::fs::read_to_string(performance).unwrap();
    for part in [
        " critical raised: limit.memory (process): ",
        " remedy shrink-caches to nothing because of critical limit.memory (process): ",
        " critical resolved: limit.memory (process): ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
