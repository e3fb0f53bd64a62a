//! Samples another process.

use std::time::Duration;

use super::allowances::Allowances;
use crate::error::{Error, Stage};
use crate::monitor::price::Price;
use crate::monitor::readings::{ExpensiveReading, Readings};
use crate::monitor::sample::ProcessSample;
use crate::resource::Bytes;
use backstop_os::liveness::Liveness;
use backstop_os::pinned::PinnedProcess;
use backstop_os::usage_table::UsageTable;
use backstop_os::{clock, process_table, process_usage};

/// Samples another process, held by its pidfd: the figures are of this one, and never of a later
/// process with its PID.
///
/// Memory, file descriptors, threads and processor time are in every sample. The limit of file
/// descriptors and the peak are the last ones read; children, proportional memory and sockets are
/// in a sample if there was time for them: a small share of it, each separately.
#[derive(Debug)]
pub struct OtherSampler {
    process: PinnedProcess,
    table: UsageTable,
    handle_limit: Option<u64>,
    peak: Option<Bytes>,
    expensive: Allowances<Expensive, 5>,
}

#[derive(Debug, Clone, Copy)]
enum Expensive {
    HandleLimit,
    Peak,
    Children,
    Proportional,
    Sockets,
}

impl OtherSampler {
    /// Pins the process that has this PID now.
    ///
    /// # Errors
    /// No process has it, or it may not be inspected.
    pub fn of(pid: i32) -> Result<Self, Error> {
        let failed =
            |error| Error::io(Stage::Open, "the process cannot be watched", error).with("pid", pid);
        Ok(Self {
            process: PinnedProcess::pin(pid).map_err(failed)?,
            table: UsageTable::open().map_err(failed)?,
            handle_limit: None,
            peak: None,
            expensive: Allowances::new([
                Expensive::HandleLimit,
                Expensive::Peak,
                Expensive::Children,
                Expensive::Proportional,
                Expensive::Sockets,
            ]),
        })
    }

    /// Its PID.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Sets what expensive readings cost. Default: [`Price::measured`].
    #[must_use]
    pub fn with_price(mut self, price: &Price) -> Self {
        self.expensive.set_price(price);
        self
    }

    /// Looks; `None` once it has exited.
    pub fn sample(&mut self) -> Option<ProcessSample> {
        let now = Duration::from_nanos(clock::monotonic());
        self.sample_at(now, &mut Readings::default())
    }

    /// Samples at `now`, in awake time: by it expensive readings get their share. Records which were
    /// taken and which were left out.
    pub(in crate::monitor) fn sample_at(
        &mut self,
        now: Duration,
        readings: &mut Readings,
    ) -> Option<ProcessSample> {
        let pid = self.process.pid();
        let row = *self.table.read_only(&[pid]).first()?;
        let mut sample = ProcessSample {
            pid,
            name: row.name.to_text(),
            processes: 1,
            resident: Bytes(row.resident),
            handles: process_usage::handles(pid).ok(),
            threads: row.threads,
            cpu: row.cpu,
            ..ProcessSample::default()
        };
        let (limit, peak) = (&mut self.handle_limit, &mut self.peak);
        self.expensive
            .spend(now, readings, |expensive, left| match expensive {
                Expensive::HandleLimit => *limit = process_usage::handle_limit(pid).ok().flatten(),
                Expensive::Peak => *peak = process_usage::peak(pid).ok().flatten().map(Bytes),
                Expensive::Children => {
                    let children = process_table::children(pid).ok();
                    sample.children =
                        children.and_then(|children| u32::try_from(children.len()).ok());
                }
                Expensive::Proportional => {
                    let share = process_usage::proportional(pid);
                    sample.proportional = share.ok().flatten().map(Bytes);
                }
                Expensive::Sockets => {
                    sample.sockets = process_usage::sockets(pid, left).ok().flatten();
                }
            });
        sample.handle_limit = self.handle_limit;
        sample.peak = self.peak.map(|peak| peak.max(sample.resident));
        // The PID was its own all the time if it is so now.
        match self.process.liveness() {
            Ok(Liveness::Running) => Some(sample),
            Ok(_) => None,
            // The kernel is out of memory.
            Err(_) => Some(sample).filter(|_| !row.has_exited),
        }
    }
}

impl From<Expensive> for ExpensiveReading {
    fn from(expensive: Expensive) -> Self {
        match expensive {
            Expensive::HandleLimit => Self::HandleLimit,
            Expensive::Peak => Self::Peak,
            Expensive::Children => Self::Children,
            Expensive::Proportional => Self::Proportional,
            Expensive::Sockets => Self::Sockets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_seen_until_it_is_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut sampler = OtherSampler::of(child.id() as i32).unwrap();
        // Until it executes its program it has next to nothing.
        while sampler.sample().unwrap().name != "sleep" {
            std::thread::yield_now();
        }
        let mut sampler = OtherSampler::of(child.id() as i32).unwrap();
        let mut sample = sampler.sample().unwrap();
        // The time for it may be used up at first, on a busy machine.
        while sample.sockets.is_none() {
            let next = sampler.sample().unwrap();
            sample.sockets = next.sockets;
        }
        assert_eq!((sample.processes, sample.threads), (1, 1));
        assert!(sample.handles.unwrap() >= 3);
        assert_eq!(sample.children, Some(0));
        assert!(sample.proportional.is_some());
        assert!(sample.peak.unwrap() >= sample.resident);
        child.kill().unwrap();
        // Exited but not reaped: it uses nothing any more.
        while !sampler.process.has_exited() {
            std::thread::yield_now();
        }
        assert_eq!(sampler.sample(), None);
        child.wait().unwrap();
        assert_eq!(sampler.sample(), None);
    }

    #[test]
    fn an_unused_pid_is_an_error() {
        let error = OtherSampler::of(i32::MAX).unwrap_err();
        assert!(error.to_string().contains("cannot be watched"), "{error}");
        assert!(OtherSampler::of(0).is_err());
    }
}
