//! Resources that are held for too long, or by nobody.
//!
//! Which ones deserve a look, and by which limit, the ledger's sample has decided; here they are counted
//! by site, so that ten thousand of one place are one finding. Each counts once, for the first of these
//! that holds: its thread has ended; it is over its lifetime; nobody touches it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Look, Scene, Sighting, figures};
use crate::monitor::{
    Evidence, FindingKind, Holding, HoldingLimit, Limits, Severity, Subject, Unit,
};

/// What a site holds for one reason.
#[derive(Debug, Default)]
struct Held<'a> {
    count: u64,
    longest: Duration,
    /// What the one that is held for the longest may.
    limit: Duration,
    label: &'a str,
}

const KINDS: [FindingKind; 4] = [
    FindingKind::HeldIdle,
    FindingKind::OverLifetime,
    FindingKind::OrphanedResource,
    FindingKind::OrphanedThread,
];

pub(super) fn look(scene: Scene<'_>, look: &mut Look) {
    let Some(ledger) = &scene.sample.ledger else {
        return;
    };
    let mut sites: BTreeMap<(FindingKind, &str, &str), Held<'_>> = BTreeMap::new();
    for holding in &ledger.suspects {
        let (kind, span, limit) = reason(holding, scene.limits);
        let held = sites
            .entry((kind, &holding.kind, &holding.site))
            .or_default();
        held.count += 1;
        if span >= held.longest {
            held.longest = span;
            held.limit = limit;
            held.label = &holding.label;
        }
    }
    for ((kind, resource, site), held) in sites {
        look.so.push(Sighting {
            kind,
            subject: Subject::Site {
                kind: resource.to_owned(),
                site: site.to_owned(),
            },
            severity: severity(kind, &held),
            evidence: evidence(kind, &held),
            window: None,
        });
    }
    // A list that was cut short says nothing of who is not on it.
    if ledger.other_suspects == 0 {
        look.complete.extend(KINDS);
    }
}

/// Why it is suspected, for how long that is so, and how long it may be.
fn reason(holding: &Holding, limits: &Limits) -> (FindingKind, Duration, Duration) {
    let Holding { age, idle, .. } = *holding;
    if holding.thread_ended {
        let kind = match goes_on_by_itself(&holding.kind) {
            true => FindingKind::OrphanedThread,
            false => FindingKind::OrphanedResource,
        };
        return (kind, age, Duration::ZERO);
    }
    match holding.passed {
        Some(HoldingLimit::Lifetime(limit)) => (FindingKind::OverLifetime, age, limit),
        Some(HoldingLimit::Idle(limit)) => (FindingKind::HeldIdle, idle, limit),
        // A sample of a history that did not tell.
        None => (FindingKind::HeldIdle, idle, limits.idle()),
    }
}

/// Whether resources of a kind run without anybody. By the last part of its name, because adapters are
/// not known here.
fn goes_on_by_itself(kind: &str) -> bool {
    let (_, last) = kind.rsplit_once('.').unwrap_or(("", kind));
    matches!(last, "thread" | "timer" | "task" | "worker")
}

/// Idle is low, over its lifetime or orphaned medium; ten of one site, or six times the limit, is one
/// more.
fn severity(kind: FindingKind, held: &Held<'_>) -> Severity {
    let is_far_beyond = !held.limit.is_zero() && held.longest >= held.limit.saturating_mul(6);
    match (kind, held.count >= 10 || is_far_beyond) {
        (FindingKind::HeldIdle, false) => Severity::Low,
        (FindingKind::HeldIdle, true) | (_, false) => Severity::Medium,
        (_, true) => Severity::High,
    }
}

fn evidence(kind: FindingKind, held: &Held<'_>) -> Evidence {
    let Held { count, label, .. } = held;
    let longest = figures::span(held.longest);
    let text = match kind {
        FindingKind::HeldIdle => format!("{count} untouched, `{label}` for {longest}"),
        FindingKind::OverLifetime => {
            format!("{count} over the lifetime, `{label}` is open for {longest}")
        }
        _ => format!("{count} whose thread has ended, `{label}` is open for {longest}"),
    };
    Evidence {
        value: held.longest.as_secs_f64(),
        limit: held.limit.as_secs_f64(),
        unit: Unit::Seconds,
        per_hour: None,
        text,
        sparse: None,
    }
}
