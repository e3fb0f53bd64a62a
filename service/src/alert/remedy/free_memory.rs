//! The plan to free memory: steps in a fixed order of stages.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::account::StepAccount;
use super::shrink_and_trim::{shrink, trim};
use super::{Shrinkage, record::RemedyRehearsal};
use backstop_core::error::Error;
use backstop_core::release::Backstop;
use backstop_core::release::Caches;

/// The stages of the plan, in order: producers are stopped before their results are freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryStage {
    /// Threads and workers that are not needed now.
    Workers,
    /// Caches. The registered ones are shrunk to nothing at the end of this stage.
    Caches,
    /// Open readers: files, workbooks, streams.
    Readers,
    /// State that can be rebuilt or is stored on disk.
    State,
    /// Returning memory that allocators cache. The C library's is trimmed at the end of this stage.
    Trim,
}

/// The plan: ordered steps to free memory, each with a record of the usage before and after.
///
/// # Examples
/// ```
/// use backstop_service::alert::{FreeMemory, Remedies, Remedy, MemoryStage};
/// use backstop_core::Backstop;
///
/// let plan = FreeMemory::default().step(MemoryStage::Readers, "close the index", || Ok(()));
/// let remedies = Remedies::builder(Backstop::global()).free_memory(plan).start()?;
/// for act in remedies.rehearse(Remedy::FreeMemory).acts {
///     println!("{act}");
/// }
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct FreeMemory {
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    stage: MemoryStage,
    name: Arc<str>,
    act: Act,
}

type Act = Arc<dyn Fn() -> Result<(), Error> + Send + Sync>;

impl MemoryStage {
    /// Every stage, in order.
    pub const ALL: [Self; 5] = [
        Self::Workers,
        Self::Caches,
        Self::Readers,
        Self::State,
        Self::Trim,
    ];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Caches => "caches",
            Self::Readers => "readers",
            Self::State => "state",
            Self::Trim => "trim",
        }
    }
}

impl FreeMemory {
    /// Adds a step to a stage, after the stage's existing steps. It is called on a thread with a
    /// time limit each time the plan runs; the following steps run whether it fails, panics or
    /// hangs.
    #[must_use]
    pub fn step(
        mut self,
        stage: MemoryStage,
        name: impl Into<Arc<str>>,
        act: impl Fn() -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        let step = Step {
            stage,
            name: name.into(),
            act: Arc::new(act),
        };
        let after = self.steps.partition_point(|other| other.stage <= stage);
        self.steps.insert(after, step);
        self
    }

    /// Runs all stages.
    pub(super) fn run(
        &self,
        backstop: Backstop,
        caches: &Caches,
        patience: Duration,
    ) -> Vec<StepAccount> {
        let mut accounts = Vec::new();
        for stage in MemoryStage::ALL {
            for step in self.steps.iter().filter(|step| step.stage == stage) {
                let act = Arc::clone(&step.act);
                accounts.push(StepAccount::take(
                    format!("{}: {}", stage.name(), step.name),
                    backstop,
                    patience,
                    move || match act() {
                        Ok(()) => Ok("done".into()),
                        Err(error) => Err(error.chain()),
                    },
                ));
            }
            match stage {
                MemoryStage::Caches => {
                    accounts.extend(shrink(backstop, caches, Shrinkage::All, patience));
                }
                MemoryStage::Trim => accounts.push(trim(backstop, patience)),
                MemoryStage::Workers | MemoryStage::Readers | MemoryStage::State => {}
            }
        }
        accounts
    }

    pub(super) fn rehearse(
        &self,
        caches: &Caches,
        patience: Duration,
        rehearsal: &mut RemedyRehearsal,
    ) {
        for stage in MemoryStage::ALL {
            for step in self.steps.iter().filter(|step| step.stage == stage) {
                rehearsal.note(|| format!("{}: {}", stage.name(), step.name));
            }
            match stage {
                MemoryStage::Caches => rehearsal.note_caches(caches, Shrinkage::All, patience),
                MemoryStage::Trim => rehearsal.note(|| "trim the allocator".into()),
                MemoryStage::Workers | MemoryStage::Readers | MemoryStage::State => {}
            }
        }
    }
}

impl fmt::Debug for FreeMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().map(|step| (step.stage, &step.name));
        formatter.debug_list().entries(steps).finish()
    }
}
