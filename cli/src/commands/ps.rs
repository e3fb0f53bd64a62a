//! `backstop ps`: the open resources of all tracked programs.

use std::time::Duration;

use backstop_core::ledger::{self, Entry, LedgerReading, ReadAll, State};
use backstop_core::resource::Bytes;
use backstop_core::text::{counted, show_duration};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, add_row, note};

/// List the open resources of all tracked programs
#[derive(Debug, Args)]
pub(crate) struct PsArguments {
    /// Only list resources of KIND or of its family, e.g. process or tempfs.dir
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Listing {
    resources: Vec<Row>,
    untracked: u64,
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, Serialize)]
struct Row {
    kind: String,
    id: String,
    label: String,
    state: State,
    age_seconds: Option<f64>,
    idle_seconds: Option<f64>,
    bytes: Bytes,
    handles: u32,
    site: String,
    owner: i32,
    owner_command: String,
    owner_alive: bool,
    recipe: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
struct Unreadable {
    path: String,
    error: String,
}

impl PsArguments {
    pub(crate) fn execute(&self) -> Result<Exit, Failure> {
        let listing = Listing::of(&ledger::read_all(), |kind| self.wants(kind));
        for unreadable in &listing.unreadable {
            note(&format!("unreadable ledger, kept: {}", unreadable.error));
        }
        if self.json {
            output::write_json("ps", &listing)?;
        } else if listing.resources.is_empty() {
            note("no open resources");
        } else {
            listing.print()?;
        }
        if listing.untracked > 0 {
            let resources = counted(listing.untracked, "resource", "resources");
            note(&format!("{resources} could not be recorded in a ledger"));
        }
        Ok(Exit::FINE)
    }

    fn wants(&self, kind: &str) -> bool {
        self.kind.as_deref().is_none_or(|wanted| {
            kind == wanted
                || kind
                    .strip_prefix(wanted)
                    .is_some_and(|rest| rest.starts_with('.'))
        })
    }
}

impl Listing {
    fn of(all: &ReadAll, wants: impl Fn(&str) -> bool) -> Self {
        let mut resources = Vec::new();
        for ledger in &all.ledgers {
            let context = Context::of(ledger);
            resources.extend(
                ledger
                    .entries()
                    .into_iter()
                    .filter(|entry| wants(&entry.kind))
                    .map(|entry| context.row(entry)),
            );
        }
        Self {
            resources,
            untracked: all.ledgers.iter().map(LedgerReading::untracked).sum(),
            unreadable: all
                .unreadable
                .iter()
                .map(|unreadable| Unreadable {
                    path: unreadable.path.display().to_string(),
                    error: unreadable.error.chain(),
                })
                .collect(),
        }
    }

    fn print(&self) -> std::io::Result<()> {
        let mut table = output::table(&[
            "KIND", "ID", "STATE", "AGE", "IDLE", "SIZE", "HANDLES", "OWNER", "LABEL", "SITE",
        ]);
        for row in &self.resources {
            let seconds = |seconds: Option<f64>| {
                seconds.map_or("-".into(), |seconds| {
                    show_duration(Duration::from_secs_f64(seconds))
                })
            };
            let owner = if row.owner_alive {
                row.owner.to_string()
            } else {
                format!("{} (dead)", row.owner)
            };
            let cells = [
                row.kind.clone(),
                row.id.clone(),
                row.state.to_string(),
                seconds(row.age_seconds),
                seconds(row.idle_seconds),
                row.bytes.to_string(),
                row.handles.to_string(),
                owner,
                row.label.clone(),
                row.site.clone(),
            ];
            add_row(&mut table, cells);
        }
        output::write_table(&table)?;
        if self.resources.iter().any(|row| !row.owner_alive) {
            note(
                "some owners are dead: run `backstop sweep --dry-run --why` to see what to reclaim",
            );
        }
        Ok(())
    }
}

/// What the rows of one ledger have in common.
struct Context<'a> {
    ledger: &'a LedgerReading,
    is_alive: bool,
    /// This boot's monotonic clock, if the owner's times are on it.
    now: Option<u64>,
}

impl<'a> Context<'a> {
    fn of(ledger: &'a LedgerReading) -> Self {
        Self {
            ledger,
            is_alive: ledger.is_owner_alive(),
            now: ledger.clock(),
        }
    }

    fn row(&self, entry: Entry) -> Row {
        let since = |time: u64| {
            let now = self.now?;
            Some(Duration::from_nanos(now.saturating_sub(time)).as_secs_f64())
        };
        let owner = self.ledger.owner();
        Row {
            id: entry.id.to_string(),
            state: entry.state,
            age_seconds: since(entry.opened),
            idle_seconds: since(entry.touched),
            bytes: entry.footprint.bytes,
            handles: entry.footprint.handles,
            owner: owner.process.pid,
            owner_command: owner.command.clone(),
            owner_alive: self.is_alive,
            recipe: entry
                .recipe
                .as_ref()
                .and_then(|recipe| serde_json::from_str(recipe.as_str()).ok()),
            kind: entry.kind,
            label: entry.label,
            site: entry.site,
        }
    }
}
