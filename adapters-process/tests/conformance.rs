//! What core promises of every tracked resource, for each kind of this adapter.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::any::Any;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::Tracked;
use backstop_core::resource::{Presence, TrackedResource};
use backstop_core::tree::TreeReclaimer;
use backstop_process::{ChildProcess, Timer, Worker};
use backstop_testkit::conformance::{self, Subject};

/// A kind whose processes work in a directory of their own, by which they are found.
struct Processes<R: TrackedResource> {
    name: &'static str,
    open: fn(&Backstop, Command) -> Tracked<R>,
    pid: fn(&R) -> u32,
    has_recipe: bool,
}

/// A leader that waits for one in a session of its own.
fn two(place: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "setsid sleep 2001 & sleep 2002"])
        .current_dir(place);
    command
}

fn working_in(place: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().map_while(Result::ok);
    processes
        .filter(|entry| {
            let directory = entry.path().join("cwd").read_link();
            directory.is_ok_and(|directory| directory.starts_with(place))
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.parse::<u32>().is_ok())
        .collect()
}

/// The control group that was made for it.
fn group_of(pid: &str) -> Option<PathBuf> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let is_own = path.rsplit('/').next()?.starts_with("backstop-");
    let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let mut places = mounts.iter().map(|mount| Path::new(mount).join(path));
    places.find(|place| is_own && place.exists())
}

impl<R: TrackedResource> Subject for Processes<R> {
    type Resource = R;

    fn name(&self) -> &'static str {
        self.name
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<R> {
        let own = place.join(format!("{:?}", std::time::Instant::now()));
        std::fs::create_dir(&own).unwrap();
        (self.open)(backstop, two(&own))
    }
    fn trace(&self, resource: &R) -> String {
        let link = format!("/proc/{}/cwd", (self.pid)(resource));
        std::fs::read_link(link).unwrap().display().to_string()
    }
    fn look(&self, trace: &str) -> Presence {
        let found = working_in(Path::new(trace));
        match found.is_empty() {
            true => Presence::Gone,
            false => Presence::present(found.join(" ")),
        }
    }
    fn has_recipe(&self) -> bool {
        self.has_recipe
    }
    fn reclaimers(&self) -> Reclaimers {
        Reclaimers::new().with(TreeReclaimer)
    }
    fn destroy(&self, trace: &str) -> bool {
        let found = working_in(Path::new(trace));
        let groups: Vec<PathBuf> = found.iter().filter_map(|pid| group_of(pid)).collect();
        let mut left = found;
        while !left.is_empty() {
            let _ = Command::new("kill").arg("-9").args(&left).output();
            left = working_in(Path::new(trace));
        }
        for group in groups {
            // Of a dismissed child nobody else takes it away; else its release does.
            let _ = std::fs::remove_dir(group);
        }
        true
    }
    fn leftovers(&self, place: &Path) -> Vec<String> {
        working_in(place)
    }
}

/// A kind of thread that counts itself in and out, and can be made not to listen.
struct Threads<R: TrackedResource> {
    name: &'static str,
    open: fn(&Backstop, u64) -> Tracked<R>,
    label: fn(&R) -> String,
    /// Whether it comes to the place where it hangs without being asked to stop.
    hangs_by_itself: bool,
}

static PRESENT: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static HANGING: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static DEAF: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// In the list as long as it exists.
struct Here(u64);

impl Here {
    fn enter(number: u64) -> Self {
        PRESENT.lock().unwrap().push(number);
        Self(number)
    }

    fn hangs(&self) {
        while DEAF.lock().unwrap().contains(&self.0) {
            HANGING.lock().unwrap().push(self.0);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        PRESENT.lock().unwrap().retain(|other| *other != self.0);
    }
}

fn new_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

struct Listening(u64);

impl Drop for Listening {
    fn drop(&mut self) {
        DEAF.lock().unwrap().retain(|other| *other != self.0);
    }
}

impl<R: TrackedResource> Subject for Threads<R> {
    type Resource = R;

    fn name(&self) -> &'static str {
        self.name
    }
    fn open(&self, backstop: &Backstop, _: &Path) -> Tracked<R> {
        (self.open)(backstop, new_number())
    }
    fn trace(&self, resource: &R) -> String {
        format!("{} {}", std::process::id(), (self.label)(resource))
    }
    fn look(&self, trace: &str) -> Presence {
        let (pid, number) = trace.split_once(' ').unwrap();
        let is_there = match pid.parse() == Ok(std::process::id()) {
            true => PRESENT.lock().unwrap().contains(&number.parse().unwrap()),
            // Threads live exactly as long as their process at the most.
            false => Path::new("/proc").join(pid).exists(),
        };
        match is_there {
            true => Presence::present(trace),
            false => Presence::Gone,
        }
    }
    fn hold(&self, resource: &Tracked<R>) -> Option<Box<dyn Any>> {
        let number = (self.label)(resource).parse().unwrap();
        DEAF.lock().unwrap().push(number);
        while self.hangs_by_itself && !HANGING.lock().unwrap().contains(&number) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Some(Box::new(Listening(number)))
    }
}

#[test]
fn all_kinds_conform() {
    let children = Processes::<ChildProcess> {
        name: "process.child",
        open: |backstop, command| {
            let builder = ChildProcess::builder(command);
            builder.spawn_on(backstop).unwrap()
        },
        pid: ChildProcess::pid,
        has_recipe: true,
    };
    let workers = Threads::<Worker> {
        name: "process.thread",
        open: |backstop, number| {
            let here = Here::enter(number);
            let name = number.to_string();
            Worker::start(backstop, name, None, move |stop| {
                while !stop.wait(Duration::from_secs(60)) {}
                here.hangs();
            })
            .unwrap()
        },
        label: |worker| worker.name().to_owned(),
        hangs_by_itself: false,
    };
    let timers = Threads::<Timer> {
        name: "process.timer",
        open: |backstop, number| {
            let here = Here::enter(number);
            let name = number.to_string();
            Timer::every_on(backstop, name, Duration::from_millis(1), move || {
                here.hangs();
            })
            .unwrap()
        },
        label: |timer| timer.view().name,
        hangs_by_itself: true,
    };
    for report in [
        conformance::check(&children),
        conformance::check(&workers),
        conformance::check(&timers),
    ] {
        println!("{report}");
    }
}
