//! The check for leaks of a test's body: each sort of leak is planted in a process of its own and
//! found, and bodies that leave nothing, or nothing every time, pass.

use std::fs::File;
use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};

use backstop_core::assert_no_leaks;
use backstop_core::monitor::{LeakCheck, LeakReport};
use backstop_core::release::{Backstop, Owned, Tracked, Tracking};
use backstop_core::resource::Kind;
use backstop_testkit::role::{self, Actor};

const KIND: Kind = Kind::new("test.thing");

fn thing() -> Tracked<Owned<()>> {
    Backstop::global().track_with(KIND, "thing", (), |()| Ok::<_, io::Error>(()))
}

/// Runs the check in a process of its own, in which nothing else runs, and gives what it tells: one
/// line for each leak. `plant` is only called there.
fn told(plant: impl FnOnce(LeakCheck) -> LeakReport) -> Option<Vec<String>> {
    if role::assigned().is_some() {
        let report = plant(LeakCheck::new().whole_process());
        for leak in &report.leaks {
            role::say(&leak.to_string());
        }
        role::say(&format!("not compared: {:?}", report.not_compared));
        return None;
    }
    let mut command = role::command("checked").expect("libtest runs the test");
    let mut actor = Actor::start(&mut command);
    let mut lines: Vec<_> = std::iter::from_fn(|| actor.next_line()).collect();
    assert!(actor.wait().success());
    // So that a check that could not look is not taken for one that found nothing.
    assert_eq!(lines.pop().as_deref(), Some("not compared: []"));
    Some(lines)
}

fn assert_one(lines: &[String], start: &str, part: &str) {
    let [line] = lines else { panic!("{lines:?}") };
    assert!(line.starts_with(start) && line.contains(part), "{line}");
    assert!(line.contains("leak_check.rs:"), "no place: {line}");
}

/// Threads that live until it is dropped.
#[derive(Default)]
struct Sleepers(Vec<Sender<()>>);

impl Sleepers {
    fn start(&mut self, name: &str) {
        let (sender, receiver) = channel::<()>();
        let named = std::thread::Builder::new().name(name.to_owned());
        named
            .spawn(move || {
                let _ = receiver.recv();
            })
            .expect("a thread can be started");
        self.0.push(sender);
    }
}

/// Children that are killed when it is dropped.
#[derive(Default)]
struct Children(Vec<Child>);

impl Children {
    fn start(&mut self, program: &str, argument: &str) {
        let child = Command::new(program).arg(argument).spawn();
        self.0.push(child.expect("a child can be started"));
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_planted_resource_is_named_with_its_place() {
    let mut kept = Vec::new();
    let Some(lines) = told(|check| check.run(|| kept.push(thing()))) else {
        return;
    };
    assert_one(
        &lines,
        "3 × resource test.thing from ",
        "thing, thing, thing",
    );
}

#[test]
fn a_planted_resource_of_another_thread_is_found() {
    let mut kept = Vec::new();
    let body = || kept.push(std::thread::spawn(thing).join().unwrap());
    let Some(lines) = told(|check| check.run(body)) else {
        return;
    };
    assert_one(&lines, "3 × resource test.thing from ", "thing");
}

#[test]
fn a_planted_file_is_found() {
    let mut kept = Vec::new();
    let Some(lines) = told(|check| check.run(|| kept.push(File::open("/dev/null").unwrap())))
    else {
        return;
    };
    assert_one(&lines, "3 × handle file from ", "/dev/null");
}

#[test]
fn a_planted_socket_is_found() {
    let mut kept = Vec::new();
    let body = || kept.push(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let Some(lines) = told(|check| check.run(body)) else {
        return;
    };
    assert_one(&lines, "3 × handle socket from ", "socket:[");
}

#[test]
fn a_planted_thread_is_found() {
    let mut kept = Sleepers::default();
    let Some(lines) = told(|check| check.run(|| kept.start("planted"))) else {
        return;
    };
    assert_one(&lines, "3 × thread from ", "planted");
}

#[test]
fn a_planted_child_is_found() {
    let mut kept = Children::default();
    let Some(lines) = told(|check| check.run(|| kept.start("sleep", "600"))) else {
        return;
    };
    assert_one(&lines, "3 × child from ", "sleep");
}

#[test]
fn a_child_that_is_never_reaped_is_found() {
    let mut kept = Children::default();
    let Some(lines) = told(|check| check.run(|| kept.start("true", "x"))) else {
        return;
    };
    assert_one(&lines, "3 × child from ", "not reaped");
}

#[test]
fn a_planted_temp_file_of_this_process_is_found() {
    let mut number = 0;
    let mut kept = Vec::new();
    let lines = told(|check| {
        check.run(|| {
            number += 1;
            let name = format!("leak-check-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, "left").unwrap();
            kept.push(path);
        })
    });
    for path in kept {
        std::fs::remove_file(path).unwrap();
    }
    if let Some(lines) = lines {
        assert_one(&lines, "3 × temp file from ", "leak-check-");
    }
}

#[test]
fn what_is_left_in_a_watched_directory_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let mut number = 0;
    let lines = told(|check| {
        check.watch(directory.path()).run(|| {
            number += 1;
            std::fs::write(directory.path().join(number.to_string()), "left").unwrap();
        })
    });
    if let Some(lines) = lines {
        assert_one(&lines, "3 × temp file from ", "/2");
    }
}

#[test]
fn several_sorts_are_found_at_once() {
    let mut things = Vec::new();
    let mut files = Vec::new();
    let mut threads = Sleepers::default();
    let lines = told(|check| {
        check.run(|| {
            things.push(thing());
            files.push(File::open("/dev/null").unwrap());
            threads.start("planted");
        })
    });
    if let Some(lines) = lines {
        assert_eq!(lines.len(), 3, "{lines:?}");
    }
}

#[test]
fn a_body_that_lets_everything_go_passes() {
    let directory = tempfile::tempdir().unwrap();
    let lines = told(|check| {
        check.watch(directory.path()).run(|| {
            let _thing = thing();
            let _file = File::open("/dev/null").unwrap();
            let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            std::thread::spawn(|| ()).join().unwrap();
            let _children = {
                let mut children = Children::default();
                children.start("sleep", "600");
                children
            };
            let path = directory.path().join("file");
            std::fs::write(&path, "gone").unwrap();
            std::fs::remove_file(&path).unwrap();
        })
    });
    if let Some(lines) = lines {
        assert_eq!(lines, [""; 0]);
    }
}

#[test]
fn what_goes_a_moment_later_passes() {
    let lines = told(|check| {
        check.run(|| {
            let file = File::open("/dev/null").unwrap();
            // Within the time that things have to settle, and after the body's end.
            std::thread::spawn(move || {
                std::thread::sleep(LeakCheck::SETTLE / 10);
                drop(file);
            });
        })
    });
    if let Some(lines) = lines {
        assert_eq!(lines, [""; 0]);
    }
}

#[test]
fn what_is_set_up_at_a_first_use_or_a_second_passes() {
    let mut runs = 0;
    let mut kept = Vec::new();
    let mut threads = Sleepers::default();
    let lines = told(|check| {
        check.run(|| {
            runs += 1;
            // The run that warms up is the first.
            if runs <= 2 {
                kept.push((thing(), File::open("/dev/null").unwrap()));
                threads.start("pool");
            }
        })
    });
    if let Some(lines) = lines {
        assert_eq!(lines, [""; 0]);
    }
}

#[test]
fn what_is_allowed_passes() {
    let mut things = Vec::new();
    let mut files = Vec::new();
    let mut threads = Sleepers::default();
    let mut children = Children::default();
    let lines = told(|check| {
        check
            .allow_kind(KIND)
            .allow_handles("/dev/null")
            .allow_threads("a name longer than the kernel keeps")
            .allow_children("sleep")
            .run(|| {
                things.push(thing());
                files.push(File::open("/dev/null").unwrap());
                threads.start("a name longer than the kernel keeps");
                children.start("sleep", "600");
            })
    });
    if let Some(lines) = lines {
        assert_eq!(lines, [""; 0]);
    }
}

#[test]
fn between_two_lines_anything_left_is_a_leak() {
    let lines = told(|check| {
        let scope = check.begin();
        std::mem::drop(thing());
        let kept = thing();
        let report = scope.finish();
        drop(kept);
        report
    });
    if let Some(lines) = lines {
        assert_one(&lines, "1 × resource test.thing from ", "thing");
    }
}

/// These run beside each other under plain `cargo test`, as its users' tests do.
mod beside_others {
    use super::*;

    fn backstop() -> Backstop {
        Backstop::builder().tracking(Tracking::Anonymous).start()
    }

    #[test]
    fn what_this_thread_left_is_found_and_the_rest_is_disclosed() {
        let backstop = backstop();
        let mut kept = Vec::new();
        let report = LeakCheck::new().this_thread().run(|| {
            kept.push(backstop.track_with(KIND, "kept", (), |()| Ok::<_, io::Error>(())));
        });
        let [leak] = &report.leaks[..] else {
            panic!("{report}");
        };
        assert_eq!((leak.what.as_str(), leak.count), ("test.thing", 3));
        assert_eq!(report.not_compared.len(), 3, "{report}");
    }

    #[test]
    fn a_child_of_this_thread_is_found() {
        let mut kept = Children::default();
        let report = LeakCheck::new()
            .this_thread()
            .run(|| kept.start("sleep", "600"));
        assert_eq!(report.leaks.len(), 1, "{report}");
    }

    #[test]
    fn what_others_do_meanwhile_is_not_this_tests_leak() {
        let mut kept = Vec::new();
        LeakCheck::new().this_thread().assert(|| {
            let other = std::thread::spawn(|| {
                let mut children = Children::default();
                children.start("sleep", "600");
                (thing(), File::open("/dev/null").unwrap(), children)
            });
            // Its thread has ended: its children are this thread's only if the kernel says so.
            kept.push(other);
        });
        let others = kept.into_iter().map(|other| other.join().unwrap());
        assert_eq!(others.count(), 4);
    }

    #[test]
    fn the_macro_takes_a_block_and_a_closure() {
        assert_no_leaks!({
            drop(thing());
        });
        assert_no_leaks!(|| drop(thing()));
        let panic = std::panic::catch_unwind(|| {
            let mut kept = Vec::new();
            assert_no_leaks!({
                kept.push(thing());
            });
        });
        let message = panic.unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("3 × resource test.thing"), "{message}");
    }
}
