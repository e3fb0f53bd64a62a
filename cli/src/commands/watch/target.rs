//! What is watched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::monitor::{
    ExpensiveReading, LedgerSampler, Limits, Moment, OtherSampler, ProcessSample, Sample,
    SystemSampler, TreeSampler,
};
use backstop_os::pinned::PinnedProcess;
use backstop_os::process_table;

use crate::exit::Failure;

/// What was asked for.
pub(super) enum Wanted {
    Process(i32),
    Tree(i32),
    Cgroup(PathBuf),
}

/// What is looked at, held by its pidfd or its control group.
pub(super) struct Target {
    what: What,
    /// Of a control group there is none.
    pinned: Option<PinnedProcess>,
    system: Option<SystemSampler>,
    ledger: Option<LedgerSampler>,
}

enum What {
    Process(Box<OtherSampler>),
    Tree(Box<TreeSampler>),
}

/// The number of the process that `text` names: a number, or the one program of that name.
pub(crate) fn find(text: &str) -> Result<i32, Failure> {
    if let Ok(pid) = text.parse::<i32>() {
        return match pid {
            1.. => Ok(pid),
            _ => Err(Failure::usage(format!("{text} is no process number"))),
        };
    }
    let own = std::process::id().cast_signed();
    let mut found: Vec<i32> = process_table::all()?
        .into_iter()
        .filter(|process| process.pid != own && !process.has_exited())
        .filter(|process| process.comm == text || is_named(process.pid, text))
        .map(|process| process.pid)
        .collect();
    match found[..] {
        [] => Err(Failure::usage(format!(
            "no program named `{text}` is running"
        ))),
        [pid] => Ok(pid),
        _ => {
            let count = found.len();
            found.truncate(16);
            let numbers: Vec<String> = found.iter().map(i32::to_string).collect();
            Err(Failure::usage(format!(
                "{count} programs are named `{text}`; give one's number: {}",
                numbers.join(", ")
            )))
        }
    }
}

/// By the program's file: the kernel cuts a name to 15 bytes.
fn is_named(pid: i32, name: &str) -> bool {
    let Ok(arguments) = process_table::command_line(pid) else {
        return false;
    };
    let file = arguments
        .first()
        .and_then(|first| Path::new(first).file_name());
    file.is_some_and(|file| file == name)
}

impl Target {
    pub(super) fn of(wanted: &Wanted, limits: &Limits) -> Result<Self, Failure> {
        let pin = |pid| {
            PinnedProcess::pin(pid)
                .map_err(|error| Failure::usage(format!("process {pid}: {error}")))
        };
        // The machine can be hidden: then there is nothing of it in the samples.
        Ok(match wanted {
            Wanted::Process(pid) => Self {
                pinned: Some(pin(*pid)?),
                what: What::Process(Box::new(OtherSampler::of(*pid)?)),
                system: SystemSampler::of(*pid).ok(),
                ledger: Some(LedgerSampler::of(*pid, limits)),
            },
            Wanted::Tree(pid) => Self {
                pinned: Some(pin(*pid)?),
                what: What::Tree(Box::new(TreeSampler::of(*pid)?)),
                system: SystemSampler::of(*pid).ok(),
                ledger: Some(LedgerSampler::of(*pid, limits)),
            },
            Wanted::Cgroup(directory) => Self {
                pinned: None,
                what: What::Tree(Box::new(TreeSampler::of_cgroup(directory).map_err(
                    |error| Failure::usage(format!("{}: {}", directory.display(), error.chain())),
                )?)),
                system: SystemSampler::of_cgroup(directory).ok(),
                ledger: None,
            },
        })
    }

    /// `None` when it is gone.
    pub(super) fn sample(&mut self, previous: Option<&Sample>) -> Option<Sample> {
        let process: ProcessSample = match &mut self.what {
            What::Process(sampler) => sampler.sample()?,
            What::Tree(sampler) => sampler.sample()?,
        };
        let at = Moment::now();
        let ledger = self.ledger.as_mut().and_then(LedgerSampler::sample);
        let is_left_out = self.ledger.as_ref().is_some_and(LedgerSampler::is_left_out);
        Some(Sample {
            at,
            disturbances: previous
                .map(|previous| at.disturbances_since(&previous.at))
                .unwrap_or_default(),
            left_out: is_left_out
                .then_some(ExpensiveReading::Ledger)
                .into_iter()
                .collect(),
            process,
            system: self.system.as_mut().and_then(SystemSampler::sample),
            ledger,
        })
    }

    /// Waits, and not longer than the process lives. Whether it has ended.
    pub(super) fn wait_end(&self, longest: Duration) -> bool {
        match &self.pinned {
            Some(pinned) => pinned.wait_exit(longest).unwrap_or(false),
            None => {
                std::thread::sleep(longest);
                false
            }
        }
    }

    /// Whether nothing of it is left: a tree may outlive its root.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.what, What::Process(_))
    }
}
