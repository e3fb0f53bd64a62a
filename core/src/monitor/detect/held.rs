//! Resources that are held for too long, or by nobody.
//!
//! Which ones deserve a look, the ledger's sample has decided, by limits and policies; here they are
//! counted by site, so that ten thousand of one place are one finding. Each counts once, for the first
//! of these that holds: its thread has ended; it is over its lifetime; nobody touches it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Look, Scene, Sighting, figures};
use crate::monitor::{Evidence, FindingKind, Holding, Limits, Severity, Subject, Unit};

/// What a site holds for one reason.
#[derive(Debug, Default)]
struct Held<'a> {
    count: u64,
    longest: Duration,
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
        let (kind, span) = reason(holding, scene.limits);
        let held = sites
            .entry((kind, &holding.kind, &holding.site))
            .or_default();
        held.count += 1;
        if span >= held.longest {
            held.longest = span;
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
            severity: severity(kind, &held, scene.limits),
            evidence: evidence(kind, &held, scene.limits),
        });
    }
    // A list that was cut short says nothing of who is not on it.
    if ledger.other_suspects == 0 {
        look.complete.extend(KINDS);
    }
}

fn reason(holding: &Holding, limits: &Limits) -> (FindingKind, Duration) {
    let is_over = limits.lifetime().is_some_and(|most| holding.age >= most);
    // A policy's lifetime is not known here: what is touched, and yet suspected, is over it.
    let is_touched = holding.idle < limits.idle() && holding.idle < holding.age / 2;
    match holding {
        _ if holding.thread_ended && goes_on_by_itself(&holding.kind) => {
            (FindingKind::OrphanedThread, holding.age)
        }
        _ if holding.thread_ended => (FindingKind::OrphanedResource, holding.age),
        _ if is_over || is_touched => (FindingKind::OverLifetime, holding.age),
        _ => (FindingKind::HeldIdle, holding.idle),
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
fn severity(kind: FindingKind, held: &Held<'_>, limits: &Limits) -> Severity {
    let limit = match kind {
        FindingKind::HeldIdle => Some(limits.idle()),
        FindingKind::OverLifetime => limits.lifetime(),
        _ => None,
    };
    let is_far_beyond = limit.is_some_and(|limit| held.longest >= limit.saturating_mul(6));
    match (kind, held.count >= 10 || is_far_beyond) {
        (FindingKind::HeldIdle, false) => Severity::Low,
        (FindingKind::HeldIdle, true) | (_, false) => Severity::Medium,
        (_, true) => Severity::High,
    }
}

fn evidence(kind: FindingKind, held: &Held<'_>, limits: &Limits) -> Evidence {
    let Held { count, label, .. } = held;
    let longest = figures::span(held.longest);
    let seconds = |span: Duration| span.as_secs_f64();
    let (limit, text) = match kind {
        FindingKind::HeldIdle => (
            seconds(limits.idle()),
            format!("{count} untouched, `{label}` for {longest}"),
        ),
        FindingKind::OverLifetime => (
            limits.lifetime().map_or(0.0, seconds),
            format!("{count} over the lifetime, `{label}` is open for {longest}"),
        ),
        _ => (
            0.0,
            format!("{count} whose thread has ended, `{label}` is open for {longest}"),
        ),
    };
    Evidence {
        value: seconds(held.longest),
        limit,
        unit: Unit::Seconds,
        per_hour: None,
        text,
    }
}
