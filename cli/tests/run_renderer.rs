//! A real browser of which one renderer is stopped and whose driver is killed: whatever of it carries no
//! cookie any more, none of it outlives a release, a run or a sweep.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use backstop_core::Backstop;
use backstop_core::reclaim::{Reclaimers, Sweep};
use backstop_core::release::{Outcome, Tracking};
use backstop_core::tree::TreeReclaimer;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::process_stat::ProcessState;
use backstop_os::process_table;
use backstop_os::signal::Signal;
use backstop_process::{ChildProcess, Containment};
use backstop_testkit::role::{self, Actor};
use serde_json::{Value, json};
use stage::{Finished, Stage, until};

/// How long after the end of a run or a sweep a survivor is waited for: it was verified before that.
const SURVIVAL: Duration = Duration::from_millis(200);

fn is_installed() -> bool {
    let has = |program: &&str| {
        std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        })
    };
    match ["chromedriver", "chromium"].iter().find(|one| !has(one)) {
        None => true,
        Some(missing) => {
            backstop_testkit::skip(
                backstop_testkit::Suite::Browser,
                &format!("{missing} is not installed"),
            );
            false
        }
    }
}

/// Whether this user can make cgroups here.
fn can_contain(containment: Containment) -> bool {
    if containment != Containment::Cgroup {
        return true;
    }
    let name = format!("backstop-test-{}", std::process::id());
    match backstop_os::cgroup::Cgroup::create(&name) {
        Ok(group) => {
            group.remove().unwrap();
            true
        }
        Err(error) => {
            backstop_testkit::skip(backstop_testkit::Suite::Cgroup, &error.to_string());
            false
        }
    }
}

/// Posts JSON to a driver, as a client without keep-alive.
fn post(port: u16, path: &str, body: &Value) -> Option<Value> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| {
                line.strip_prefix("content-length:")?
                    .trim()
                    .parse::<usize>()
                    .ok()
            })?;
            if body.len() >= length {
                return serde_json::from_str::<Value>(body).ok();
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A browser with one page, of which one renderer is stopped.
struct Session {
    driver: PinnedProcess,
    all: Vec<PinnedProcess>,
}

impl Session {
    /// Opens a session at the driver that listens or will listen on the port.
    fn open(port: u16, profile: &Path) -> Self {
        let options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", format!("--user-data-dir={}", profile.display()),
        ]});
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
        }}});
        until("the driver answers", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        let opened = post(port, "/session", &wanted).unwrap();
        let id = opened["value"]["sessionId"].as_str();
        let id = id.unwrap_or_else(|| panic!("no session: {opened}"));
        let page = json!({ "url": "data:text/html,<title>open</title>" });
        post(port, &format!("/session/{id}/url"), &page).unwrap();
        let driver = until("the driver is found", || {
            let mut all = process_table::pids().unwrap().into_iter();
            all.find(|pid| is_driver_of(*pid, port))
        });
        let driver = PinnedProcess::pin(driver).unwrap();
        // Without the tree's own search, to which they are to be strangers.
        let beneath = process_table::descendants(driver.pid()).unwrap();
        let all = beneath
            .iter()
            .filter_map(|pid| PinnedProcess::pin(*pid).ok());
        let session = Self {
            driver,
            all: all.collect(),
        };
        session.stop_a_renderer();
        session
    }

    fn stop_a_renderer(&self) {
        let renderer = self.all.iter().find(|process| {
            let words = process_table::command_line(process.pid()).unwrap_or_default();
            // Its own title: one argument of all its words.
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            words.join(" ").contains("--type=renderer")
        });
        let renderer = renderer.expect("a page has a renderer");
        let _ = renderer.signal(Signal::STOP).unwrap();
        until("the renderer is stopped", || {
            let stat = renderer.stat().ok()?;
            (stat.state == ProcessState::Stopped).then_some(())
        });
    }

    fn kill_the_driver(&self) {
        let _ = self.driver.signal(Signal::KILL).unwrap();
        assert!(self.driver.wait_exit(stage::PATIENCE).unwrap());
    }

    fn assert_gone(&self, what: &str) {
        assert!(self.all.len() >= 6, "a browser is many processes");
        let left = still_running(&self.all, Instant::now() + SURVIVAL).unwrap();
        let left: Vec<_> = left.iter().map(|process| process.stat()).collect();
        assert!(left.is_empty(), "{what}: {left:#?}");
    }
}

impl Drop for Session {
    /// A test that fails leaves nothing behind either.
    fn drop(&mut self) {
        for process in self.all.iter().chain([&self.driver]) {
            let _ = process.signal(Signal::KILL);
        }
    }
}

fn is_driver_of(pid: i32, port: u16) -> bool {
    let words = process_table::command_line(pid).unwrap_or_default();
    let name = words
        .first()
        .map(|word| word.to_string_lossy().into_owned());
    name.is_some_and(|name| name.ends_with("chromedriver"))
        && words.iter().any(|word| *word == *format!("--port={port}"))
}

/// A port that was free just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn driver(stage: &Stage, port: u16) -> Command {
    let mut command = stage.command(Path::new("chromedriver"));
    command
        .arg(format!("--port={port}"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command
}

fn a_released_browser(containment: Containment) {
    if !is_installed() || !can_contain(containment) {
        return;
    }
    let stage = Stage::new();
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let port = free_port();
    let child = ChildProcess::builder(driver(&stage, port))
        .at_most(containment)
        .spawn_on(&backstop)
        .unwrap();
    assert_eq!(child.containment(), containment);
    let session = Session::open(port, &stage.path("work/profile"));
    session.kill_the_driver();
    let release = child.release();
    assert_eq!(release.outcome, Outcome::Released, "{release}");
    session.assert_gone(&format!("{containment}: {release}"));
}

#[test]
fn a_stopped_renderer_does_not_outlive_the_release_of_a_walked_tree() {
    a_released_browser(Containment::Walk);
}

#[test]
fn a_stopped_renderer_does_not_outlive_the_release_of_a_cgroup() {
    a_released_browser(Containment::Cgroup);
}

fn a_run_browser(containment: Containment) {
    if !is_installed() || !can_contain(containment) {
        return;
    }
    let stage = Stage::new();
    let port = free_port();
    let run = stage
        .backstop(&["run", "--containment", &containment.to_string(), "--"])
        .args(["chromedriver", &format!("--port={port}")])
        .spawn()
        .unwrap();
    let session = Session::open(port, &stage.path("work/profile"));
    session.kill_the_driver();
    let finished = Finished::of(&run.wait_with_output().unwrap());
    session.assert_gone(&format!("{finished:?}"));
    assert_eq!(finished.code, Some(137), "{finished:?}");
    let words = format!("({containment})");
    assert!(finished.stderr.contains(&words), "{finished:?}");
    assert!(
        finished.stderr.contains("left behind, and gone now"),
        "{finished:?}"
    );
    assert_eq!(stage.left(), [] as [String; 0]);
}

#[test]
fn a_stopped_renderer_does_not_outlive_a_run_with_a_subreaper() {
    a_run_browser(Containment::Subreaper);
}

#[test]
fn a_stopped_renderer_does_not_outlive_a_run_with_a_cgroup() {
    a_run_browser(Containment::Cgroup);
}

#[test]
fn a_stopped_renderer_does_not_outlive_the_sweep_after_its_owner() {
    if role::assigned().is_some() {
        let port = std::env::var("TEST_PORT").unwrap();
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={port}"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let child = ChildProcess::builder(command)
            .at_most(Containment::Walk)
            .spawn()
            .unwrap();
        role::say(&child.pid().to_string());
        role::wait_to_be_killed();
    }
    if !is_installed() {
        return;
    }
    let stage = Stage::new();
    let port = free_port();
    let mut owner = Actor::start(stage.actor("owner").env("TEST_PORT", port.to_string()));
    let _ = owner.next_line().unwrap();
    let session = Session::open(port, &stage.path("work/profile"));
    owner.kill();
    session.kill_the_driver();
    let reclaimers = Reclaimers::new().with(TreeReclaimer);
    let report = Sweep::new(&reclaimers)
        .directories(vec![stage.path("ledgers")])
        .run();
    assert_eq!(report.items.len(), 1, "{report:?}");
    assert_eq!(report.items[0].outcome, Some(Outcome::Released));
    session.assert_gone(&report.items[0].to_string());
}
