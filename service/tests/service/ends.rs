//! After its end, nothing of a service is left.

use std::num::NonZeroU32;

use backstop_core::release::BacktraceSampling;
use backstop_os::descriptors;
use backstop_service::alert::RemedyRules;
use backstop_testkit::role::{self, Actor};

use crate::scene::{Scene, until};

/// Runs the body in its own process, without other threads, files or backtraces.
fn alone(part: impl Fn()) {
    if role::assigned().is_some() {
        part();
        role::say("done");
        return;
    }
    let mut actor = Actor::start(&mut role::command("alone").unwrap());
    assert_eq!(actor.next_line().as_deref(), Some("done"));
    assert!(actor.wait().success());
}

/// The threads of a service, by name. Those that run releases stay for the next release.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| {
        // A thread that has just ended has no name any more.
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    });
    names
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("backstop-") && !name.starts_with("backstop-releas"))
        .collect()
}

#[test]
fn its_threads_end_and_its_files_are_closed() {
    alone(|| {
        let scene = Scene::new();
        let mut before = None;
        for round in 0..4 {
            let held = scene.open();
            let (service, _alerts) = scene.service(RemedyRules::none());
            let more = [("monitor.lifetime", "1ms"), ("cleanup.auto", "true")];
            let service = service.start(scene.settings(&more)).unwrap();
            until(|| !service.open_findings().is_empty() && threads().len() >= 4);
            if round % 2 == 1 {
                service.reload(scene.settings(&[])).unwrap();
                until(|| service.cost().samples > 2);
            }
            drop((service, held));
            // A thread is in the list for a moment after its end.
            until(|| threads().is_empty());
            let handles = descriptors::open().unwrap();
            // The first round opens what lasts as long as the process.
            assert_eq!(*before.get_or_insert(handles), handles);
        }
    });
}

#[test]
fn backtraces_are_sampled_while_it_runs_and_then_as_before() {
    alone(|| {
        let scene = Scene::new();
        for before in [None, NonZeroU32::new(7)] {
            if let Some(every) = before {
                BacktraceSampling::on(every);
            }
            assert_eq!(BacktraceSampling::every(), before);
            let (service, _alerts) = scene.service(RemedyRules::none());
            let service = service.start(scene.settings(&[])).unwrap();
            assert_eq!(BacktraceSampling::every(), Some(BacktraceSampling::EVERY));
            let debug = scene.settings(&[("monitor.debug", "true")]);
            service.reload(debug).unwrap();
            assert_eq!(BacktraceSampling::every(), NonZeroU32::new(1));
            let captured = BacktraceSampling::counts().captured;
            drop(scene.open());
            assert_eq!(BacktraceSampling::counts().captured, captured + 1);
            // A second one without a history, at the same time.
            let other = backstop_service::Service::start(crate::scene::settings(&[]));
            drop(service);
            assert_eq!(BacktraceSampling::every(), Some(BacktraceSampling::EVERY));
            drop(other);
            assert_eq!(BacktraceSampling::every(), before);
        }
    });
}
