//! `backstop sweep`: reclaims what killed programs left.

use std::path::PathBuf;
use std::time::Duration;

use backstop_core::reclaim::{LedgerFate, Sweep, SweepReport, SweptLedger};
use backstop_core::text::printable;
use backstop_tempfs::orphans::{OrphanReport, OrphanRule, OrphanVerdict, SweepMode};
use clap::Args;
use serde::Serialize;

use crate::composition;
use crate::exit::{Exit, Failure};
use crate::output::{self, note};
use crate::settings::{self, Settings};

/// Reclaim what killed programs left
///
/// Check every ledger whose owner is dead; terminate, remove and verify what is left of it. With --in, also
/// sweep orphans in a directory by prefix and age: a directory is judged as a unit by its newest member,
/// and entries that are locked or belong to another user are kept.
///
/// Nothing is touched without proof that it is what was recorded. Exit status 0 if nothing is left, 1 if
/// something is, or, with --dry-run, if there is something to do.
#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    /// Show what would be done, without doing it
    #[arg(long)]
    dry_run: bool,

    /// Explain every decision: rule, evidence, owner, holder, action
    #[arg(long)]
    why: bool,

    /// Also sweep orphans in DIR; requires --prefix
    #[arg(long = "in", value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Name prefix of orphans
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// Minimum age of orphans [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = settings::duration)]
    older_than: Option<Duration>,

    /// Print one JSON object
    #[arg(long, conflicts_with = "why")]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Swept {
    dry_run: bool,
    #[serde(flatten)]
    ledgers: SweepReport,
    orphans: Option<OrphanReport>,
}

impl SweepArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        let rule = self.rule(settings)?;
        let reclaimers = composition::reclaimers();
        let mode = if self.dry_run {
            SweepMode::DryRun
        } else {
            SweepMode::Act
        };
        let swept = Swept {
            dry_run: self.dry_run,
            ledgers: Sweep::new(&reclaimers).rehearse(self.dry_run).run(),
            orphans: rule.map(|rule| rule.sweep(mode)).transpose()?,
        };
        for ledger in &swept.ledgers.ledgers {
            note_ledger(ledger);
        }
        if self.json {
            output::write_json("sweep", &swept)?;
        } else {
            swept.print(self.why)?;
        }
        Ok(if swept.is_something_left() {
            Exit::FINDINGS
        } else {
            Exit::FINE
        })
    }

    /// Checks what the flags and the settings mean, and sweeps nothing.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Failure> {
        self.rule(settings).map(drop)
    }

    /// The rule for orphans in a directory, if one is asked for.
    fn rule(&self, settings: &Settings) -> Result<Option<OrphanRule>, Failure> {
        let text = |text: &str| Ok(text.to_owned());
        let directory = settings.get("sweep.in", self.directory.clone(), |text| {
            Ok(PathBuf::from(text))
        })?;
        let prefix = settings.get("sweep.prefix", self.prefix.clone(), text)?;
        let age = settings.get("sweep.older-than", self.older_than, settings::duration)?;
        match (directory, prefix) {
            (Some(directory), Some(prefix)) => {
                let rule = OrphanRule::new(directory, prefix)
                    .map_err(|error| Failure::usage(error.chain()))?;
                Ok(Some(
                    rule.older_than(age.unwrap_or(OrphanRule::DEFAULT_AGE)),
                ))
            }
            (Some(directory), None) => Err(Failure::usage(format!(
                "--in {} requires --prefix: without one every file would be an orphan",
                directory.display()
            ))),
            // A prefix in the environment alone asks for nothing; on the command line it does.
            (None, _) if self.prefix.is_some() || self.older_than.is_some() => {
                Err(Failure::usage("--prefix and --older-than require --in DIR"))
            }
            (None, _) => Ok(None),
        }
    }
}

/// Notes what is wrong with a ledger, apart from what is left in it.
fn note_ledger(ledger: &SweptLedger) {
    let path = ledger.path.display();
    match &ledger.fate {
        LedgerFate::Unreadable { error } => {
            note(&format!("{path}: skipped, kept: {error}"));
        }
        LedgerFate::LeaseKept { evidence } => note(&format!(
            "{path}: kept: its owner is dead ({evidence}), but a forked child of it still holds the lease"
        )),
        _ => {}
    }
}

impl Swept {
    fn is_something_left(&self) -> bool {
        let orphans = self.orphans.as_ref().is_some_and(|orphans| {
            orphans.entries.iter().any(|entry| match entry.verdict {
                OrphanVerdict::Failed => true,
                OrphanVerdict::WouldRemove => self.dry_run,
                _ => false,
            })
        });
        orphans || self.ledgers.left().next().is_some()
    }

    fn print(&self, why: bool) -> std::io::Result<()> {
        let mut text = String::new();
        for item in &self.ledgers.items {
            if why {
                text.push_str(&format!("{item}\n"));
            } else {
                let done = match (&item.outcome, item.judgement.acts()) {
                    (Some(outcome), _) => outcome.to_string(),
                    (None, true) => "would be reclaimed".into(),
                    (None, false) => "kept (--why explains)".into(),
                };
                if item.outcome.is_some() || !is_gone(item) {
                    let line = format!("{} {}: {done}", item.kind, item.label);
                    text.push_str(&format!("{}\n", printable(&line)));
                }
            }
        }
        if let Some(orphans) = &self.orphans {
            for entry in &orphans.entries {
                if why {
                    text.push_str(&format!("{}\n", printable(&entry.to_string())));
                } else {
                    let line = format!("{}: {}", entry.path.display(), entry.verdict);
                    text.push_str(&format!("{}\n", printable(&line)));
                }
            }
        }
        output::write(text.as_bytes())?;
        self.conclude();
        Ok(())
    }

    fn conclude(&self) {
        let orphans = self.orphans.as_ref();
        let count = self.ledgers.count() + orphans.map_or(0, |orphans| orphans.count);
        let bytes =
            self.ledgers.bytes() + orphans.map_or_else(Default::default, |orphans| orphans.bytes);
        let kept = self.ledgers.left().count();
        match (self.dry_run, count, kept) {
            (true, _, 0) if !self.is_something_left() => note("nothing to sweep"),
            (true, ..) => note("dry run: nothing was changed"),
            (false, 0, 0) => note("nothing to sweep"),
            (false, ..) => note(&format!("{count} removed ({bytes}), {kept} left")),
        }
    }
}

fn is_gone(item: &backstop_core::reclaim::SweepItem) -> bool {
    matches!(
        item.judgement,
        backstop_core::reclaim::Judgement::Gone { .. }
    )
}
