//! Resources that are held for too long, or without an owner.
//!
//! The ledger's sample has selected the suspects and their limits; here they are counted by site,
//! so that ten thousand from one site are one finding. Each counts once, for the first of these
//! reasons that holds: its thread has ended; it is beyond its lifetime; it is idle.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Look, Scene, Sighting, figures};
use crate::monitor::{
    Evidence, FindingKind, FindingSubject, Holding, HoldingLimit, Limits, Severity, Unit,
};

/// The resources that a site holds for one reason.
#[derive(Debug, Default)]
struct Held<'a> {
    count: u64,
    longest: Duration,
    /// The limit of the one that is held for the longest.
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
            subject: FindingSubject::Site {
                kind: resource.to_owned(),
                site: site.to_owned(),
            },
            severity: severity(kind, &held),
            evidence: evidence(kind, &held),
            window: None,
        });
    }
    // A truncated list proves nothing about resources that are not on it.
    if ledger.other_suspects == 0 {
        look.complete.extend(KINDS);
    }
}

/// Why it is a suspect, for how long that has been so, and the limit.
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
        // A sample from a history without this field.
        None => (FindingKind::HeldIdle, idle, limits.idle()),
    }
}

/// Whether resources of a kind run by themselves. Determined by the last part of its name, because
/// adapters are unknown here.
fn goes_on_by_itself(kind: &str) -> bool {
    let (_, last) = kind.rsplit_once('.').unwrap_or(("", kind));
    matches!(last, "thread" | "timer" | "task" | "worker")
}

/// Idle is low, beyond its lifetime or orphaned medium; ten from one site, or six times the limit,
/// is one level higher.
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
