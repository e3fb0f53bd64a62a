//! Growth of a process: memory, file descriptors, threads, children.
//!
//! There are three kinds of memory, each measured separately, so that one cause results in one
//! finding:
//!
//! - *In use*: allocated by the program's own allocator; for a process whose allocator cannot be
//!   read, all resident memory. Its growth is `growing.memory`.
//! - *Retained*: cached by the C library's allocator, as far as it is resident. Growing while the
//!   memory in use does not is `retained.memory`. A trim may return it to the kernel.
//! - *Native*: resident memory beyond both, that is the C libraries' own allocations and mappings,
//!   unknown to the program's allocator. The size of the ledger's resources is subtracted, because
//!   it is accounted for. Its growth is `native.memory`.

use super::growing::{self, Growing, Reading};
use super::{Look, Scene, figures};
use crate::monitor::{
    ExpensiveReading, FindingKind, FindingSubject, LedgerSample, Limits, ProcessSample, Sample,
    Severity, SystemSample, Unit,
};

/// Growth of memory, file descriptors, threads and children.
#[derive(Debug)]
pub(super) struct ProcessGrowth {
    in_use: Growing,
    retained: Growing,
    native: Growing,
    handles: Growing,
    threads: Growing,
    children: Growing,
    /// Whether its allocator could be read before.
    has_heap: bool,
}

/// Memory by its owner, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Memory {
    in_use: f64,
    retained: Option<f64>,
    native: Option<f64>,
}

impl ProcessGrowth {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            in_use: Growing::new(limits),
            retained: Growing::new(limits),
            native: Growing::new(limits),
            handles: Growing::new(limits),
            threads: Growing::new(limits),
            children: Growing::new(limits),
            has_heap: false,
        }
    }

    pub(super) fn forget_measures(&mut self) {
        let all = [
            &mut self.in_use,
            &mut self.retained,
            &mut self.native,
            &mut self.handles,
            &mut self.threads,
            &mut self.children,
        ];
        all.into_iter().for_each(Growing::forget_measures);
    }

    pub(super) fn look(&mut self, scene: Scene<'_>, look: &mut Look) {
        self.look_at_memory(scene, look);
        self.look_at_counts(scene, look);
    }

    fn look_at_memory(&mut self, scene: Scene<'_>, look: &mut Look) {
        let Scene { sample, limits, .. } = scene;
        // Resident memory must not be compared with the allocator's earlier figures.
        if self.has_heap && sample.process.heap.is_none() {
            return;
        }
        self.has_heap = sample.process.heap.is_some();
        let at = sample.at.awake;
        let rise = limits.growth().0 as f64;
        let memory = Memory::of(&sample.process, sample.ledger.as_ref());
        let end = memory_end(sample, limits);
        let resident = sample.process.resident.0 as f64;

        let in_use = self.in_use.look(at, memory.in_use, rise);
        let in_use_grows = self.in_use.per_hour().is_some();
        look.growth(
            FindingKind::GrowingMemory,
            FindingSubject::Process,
            in_use,
            |trend| {
                let left = end - resident + trend.latest;
                let severity = growing::severity_by_time_left(trend, left);
                let evidence = growing::evidence("memory in use", trend, rise, Unit::Bytes);
                (severity, evidence)
            },
        );
        if let Some(retained) = memory.retained {
            let reading = match self.retained.look(at, retained, rise) {
                Reading::Grows(_) if in_use_grows => Reading::Level,
                reading => reading,
            };
            look.growth(
                FindingKind::RetainedMemory,
                FindingSubject::Process,
                reading,
                |trend| {
                    let what = "memory that the allocator keeps for later";
                    let evidence = growing::evidence(what, trend, rise, Unit::Bytes);
                    // It is not lost: it will be reused, or a trim returns it.
                    let left = end - resident + trend.latest;
                    let severity =
                        growing::severity_by_time_left(trend, left).min(Severity::Medium);
                    (severity, evidence)
                },
            );
        }
        // What a ledger that was left out accounts for would count as native.
        let is_accounted_for = !sample.left_out.contains(&ExpensiveReading::Ledger);
        if let Some(native) = memory.native.filter(|_| is_accounted_for) {
            let reading = self.native.look(at, native, rise);
            look.growth(
                FindingKind::NativeMemory,
                FindingSubject::Process,
                reading,
                |trend| {
                    let left = end - resident + trend.latest;
                    let severity = growing::severity_by_time_left(trend, left);
                    let what = "memory outside the program's allocator";
                    let evidence = growing::evidence(what, trend, rise, Unit::Bytes);
                    (severity, evidence)
                },
            );
        }
    }

    fn look_at_counts(&mut self, scene: Scene<'_>, look: &mut Look) {
        let Scene { sample, limits, .. } = scene;
        let at = sample.at.awake;
        let rise = limits.count_growth() as f64;
        let process = &sample.process;
        if let Some(handles) = process.handles {
            let reading = self.handles.look(at, handles as f64, rise);
            look.growth(
                FindingKind::GrowingHandles,
                FindingSubject::Process,
                reading,
                |trend| {
                    let mut evidence = growing::evidence("handles", trend, rise, Unit::Count);
                    let mut severity = growing::severity_by_rise(trend, rise);
                    if let Some(end) = process.handle_limit {
                        let by_time = growing::severity_by_time_left(trend, end as f64);
                        severity = severity.max(by_time);
                        let end = figures::amount(end as f64, Unit::Count);
                        evidence.text.push_str(&format!(" of {end}"));
                    }
                    (severity, evidence)
                },
            );
        }
        let counts = [
            (
                FindingKind::GrowingThreads,
                "threads",
                &mut self.threads,
                Some(process.threads),
            ),
            (
                FindingKind::GrowingChildren,
                "children",
                &mut self.children,
                process.children,
            ),
        ];
        for (kind, what, growing, count) in counts {
            let Some(count) = count else { continue };
            let reading = growing.look(at, f64::from(count), rise);
            look.growth(kind, FindingSubject::Process, reading, |trend| {
                let severity = growing::severity_by_rise(trend, rise);
                (severity, growing::evidence(what, trend, rise, Unit::Count))
            });
        }
    }
}

/// The limit of memory: the critical step.
fn memory_end(sample: &Sample, limits: &Limits) -> f64 {
    let ceiling = sample.system.as_ref().map(SystemSample::memory_ceiling);
    let [.., critical] = limits.memory(ceiling.unwrap_or_default());
    critical.0 as f64
}

impl Memory {
    fn of(process: &ProcessSample, ledger: Option<&LedgerSample>) -> Self {
        let resident = process.resident.0;
        let Some(heap) = process.heap else {
            return Self {
                in_use: resident as f64,
                retained: None,
                native: None,
            };
        };
        let own = heap.own.unwrap_or(heap.in_use).0;
        // A trim returns pages without reducing the allocator's own figure for them.
        let handed_out = heap.in_use + heap.own.unwrap_or_default();
        let retained = heap.retained().0.min(resident.saturating_sub(handed_out.0));
        let native = resident.saturating_sub(own.saturating_add(retained));
        let tracked: u64 = ledger
            .into_iter()
            .flat_map(|ledger| ledger.kinds.values())
            .fold(0, |sum, tally| sum.saturating_add(tally.bytes.0));
        Self {
            in_use: own as f64,
            retained: Some(retained as f64),
            native: Some(native as f64 - tracked as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::HeapSample;
    use crate::resource::Bytes;

    fn process(resident: u64, heap: Option<[u64; 2]>, own: Option<u64>) -> ProcessSample {
        ProcessSample {
            resident: Bytes::megabytes(resident),
            heap: heap.map(|[in_use, held]| HeapSample {
                in_use: Bytes::megabytes(in_use),
                held: Bytes::megabytes(held),
                own: own.map(Bytes::megabytes),
            }),
            ..ProcessSample::default()
        }
    }

    fn megabytes(memory: Memory) -> [Option<f64>; 3] {
        [Some(memory.in_use), memory.retained, memory.native].map(|part| Some(part? / 1e6))
    }

    #[test]
    fn memory_is_attributed_to_its_allocator() {
        let strange = Memory::of(&process(100, None, None), None);
        assert_eq!(megabytes(strange), [Some(100.0), None, None]);
        let own = Memory::of(&process(100, Some([60, 70]), None), None);
        assert_eq!(megabytes(own), [Some(60.0), Some(10.0), Some(30.0)]);
        let other = Memory::of(&process(100, Some([20, 30]), Some(50)), None);
        assert_eq!(megabytes(other), [Some(50.0), Some(10.0), Some(40.0)]);
        let trimmed = Memory::of(&process(62, Some([60, 900]), None), None);
        assert_eq!(megabytes(trimmed), [Some(60.0), Some(2.0), Some(0.0)]);
    }

    #[test]
    fn what_the_ledger_accounts_for_is_not_native() {
        let mut ledger = LedgerSample::default();
        let tally = crate::monitor::LedgerTally {
            bytes: Bytes::megabytes(25),
            ..Default::default()
        };
        ledger.kinds.insert("memory.cache".to_owned(), tally);
        let memory = Memory::of(&process(100, Some([60, 70]), None), Some(&ledger));
        assert_eq!(memory.native, Some(5e6));
    }
}
