//! What a sweep found and did.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::judgement::Judgement;
use crate::ledger::{OwnerRecord, State};
use crate::release::Outcome;
use crate::resource::{Bytes, Recipe, ResourceId};

/// The report of one sweep.
#[derive(Debug, Default, Serialize)]
#[must_use]
pub struct SweepReport {
    /// The ledgers that it inspected.
    pub ledgers: Vec<SweptLedger>,
    /// The orphans it judged, in the order in which it would or did act.
    pub items: Vec<SweepItem>,
}

/// One ledger that a sweep inspected.
#[derive(Debug, Serialize)]
pub struct SweptLedger {
    /// The file.
    pub path: PathBuf,
    /// Who wrote it; `None` if that cannot be read.
    pub owner: Option<OwnerRecord>,
    /// What the sweep did with it.
    #[serde(flatten)]
    pub fate: LedgerFate,
}

/// What a sweep did with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "fate")]
#[non_exhaustive]
pub enum LedgerFate {
    /// Its owner is alive: nothing in it is touched.
    OwnerAlive,
    /// Its owner is dead, and another process holds its lease: a fork that did not execute.
    LeaseKept {
        /// What shows that the owner is dead.
        evidence: String,
    },
    /// It cannot be read; it is kept.
    Unreadable {
        /// What is wrong, and where.
        error: String,
    },
    /// Its owner is dead and nothing of it is left: the file was removed.
    Removed,
    /// Its owner is dead and something of it is left: the file is kept for the next sweep.
    Kept,
    /// A rehearsal: nothing was done.
    Rehearsed,
}

/// One orphan that a sweep judged.
#[derive(Debug, Serialize)]
pub struct SweepItem {
    /// The ledger.
    pub ledger: PathBuf,
    /// Its owner: PID and command.
    pub owner: String,
    /// Which resource.
    #[serde(serialize_with = "as_text")]
    pub id: ResourceId,
    /// What it was.
    pub kind: String,
    /// Which one.
    pub label: String,
    /// Where it was opened.
    pub site: String,
    /// The state in which its owner left it.
    pub state: State,
    /// Its recipe.
    #[serde(serialize_with = "as_json")]
    pub recipe: Option<Recipe>,
    /// What is to be done, and why.
    pub judgement: Judgement,
    /// What was done; `None` in a rehearsal, and where nothing was to be done.
    pub outcome: Option<Outcome>,
    /// How many processes, files and directories were removed.
    pub count: u64,
    /// How many bytes were freed.
    pub bytes: Bytes,
}

fn as_text<S: Serializer>(id: &ResourceId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// The recipe as JSON; as text if it is not valid JSON.
fn as_json<S: Serializer>(recipe: &Option<Recipe>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(recipe) = recipe else {
        return serializer.serialize_none();
    };
    match serde_json::from_str::<serde_json::Value>(recipe.as_str()) {
        Ok(value) => value.serialize(serializer),
        Err(_) => serializer.serialize_str(recipe.as_str()),
    }
}

impl SweepReport {
    /// Whether there is or was something to do: an orphan to reclaim, or one that stayed.
    #[must_use]
    pub fn found_something(&self) -> bool {
        self.items
            .iter()
            .any(|item| !matches!(item.judgement, Judgement::Gone { .. }))
    }

    /// The orphans that still exist, or may exist.
    pub fn left(&self) -> impl Iterator<Item = &SweepItem> {
        self.items.iter().filter(|item| match &item.outcome {
            Some(outcome) => outcome.is_stuck(),
            None => !matches!(item.judgement, Judgement::Gone { .. }),
        })
    }

    /// How many processes, files and directories were removed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.items.iter().map(|item| item.count).sum()
    }

    /// How many bytes were freed.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.items.iter().map(|item| item.bytes).sum()
    }
}

impl fmt::Display for SweepItem {
    /// The whole explanation: owner, rule, evidence, act, and outcome.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} {}", self.kind, self.label)?;
        writeln!(formatter, "  owner     {}", self.owner)?;
        writeln!(formatter, "  opened at {} ({})", self.site, self.state)?;
        match &self.judgement {
            Judgement::Reclaim {
                rule,
                evidence,
                act,
            } => {
                writeln!(formatter, "  rule      {rule}")?;
                for line in evidence {
                    writeln!(formatter, "  evidence  {line}")?;
                }
                write!(formatter, "  act       {act}")?;
            }
            Judgement::Gone { evidence } => write!(formatter, "  gone      {evidence}")?,
            Judgement::Keep { reason, holder } => {
                write!(formatter, "  kept      {reason}")?;
                if let Some(holder) = holder {
                    write!(formatter, "\n  holder    {holder}")?;
                }
            }
        }
        if let Some(outcome) = &self.outcome {
            write!(
                formatter,
                "\n  outcome   {outcome}, {} removed, {}",
                self.count, self.bytes
            )?;
        }
        Ok(())
    }
}
