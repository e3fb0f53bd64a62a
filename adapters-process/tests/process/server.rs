//! Servers: healthy when given, started again within bounds, gone when released.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_core::policy::Backoff;
use backstop_core::release::Outcome;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_process::{HealthCheck, RestartLimit, Server, ServerEvent, ServerState};

use crate::scene::{LONG, backstop, impatient, sh};

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn web_server(address: SocketAddr) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-m", "http.server", "--bind", "127.0.0.1"])
        .arg(address.port().to_string())
        .current_dir("/proc/self/fdinfo")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command
}

fn no_pause() -> Backoff {
    Backoff::new(Duration::ZERO, Duration::ZERO)
}

fn pinned(server: &Server) -> PinnedProcess {
    PinnedProcess::pin(i32::try_from(server.pid().unwrap()).unwrap()).unwrap()
}

#[test]
fn one_is_healthy_when_given_and_gone_when_released() {
    let backstop = backstop();
    for kind in ["port", "http", "check"] {
        let address = free_port();
        let health = match kind {
            "port" => HealthCheck::port(address),
            "http" => HealthCheck::http(address, "/"),
            _ => HealthCheck::check(move || {
                std::net::TcpStream::connect(address)
                    .map(drop)
                    .map_err(|error| error.to_string())
            }),
        };
        let server = Server::builder("web", move || web_server(address))
            .health(health)
            .start_deadline(LONG)
            .start_on(&backstop)
            .unwrap();
        assert_eq!(server.state(), ServerState::Healthy, "{kind}");
        let child = pinned(&server);
        let release = server.release();
        assert_eq!(release.outcome, Outcome::Released, "{release}");
        assert!(child.has_exited());
        assert!(backstop.is_empty());
    }
}

#[test]
fn one_that_dies_is_started_again_within_its_limit() {
    let backstop = backstop();
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let server = Server::builder("mortal", || sh("sleep 1071 & wait"))
        .restarts(RestartLimit::new(2, LONG * 100))
        .backoff(no_pause())
        .child_policy(impatient())
        .on_event(move |event| seen.lock().unwrap().push(event.clone()))
        .start_on(&backstop)
        .unwrap();
    for round in 0..3 {
        let state = server.wait_for(ServerState::Healthy, LONG);
        assert_eq!(state, ServerState::Healthy, "round {round}");
        let statistics = crate::scene::eventually(|| {
            Some(server.statistics()).filter(|now| now.starts == round + 1 && now.pid.is_some())
        });
        let child = PinnedProcess::pin(statistics.pid.unwrap().try_into().unwrap()).unwrap();
        let _ = child.signal(Signal::KILL).unwrap();
        crate::scene::eventually(|| {
            let now = server.statistics();
            (now.starts > round + 1 || now.state == ServerState::GaveUp).then_some(())
        });
    }
    assert_eq!(
        server.wait_for(ServerState::GaveUp, LONG),
        ServerState::GaveUp
    );
    assert_eq!(server.statistics().starts, 3);
    let events = events.lock().unwrap().clone();
    let count = |wanted: fn(&ServerEvent) -> bool| events.iter().filter(|one| wanted(one)).count();
    assert_eq!(
        count(|event| matches!(event, ServerEvent::Started { .. })),
        3
    );
    assert_eq!(
        count(|event| matches!(event, ServerEvent::Restarting { .. })),
        2
    );
    assert_eq!(
        count(|event| matches!(event, ServerEvent::GaveUp { .. })),
        1
    );
    assert_eq!(server.release().outcome, Outcome::Released);
    assert!(backstop.is_empty());
}

#[test]
fn one_that_turns_unhealthy_is_replaced() {
    let backstop = backstop();
    let sick = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let look = Arc::clone(&sick);
    let server = Server::builder("moody", || sh("sleep 1072"))
        .health(HealthCheck::check(move || {
            // Well again at the look after the one that finds it sick.
            match look.swap(false, std::sync::atomic::Ordering::SeqCst) {
                true => Err("on purpose".into()),
                false => Ok(()),
            }
        }))
        .health_interval(Duration::from_millis(1))
        .failures_allowed(1)
        .backoff(no_pause())
        .start_on(&backstop)
        .unwrap();
    let first = pinned(&server);
    sick.store(true, std::sync::atomic::Ordering::SeqCst);
    crate::scene::eventually(|| {
        let now = server.statistics();
        (now.starts == 2 && now.state == ServerState::Healthy).then_some(())
    });
    assert!(first.has_exited());
    assert!(server.statistics().last_end.unwrap().contains("on purpose"));
    assert_eq!(server.release().outcome, Outcome::Released);
}

#[test]
fn one_that_does_not_come_up_is_an_error_and_leaves_nothing() {
    let backstop = backstop();
    let address = free_port();
    // Only what never comes up is waited out.
    let short = Duration::from_millis(300);
    for (script, deadline, reason) in [
        ("exit 9", LONG, "exit status: 9"),
        ("sleep 1073", short, "in time"),
    ] {
        let error = Server::builder("never", move || sh(script))
            .health(HealthCheck::port(address))
            .start_deadline(deadline)
            .child_policy(impatient())
            .start_on(&backstop)
            .err()
            .unwrap();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(backstop.is_empty());
    }
    let error = Server::builder("nothing", || Command::new("/nonexistent"))
        .start_on(&backstop)
        .err()
        .unwrap();
    assert!(error.to_string().contains("cannot be started"), "{error}");
}

#[test]
fn releasing_everything_starts_nothing_again() {
    let backstop = backstop();
    let server = Server::builder("kept", || sh("sleep 1074"))
        .restarts(RestartLimit::new(100, LONG))
        .backoff(no_pause())
        .start_on(&backstop)
        .unwrap();
    let child = pinned(&server);
    let report = backstop.release_all(backstop_core::resource::Deadline::after(LONG));
    assert!(report.is_complete(), "{report}");
    assert!(child.has_exited() && backstop.is_empty());
    assert_eq!(server.statistics().starts, 1);
    assert_eq!(server.state(), ServerState::Stopped);
}
