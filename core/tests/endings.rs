//! However the program ends, what is open is released: by signal, by exit, with a release under way.
#![cfg(test)]

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::Tracked;
use backstop_core::release::shutdown::{self, ShutdownOptions};
use backstop_core::resource::{Blocking, Kind, Rung};
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_testkit::role::{self, Actor};
use backstop_testkit::scripted::{Act, Script, Scripted};

use backstop_testkit::subjects::directory::TestDirectory;

const PLACE: &str = "TEST_PLACE";
const KIND: Kind = Kind::new("test.logged");

struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn actor(&self, role: &str) -> Command {
        let mut command = role::command(role).unwrap();
        command
            .env("BACKSTOP_DIR", self.0.path().join("ledgers"))
            .env(PLACE, self.0.path());
        command
    }

    /// Plays a role that says `ready`, sends it these signals, and gives how it ended.
    fn signalled(&self, role: &str, signals: &[Signal]) -> ExitStatus {
        let mut actor = Actor::start(&mut self.actor(role));
        assert_eq!(actor.next_line().as_deref(), Some("ready"));
        let process = PinnedProcess::pin(actor.pid() as i32).unwrap();
        for (number, signal) in signals.iter().enumerate() {
            if number > 0 {
                // The first was seen: its release is under way.
                assert_eq!(actor.next_line().as_deref(), Some("asked"));
            }
            let _ = process.signal(*signal).unwrap();
        }
        actor.wait()
    }

    fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn left(&self) -> Vec<String> {
        let names = |path: &Path| -> Vec<String> {
            std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.starts_with("dir-") || name.ends_with(".ledger"))
                .collect()
        };
        let mut left = names(self.0.path());
        left.extend(names(&self.0.path().join("ledgers")));
        left
    }
}

fn place() -> PathBuf {
    std::env::var_os(PLACE).unwrap().into()
}

/// A resource whose release writes its name down. It does not block, so that it is released in strict order:
/// one that may block has a moment to end before the next begins, and on a loaded machine needs more.
fn logged(name: &'static str) -> Tracked<Logged> {
    let path = place().join("log");
    backstop_core::track(Logged(name, path, AtomicBool::new(false)))
}

struct Logged(&'static str, PathBuf, AtomicBool);

impl backstop_core::resource::TrackedResource for Logged {
    fn kind(&self) -> Kind {
        KIND
    }
    fn label(&self) -> std::borrow::Cow<'static, str> {
        self.0.into()
    }
    fn blocking(&self) -> Blocking {
        Blocking::Never
    }
    fn release(
        &self,
        _: &backstop_core::resource::Step,
    ) -> Result<backstop_core::resource::Progress, Error> {
        let mut log = std::fs::OpenOptions::new();
        let log = log.create(true).append(true).open(&self.1);
        log.and_then(|mut log| writeln!(log, "{}", self.0))
            .map_err(|error| Error::io(Stage::Release, "it cannot be written down", error))?;
        self.2.store(true, Ordering::Relaxed);
        Ok(backstop_core::resource::Progress::Done)
    }
    fn verify(&self) -> backstop_core::resource::Presence {
        match self.2.load(Ordering::Relaxed) {
            true => backstop_core::resource::Presence::Gone,
            false => backstop_core::resource::Presence::Present { holder: None },
        }
    }
}

fn wait_for_signals() -> ! {
    shutdown::on_signals(ShutdownOptions::default()).unwrap();
    role::say("ready");
    role::wait_to_be_killed()
}

#[test]
fn a_signal_releases_in_order_and_then_has_its_effect() {
    if role::assigned().is_some() {
        let _guards = ["first", "second", "third"].map(logged);
        let _directory = TestDirectory::open(&Backstop::global(), &place());
        wait_for_signals();
    }
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let scene = Scene::new();
        let status = scene.signalled("owner", &[signal]);
        assert_eq!(status.signal(), Some(signal.number()), "{status}");
        assert_eq!(scene.log(), ["third", "second", "first"]);
        assert_eq!(scene.left(), Vec::<String>::new());
    }
}

/// Hangs when it is asked, and is released when it is forced.
fn hanging() -> Tracked<Asked> {
    let policy = CleanupPolicy::default().with_deadline(Rung::Ask, Duration::from_secs(300));
    Backstop::global().set_policy(Scripted::KIND, policy);
    let script = Script::default().on(Rung::Ask, [Act::Never]);
    let (scripted, remote) = Scripted::following("hanging", script);
    backstop_core::track(Asked(scripted, remote))
}

/// A scripted resource that says when it is asked, and when it is forced.
struct Asked(
    Scripted,
    #[expect(dead_code, reason = "kept so that it hangs")] backstop_testkit::scripted::Remote,
);

impl backstop_core::resource::TrackedResource for Asked {
    fn kind(&self) -> Kind {
        self.0.kind()
    }
    fn label(&self) -> std::borrow::Cow<'static, str> {
        self.0.label()
    }
    fn release(
        &self,
        step: &backstop_core::resource::Step,
    ) -> Result<backstop_core::resource::Progress, Error> {
        if step.rung != Rung::Insist {
            role::say("asked");
        }
        self.0.release(step)
    }
    fn verify(&self) -> backstop_core::resource::Presence {
        self.0.verify()
    }
}

#[test]
fn a_second_signal_skips_to_force() {
    if role::assigned().is_some() {
        let _first = logged("beside");
        let _hanging = hanging();
        shutdown::on_signals(ShutdownOptions {
            deadline: Duration::from_secs(600),
            force_deadline: Duration::from_secs(60),
        })
        .unwrap();
        role::say("ready");
        role::wait_to_be_killed();
    }
    let scene = Scene::new();
    let status = scene.signalled("owner", &[Signal::TERM, Signal::TERM]);
    assert_eq!(status.signal(), Some(Signal::TERM.number()), "{status}");
    assert_eq!(scene.log(), ["beside"]);
    assert_eq!(scene.left(), Vec::<String>::new());
}

#[test]
fn a_third_signal_ends_the_program_whatever_hangs() {
    if role::assigned().is_some() {
        let policy = CleanupPolicy::default()
            .with_deadline(Rung::Ask, Duration::from_secs(300))
            .with_deadline(Rung::Force, Duration::from_secs(3000));
        Backstop::global().set_policy(Scripted::KIND, policy);
        let rungs = Rung::ALL.iter();
        let script = rungs.fold(Script::default(), |script, rung| {
            script.on(*rung, [Act::Never])
        });
        let (scripted, remote) = Scripted::following("hanging", script);
        let _hanging = backstop_core::track(Asked(scripted, remote));
        shutdown::on_signals(ShutdownOptions {
            deadline: Duration::from_secs(6000),
            force_deadline: Duration::from_secs(6000),
        })
        .unwrap();
        role::say("ready");
        role::wait_to_be_killed();
    }
    let scene = Scene::new();
    let status = scene.signalled("owner", &[Signal::TERM, Signal::TERM, Signal::TERM]);
    assert_eq!(status.signal(), Some(Signal::TERM.number()), "{status}");
}

#[test]
fn exit_releases_what_is_open_and_takes_the_ledger_away() {
    if role::assigned().is_some() {
        let _guards = (logged("first"), logged("second"));
        let _directory = TestDirectory::open(&Backstop::global(), &place());
        #[expect(clippy::exit, reason = "what is tested")]
        std::process::exit(3);
    }
    let scene = Scene::new();
    let status = Actor::start(&mut scene.actor("owner")).wait();
    assert_eq!(status.code(), Some(3), "{status}");
    assert_eq!(scene.log(), ["second", "first"]);
    assert_eq!(scene.left(), Vec::<String>::new());
}

#[test]
fn exit_waits_for_what_a_dropped_guard_left_to_the_background() {
    if role::assigned().is_some() {
        let policy = CleanupPolicy::default().with_drop_patience(Duration::ZERO);
        Backstop::global().set_policy(KIND, policy);
        let path = place().join("log");
        let (exit, exits) = std::sync::mpsc::channel::<()>();
        drop(backstop_core::track_with(KIND, "slow", (), move |()| {
            // Not before the test function is over; then a while, for which the exit has to wait. However
            // slow the machine, what is right does not fail.
            let _ = exits.recv();
            std::thread::sleep(Duration::from_millis(300));
            std::fs::write(path, "slow")
        }));
        drop(exit);
        return;
    }
    let scene = Scene::new();
    let status = Actor::start(&mut scene.actor("owner")).wait();
    assert!(status.success(), "{status}");
    assert_eq!(scene.log(), ["slow"]);
    assert_eq!(scene.left(), Vec::<String>::new());
}

#[test]
fn the_deadline_of_on_signals_holds_at_exit_too() {
    if role::assigned().is_some() {
        shutdown::on_signals(ShutdownOptions {
            deadline: Duration::from_millis(10),
            ..ShutdownOptions::default()
        })
        .unwrap();
        let path = place().join("log");
        let slow = backstop_core::track_with(KIND, "slow", (), move |()| {
            // Within the default deadline, and far beyond the one that was set.
            std::thread::sleep(Duration::from_secs(8));
            std::fs::write(path, "slow")
        });
        #[expect(clippy::mem_forget, reason = "so that it is open at exit")]
        std::mem::forget(slow);
        return;
    }
    let scene = Scene::new();
    let status = Actor::start(&mut scene.actor("owner")).wait();
    assert!(status.success(), "{status}");
    assert_eq!(scene.log(), Vec::<String>::new());
}
