//! What this process has at this moment, read at once for whoever compares two moments.

use std::hint::black_box;
use std::sync::OnceLock;

use super::sample::ProcessSample;
use crate::os::{descriptors, process_table};
use crate::resource::Bytes;

/// What this process has now. What cannot be told is `None` or zero.
pub(super) fn now() -> ProcessSample {
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    let stat = process_table::stat(pid).ok();
    ProcessSample {
        pid,
        name: stat
            .as_ref()
            .map_or_else(String::new, |stat| stat.comm.clone()),
        processes: 1,
        resident: Bytes(stat.as_ref().map_or(0, |stat| stat.resident_bytes)),
        threads: stat.as_ref().map_or(0, |stat| stat.threads),
        handles: descriptors::open().ok(),
        children: process_table::children(pid)
            .ok()
            .and_then(|children| u32::try_from(children.len()).ok()),
        ..ProcessSample::default()
    }
}

/// What the program's allocator has handed out; `None` if that is not the one of the C library, whose
/// figures are then of C libraries only.
pub(super) fn heap_in_use(sample: &ProcessSample) -> Option<Bytes> {
    let heap = sample.heap?;
    is_program_on_the_heap().then_some(heap.in_use)
}

/// Whether what this program allocates shows in the figures of the C library's allocator.
fn is_program_on_the_heap() -> bool {
    /// More than other threads allocate in the meantime; it is never touched, so it costs no memory.
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
