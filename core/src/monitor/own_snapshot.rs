//! The current figures of this process, read at once to compare two moments.

use std::hint::black_box;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::sample::{HeapSample, ProcessSample};
use crate::resource::Bytes;
use backstop_os::heap;
use backstop_os::own_usage::OwnUsage;
use backstop_os::usage::ProcessUsage;

/// The current figures of this process, without expensive ones: children, sockets, proportional
/// memory. A figure that cannot be read is `None` or zero.
pub(super) fn now() -> ProcessSample {
    let usage = read().unwrap_or_default();
    ProcessSample {
        pid: i32::try_from(std::process::id()).unwrap_or_default(),
        processes: 1,
        resident: Bytes(usage.resident),
        peak: usage.peak.map(Bytes),
        handles: usage.handles,
        threads: usage.threads,
        cpu: usage.cpu,
        heap: heap::usage().map(|usage| HeapSample {
            in_use: Bytes(usage.in_use),
            held: Bytes(usage.held),
            own: None,
        }),
        ..ProcessSample::default()
    }
}

fn read() -> Option<ProcessUsage> {
    /// Its files are opened once, so that a measurement opens none.
    static OWN: Mutex<Option<OwnUsage>> = Mutex::new(None);
    let mut own = OWN.lock();
    if own.is_none() {
        *own = OwnUsage::open().ok();
    }
    own.as_mut()?.read().ok()
}

/// Memory in use in the program's allocator; `None` if that is not the C library's, whose figures
/// are then of C libraries only.
pub(super) fn heap_in_use(sample: &ProcessSample) -> Option<Bytes> {
    let heap = sample.heap?;
    is_program_on_the_heap().then_some(heap.in_use)
}

/// Whether this program's allocations show in the figures of the C library's allocator.
fn is_program_on_the_heap() -> bool {
    /// More than other threads allocate in the meantime; it is never touched, so it uses no memory.
    const PROBE: usize = 16 << 20;
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let in_use = || now().heap.map_or(0, |heap| heap.in_use.0);
        let before = in_use();
        let probe = black_box(Vec::<u8>::with_capacity(PROBE));
        let after = in_use();
        drop(probe);
        after.saturating_sub(before) >= PROBE as u64 / 2
    })
}
