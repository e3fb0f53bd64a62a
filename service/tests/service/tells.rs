//! From a finding to the sinks and the remedies.

use std::time::Duration;

use backstop_core::monitor::FindingKind;
use backstop_core::policy::CleanupPolicy;
use backstop_service::alert::{Level, Remedy, RemedyRules, Transition};
use backstop_service::history::{EventKind, FindingChange, Line};
use backstop_testkit::role::Actor;

use crate::scene::{KIND, Scene, until};

const OVER_AGE: Remedy = Remedy::ReleaseOverAge {
    longer_than: Duration::from_millis(50),
};

fn releasing() -> RemedyRules {
    RemedyRules::none().with_level(Level::Warning, [OVER_AGE])
}

fn events(scene: &Scene, kind: EventKind) -> Vec<String> {
    let lines = scene.lines().into_iter();
    let events = lines.filter_map(|line| match line {
        Line::Event(event) if event.kind == kind => Some(event.text),
        _ => None,
    });
    events.collect()
}

#[test]
fn a_finding_is_reported_logged_and_recorded_and_no_remedy_runs_by_default() {
    let scene = Scene::new();
    let (service, alerts) = scene.service(releasing());
    let held = scene.open();
    let settings = scene.settings(&[("monitor.lifetime", "50ms")]);
    let service = service.start(settings.clone()).unwrap();
    let alert = alerts.recv_timeout(Actor::PATIENCE).unwrap();
    assert_eq!(alert.transition, Transition::Raised);
    assert_eq!(alert.finding.kind, FindingKind::OverLifetime);
    until(|| service.alerts().sinks.iter().all(|sink| sink.delivered > 0));
    let log = std::fs::read_to_string(scene.path("log").join("main.log")).unwrap();
    assert!(log.contains("warning raised: held.over-lifetime"), "{log}");
    assert_eq!(service.open_findings()[0].kind, FindingKind::OverLifetime);
    assert_eq!(service.settings(), settings);

    // Time enough for a remedy to run.
    let samples = service.cost().samples;
    until(|| service.cost().samples > samples + 20);
    assert!(service.remedies().is_empty() && service.cleanups().is_empty());
    assert!(held.get().is_ok());
    assert!(service.snapshots().len() == settings.snapshots());
    assert!(service.history().unwrap().lines > 20);

    drop(service);
    let lines = scene.lines();
    let opened = lines.iter().any(|line| {
        matches!(line, Line::Finding(line) if line.change == FindingChange::Opened
            && line.finding.kind == FindingKind::OverLifetime)
    });
    assert!(opened && lines.iter().any(|line| matches!(line, Line::Sample(_))));
    // It may have got worse since.
    let told = events(&scene, EventKind::Alert);
    assert_eq!(told.first(), Some(&alert.to_string()));
    assert!(held.release().outcome.is_released());
}

#[test]
fn with_auto_cleanup_an_alert_runs_its_remedy_and_that_is_recorded() {
    let scene = Scene::new();
    let (service, alerts) = scene.service(releasing());
    let held = scene.open();
    let more = [("monitor.lifetime", "50ms"), ("cleanup.auto", "true")];
    let service = service.start(scene.settings(&more)).unwrap();
    alerts.recv_timeout(Actor::PATIENCE).unwrap();
    until(|| !service.remedies().is_empty());
    until(|| held.get().is_err());
    let record = &service.remedies()[0];
    drop(service);
    assert_eq!(events(&scene, EventKind::Remedy), [record.to_string()]);
    let log = std::fs::read_to_string(scene.path("log").join("main.log")).unwrap();
    assert!(log.contains(&record.to_string()), "{log}");
}

#[test]
fn with_auto_cleanup_policies_are_enforced_at_the_interval_and_that_is_recorded() {
    let scene = Scene::new();
    let policy = CleanupPolicy::default().with_idle_limit(Duration::from_millis(50));
    scene.backstop.set_policy(KIND, policy);
    let held = scene.open();
    let (service, _alerts) = scene.service(RemedyRules::none());
    let more = [("cleanup.interval", "40ms"), ("cleanup.auto", "true")];
    let service = service.start(scene.settings(&more)).unwrap();
    assert_eq!(service.cleanups()[0].name, "policies");
    until(|| held.get().is_err());
    until(|| !events(&scene, EventKind::Release).is_empty());
    let events = events(&scene, EventKind::Release);
    assert!(
        events[0].contains("held") && events[0].contains("db.connection"),
        "{events:?}"
    );
    drop(service);
}
