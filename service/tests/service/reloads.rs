//! New settings while it runs.

use std::path::Path;
use std::sync::mpsc::channel;

use backstop_core::error::ErrorKind;
use backstop_core::monitor::FindingKind;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_service::Service;
use backstop_service::alert::{Alert, Level, Remedy, RemedyRefused, RemedyRules};
use backstop_service::config::Settings;
use backstop_service::history::{FindingChange, History, Line};
use backstop_testkit::role::{self, Actor};

use crate::scene::{Scene, settings, until};

#[test]
fn new_limits_apply_and_the_history_keeps_its_writer() {
    let scene = Scene::new();
    let _held = scene.open();
    let (service, _alerts) = scene.service(RemedyRules::none());
    let service = service.start(scene.settings(&[])).unwrap();
    until(|| service.cost().samples > 5);
    assert!(service.open_findings().is_empty());
    let before = service.history().unwrap().lines;

    let strict = [("monitor.lifetime", "20ms"), ("history.keep", "7d")];
    service.reload(scene.settings(&strict)).unwrap();
    until(|| !service.open_findings().is_empty());
    until(|| service.history().unwrap().lines > before);
    let other = History::at(scene.path("history")).writer();
    assert_eq!(other.unwrap_err().kind(), ErrorKind::Held);

    service.reload(scene.settings(&[])).unwrap();
    let samples = service.cost().samples;
    until(|| service.cost().samples > samples + 5);
    assert!(service.open_findings().is_empty());
    drop(service);

    // One run, in which the findings by the old limits are cleared.
    let (mut runs, mut changes, mut last) = (0, Vec::new(), None);
    for line in scene.lines() {
        match line {
            Line::Run(_) => runs += 1,
            Line::Finding(line) if line.finding.kind == FindingKind::OverLifetime => {
                changes.push(line.change);
            }
            Line::Sample(sample) => {
                let at = sample.at.awake;
                assert!(
                    last.replace(at).is_none_or(|last| last <= at),
                    "samples in turn"
                );
            }
            _ => {}
        }
    }
    assert_eq!(runs, 2, "it started and ended");
    assert_eq!(changes, [FindingChange::Opened, FindingChange::Cleared]);
}

#[test]
fn settings_that_cannot_be_used_change_nothing() {
    let scene = Scene::new();
    let (service, _alerts) = scene.service(RemedyRules::none());
    let good = scene.settings(&[]);
    let service = service.start(good.clone()).unwrap();
    let taken = scene.path("taken");
    let _other = History::at(&taken).writer().unwrap();
    std::fs::write(scene.path("file"), "in the way").unwrap();
    let blocked = scene.path("file").join("history");

    for (directory, kind) in [(&taken, Some(ErrorKind::Held)), (&blocked, None)] {
        let directory = directory.to_str().unwrap();
        let bad = scene.settings(&[
            ("history.directory", directory),
            ("monitor.lifetime", "1ms"),
            ("monitor.debug", "true"),
        ]);
        let samples = service.cost().samples;
        let error = service.reload(bad).unwrap_err();
        assert!(kind.is_none_or(|kind| error.kind() == kind), "{error}");
        assert!(error.chain().contains(directory), "{}", error.chain());
        assert_eq!(service.settings(), good);
        assert!(service.cost().samples >= samples, "it was not restarted");
        let (samples, lines) = (service.cost().samples, service.history().unwrap().lines);
        until(|| service.cost().samples > samples && service.history().unwrap().lines > lines);
    }
    drop(service);
    let runs = scene
        .lines()
        .into_iter()
        .filter(|line| matches!(line, Line::Run(_)));
    assert_eq!(runs.count(), 2, "it started and ended once");
}

#[test]
fn a_remedy_keeps_its_interval() {
    let scene = Scene::new();
    let (service, _alerts) = scene.service(RemedyRules::none());
    let service = service.start(scene.settings(&[])).unwrap();
    service.remedy(Remedy::Trim).unwrap();
    service
        .reload(scene.settings(&[("monitor.idle", "1h")]))
        .unwrap();
    let again = service.remedy(Remedy::Trim);
    assert!(matches!(again, Err(RemedyRefused::Resting(_))), "{again:?}");
    assert_eq!(service.remedies().len(), 1);
}

#[test]
fn a_sink_that_hangs_does_not_block_new_settings() {
    let scene = Scene::new();
    let _held = scene.open();
    let (releases, hold) = channel::<()>();
    let (hangs, hung) = channel();
    let service = Service::builder()
        .backstop(scene.backstop)
        .sink("hangs", move |_: &Alert| {
            let _ = hangs.send(());
            let _ = hold.recv();
        })
        .start(scene.settings(&[("monitor.lifetime", "20ms")]))
        .unwrap();
    hung.recv_timeout(Actor::PATIENCE).unwrap();
    for _ in 0..3 {
        service
            .reload(scene.settings(&[("monitor.lifetime", "30ms")]))
            .unwrap();
        until(|| !service.open_findings().is_empty());
    }
    drop(service);
    // All of it while the sink hung.
    drop(releases);
}

#[test]
fn log_files_are_rotated_in_order_even_while_settings_change() {
    let scene = Scene::new();
    let _held = scene.open();
    let rules = RemedyRules::none().with_level(Level::Warning, [Remedy::Trim]);
    let (service, alerts) = scene.service(rules);
    let strict = scene.settings(&[("monitor.lifetime", "20ms")]);
    let service = service.start(strict.clone()).unwrap();
    let mut told = Vec::new();
    for _ in 0..5 {
        told.push(alerts.recv_timeout(Actor::PATIENCE).unwrap());
        service.reload(strict.clone()).unwrap();
    }
    drop(service);
    told.extend(alerts.try_iter());
    let log = std::fs::read_to_string(scene.path("log").join("main.log")).unwrap();
    assert_eq!(log.lines().count(), told.len(), "{log}");
}

fn read(path: &Path) -> Result<Settings, String> {
    let interval = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    assert!(interval != "panic", "as the test wants it");
    let mut settings = Settings::default();
    let set = settings.set("monitor.interval", &interval);
    set.map_err(|error| error.to_string())?;
    Ok(settings)
}

#[test]
fn a_hangup_reloads_the_settings_and_invalid_ones_change_nothing() {
    const FILE: &str = "TEST_FILE";
    if role::assigned().is_some() {
        let path = std::env::var_os(FILE).unwrap();
        let service = Service::start(settings(&[])).unwrap();
        let reloads = service
            .reload_on_hangup(move || read(Path::new(&path)))
            .unwrap();
        role::say("ready");
        let mut last = service.settings();
        for _ in 0..2 {
            until(|| service.settings() != last);
            last = service.settings();
            role::say(&format!("{:?}", last.interval()));
        }
        drop((reloads, service));
        return;
    }
    let scene = Scene::new();
    let path = scene.path("interval");
    let mut command = role::command("served").unwrap();
    let mut actor = Actor::start(command.env(FILE, &path));
    assert_eq!(actor.next_line().as_deref(), Some("ready"));
    let process = PinnedProcess::pin(actor.pid() as i32).unwrap();
    let hang_up = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let _ = process.signal(Signal::HUP).unwrap();
    };
    hang_up("7s");
    assert_eq!(actor.next_line().as_deref(), Some("7s"));
    // Invalid settings change nothing, and stop nothing.
    hang_up("soon");
    hang_up("panic");
    hang_up("9s");
    assert_eq!(actor.next_line().as_deref(), Some("9s"));
    assert!(actor.wait().success());
}
