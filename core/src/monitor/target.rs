//! The target of a monitor.

use std::path::PathBuf;

use super::limits::Limits;
use super::moment::Moment;
use super::price::Price;
use super::readings::Readings;
use super::sample::{LedgerSample, ProcessSample, SystemSample};
use super::sampler::{LedgerSampler, OtherSampler, OwnSampler, SystemSampler, TreeSampler};
use crate::error::Error;
use crate::release::Backstop;
use crate::resource::Bytes;

/// What is monitored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Own,
    Process(i32),
    Tree(i32),
    Cgroup(PathBuf),
}

/// The samplers of one target.
#[derive(Debug)]
pub(super) struct OpenTarget {
    process: Process,
    /// `None` where the machine's figures are unavailable: the rest is monitored nevertheless.
    system: Option<SystemSampler>,
    ledger: Option<LedgerSampler>,
}

#[derive(Debug)]
enum Process {
    Own(OwnSampler),
    Other(OtherSampler),
    Tree(TreeSampler),
}

impl OpenTarget {
    pub(super) fn open(
        target: &Target,
        limits: &Limits,
        backstop: Option<Backstop>,
        own_heap: Option<fn() -> Bytes>,
        price: &Price,
    ) -> Result<Self, Error> {
        Ok(match target {
            Target::Own => {
                let mut own = OwnSampler::new()?.with_price(price);
                if let Some(own_heap) = own_heap {
                    own = own.with_own_heap(own_heap);
                }
                let backstop = backstop.unwrap_or_else(Backstop::global);
                Self {
                    process: Process::Own(own),
                    system: SystemSampler::new().ok(),
                    ledger: Some(LedgerSampler::own(backstop, limits).with_price(price)),
                }
            }
            Target::Process(pid) => Self {
                process: Process::Other(OtherSampler::of(*pid)?.with_price(price)),
                system: SystemSampler::of(*pid).ok(),
                ledger: Some(LedgerSampler::of(*pid, limits).with_price(price)),
            },
            Target::Tree(pid) => Self {
                process: Process::Tree(TreeSampler::of(*pid)?.with_price(price)),
                system: SystemSampler::of(*pid).ok(),
                ledger: Some(LedgerSampler::of(*pid, limits).with_price(price)),
            },
            Target::Cgroup(directory) => Self {
                process: Process::Tree(TreeSampler::of_cgroup(directory)?.with_price(price)),
                // A group whose memory is not counted has processes all the same.
                system: SystemSampler::of_cgroup(directory)
                    .or_else(|_| SystemSampler::new())
                    .ok(),
                ledger: None,
            },
        })
    }

    /// Samples all of it; `None` once the monitored process is gone.
    pub(super) fn look(
        &mut self,
        at: &Moment,
        readings: &mut Readings,
    ) -> Option<(ProcessSample, Option<SystemSample>, Option<LedgerSample>)> {
        let process = match &mut self.process {
            Process::Own(own) => own.sample_at(at.awake, readings),
            Process::Other(other) => other.sample_at(at.awake, readings)?,
            Process::Tree(tree) => tree.sample_at(at.awake, readings)?,
        };
        let system = self.system.as_mut().and_then(SystemSampler::sample);
        let ledger = self.ledger.as_mut();
        let ledger = ledger.and_then(|ledger| ledger.sample_at(at.awake, readings));
        Some((process, system, ledger))
    }
}
