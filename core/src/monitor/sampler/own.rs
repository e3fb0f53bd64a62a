//! Samples the own process.

use std::time::Duration;

use super::allowances::Allowances;
use crate::error::{Error, Stage};
use crate::monitor::price::Price;
use crate::monitor::readings::{ExpensiveReading, Readings};
use crate::monitor::sample::{HeapSample, ProcessSample};
use crate::resource::Bytes;
use backstop_os::own_usage::OwnUsage;
use backstop_os::usage::ProcessUsage;
use backstop_os::{clock, heap, process_table, process_usage};

/// Samples its own process.
///
/// Memory, file descriptors, threads and processor time are in every sample, for some microseconds,
/// without opening a file. Children, the allocator's figures, proportional memory and sockets are
/// read if there is time for them: a small share of it, each separately.
#[derive(Debug)]
pub struct OwnSampler {
    usage: OwnUsage,
    last: ProcessUsage,
    name: String,
    own_heap: Option<fn() -> Bytes>,
    expensive: Allowances<Expensive, 4>,
}

#[derive(Debug, Clone, Copy)]
enum Expensive {
    Heap,
    Children,
    Proportional,
    Sockets,
}

impl OwnSampler {
    /// Opens its files.
    ///
    /// # Errors
    /// The system does not report on processes, or no file descriptor is available.
    pub fn new() -> Result<Self, Error> {
        let failed =
            |error| Error::io(Stage::Open, "what this process takes cannot be read", error);
        let mut usage = OwnUsage::open().map_err(failed)?;
        Ok(Self {
            last: usage.read().map_err(failed)?,
            usage,
            name: own_name(),
            own_heap: None,
            expensive: Allowances::new([
                Expensive::Heap,
                Expensive::Children,
                Expensive::Proportional,
                Expensive::Sockets,
            ]),
        })
    }

    /// Sets a function that returns the memory in use in the program's own allocator, if that is
    /// not the C library's. It is called on the sampling thread.
    #[must_use]
    pub fn with_own_heap(mut self, handed_out: fn() -> Bytes) -> Self {
        self.own_heap = Some(handed_out);
        self
    }

    /// Sets what expensive readings cost. Default: [`Price::measured`].
    #[must_use]
    pub fn with_price(mut self, price: &Price) -> Self {
        self.expensive.set_price(price);
        self
    }

    /// Looks.
    pub fn sample(&mut self) -> ProcessSample {
        let now = Duration::from_nanos(clock::monotonic());
        self.sample_at(now, &mut Readings::default())
    }

    /// Samples at `now`, in awake time: by it expensive readings get their share. Records which were
    /// taken and which were left out.
    pub(in crate::monitor) fn sample_at(
        &mut self,
        now: Duration,
        readings: &mut Readings,
    ) -> ProcessSample {
        let mut sample = self.quick();
        let usage = &self.usage;
        self.expensive.spend(now, readings, |expensive, left| {
            read(expensive, usage, &mut sample, left);
        });
        if let (Some(heap), Some(own)) = (&mut sample.heap, self.own_heap) {
            heap.own = Some(own());
        }
        sample
    }

    /// Samples only what costs next to nothing: memory, its peak, file descriptors and their limit,
    /// threads, processor time.
    pub fn quick(&mut self) -> ProcessSample {
        // It can only fail in a forked child without a free file descriptor, which gets the last
        // values.
        if let Ok(usage) = self.usage.read() {
            self.last = usage;
        }
        ProcessSample {
            pid: own_pid(),
            name: self.name.clone(),
            processes: 1,
            resident: Bytes(self.last.resident),
            peak: self.last.peak.map(Bytes),
            handles: self.last.handles,
            handle_limit: self.usage.handle_limit(),
            threads: self.last.threads,
            cpu: self.last.cpu,
            ..ProcessSample::default()
        }
    }
}

impl From<Expensive> for ExpensiveReading {
    fn from(expensive: Expensive) -> Self {
        match expensive {
            Expensive::Heap => Self::Heap,
            Expensive::Children => Self::Children,
            Expensive::Proportional => Self::Proportional,
            Expensive::Sockets => Self::Sockets,
        }
    }
}

fn read(expensive: Expensive, usage: &OwnUsage, sample: &mut ProcessSample, left: Duration) {
    match expensive {
        Expensive::Heap => {
            sample.heap = heap::usage().map(|heap| HeapSample {
                in_use: Bytes(heap.in_use),
                held: Bytes(heap.held),
                own: None,
            });
        }
        Expensive::Children => sample.children = usage.children().ok(),
        Expensive::Proportional => {
            let share = process_usage::proportional(own_pid());
            sample.proportional = share.ok().flatten().map(Bytes);
        }
        Expensive::Sockets => {
            sample.sockets = process_usage::sockets(own_pid(), left).ok().flatten();
        }
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

fn own_name() -> String {
    if let Ok(stat) = process_table::stat(own_pid()) {
        return stat.comm;
    }
    let program = std::env::current_exe().ok();
    program
        .as_deref()
        .and_then(std::path::Path::file_name)
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_sample_has_everything() {
        let sample = OwnSampler::new().unwrap().sample();
        assert_eq!(sample.pid, own_pid());
        assert!(!sample.name.is_empty() && sample.processes == 1);
        assert!(sample.resident.0 > 0 && sample.peak.unwrap() >= Bytes(1));
        assert!(sample.handles.unwrap() > 0 && sample.threads > 0);
        assert!(sample.children.is_some() && sample.proportional.is_some());
        assert!(sample.sockets.is_some());
        assert!(sample.proportional.unwrap() <= Bytes(sample.resident.0 + (8 << 20)));
    }

    #[test]
    fn many_samples_open_nothing() {
        let mut sampler = OwnSampler::new().unwrap();
        let first = sampler.quick();
        for _ in 0..1000 {
            sampler.quick();
        }
        // Other tests open files at the same time, but not a thousand.
        assert!(sampler.quick().handles.unwrap() < first.handles.unwrap() + 500);
    }
}
