//! What core promises of every tracked resource, for each kind of this adapter.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::Tracked;
use backstop_core::resource::{Presence, TrackedResource};
use backstop_core::tree::TreeReclaimer;
use backstop_process::{ChildProcess, Server, Timer, Worker};
use backstop_testkit::conformance::{self, Hold, Subject};
use backstop_testkit::subjects::processes::{Processes, own_directory, two, working_in};

/// A kind of thread that counts itself in and out, and can be made not to listen.
struct Threads<R: TrackedResource> {
    name: &'static str,
    open: fn(&Backstop, u64) -> Tracked<R>,
    label: fn(&R) -> String,
    /// Whether it comes to the place where it hangs without being asked to stop.
    hangs_by_itself: bool,
    /// Whether it runs on when its value is dropped.
    outlives_its_value: bool,
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
            // Threads live at most as long as their process.
            false => Path::new("/proc").join(pid).exists(),
        };
        match is_there {
            true => Presence::present(trace),
            false => Presence::Gone,
        }
    }
    fn outlives_its_value(&self) -> bool {
        self.outlives_its_value
    }
    fn hold(&self, resource: &Tracked<R>) -> Hold {
        let number = (self.label)(resource).parse().unwrap();
        DEAF.lock().unwrap().push(number);
        while self.hangs_by_itself && !HANGING.lock().unwrap().contains(&number) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Hold::Held(Box::new(Listening(number)))
    }
}

/// Servers: their child is a resource of its own, and this one is the thread that watches it.
struct Servers;

impl Subject for Servers {
    type Resource = Server;

    fn name(&self) -> &'static str {
        "process.server"
    }
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<Server> {
        let own = own_directory(place);
        let name = format!("server-{} {}", new_number(), own.display());
        let builder = Server::builder(name, move || two(&own));
        builder.start_on(backstop).unwrap()
    }
    fn trace(&self, server: &Server) -> String {
        format!("{} {}", std::process::id(), server.label())
    }
    fn look(&self, trace: &str) -> Presence {
        let mut words = trace.split(' ');
        let [pid, thread, directory] = [(); 3].map(|()| words.next().unwrap());
        let owner = Path::new("/proc").join(pid);
        if pid.parse() != Ok(std::process::id()) {
            // Threads live exactly as long as their process; the child's fate is `leftovers`.
            return match owner.exists() {
                true => Presence::present(trace),
                false => Presence::Gone,
            };
        }
        let threads = std::fs::read_dir(owner.join("task")).unwrap();
        // A thread's name is cut to fifteen bytes.
        let watches = threads
            .map_while(Result::ok)
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok())
            .any(|name| name.split_whitespace().next() == Some(thread));
        match watches || !working_in(Path::new(directory)).is_empty() {
            true => Presence::present(trace),
            false => Presence::Gone,
        }
    }
    fn reclaimers(&self) -> Reclaimers {
        Reclaimers::new().with(TreeReclaimer)
    }
    fn leftovers(&self, place: &Path) -> Vec<String> {
        working_in(place)
    }
    fn outlives_its_value(&self) -> bool {
        false
    }
}

const GONE: &str = "releasing what is gone already is fine";
const DISMISSED: &str = "dismiss keeps it and forgets it";
const HELD: &str = "what is held is stuck, named, and holds up no other";

#[test]
fn all_kinds_conform() {
    let children = Processes::<ChildProcess> {
        name: "process.child",
        open: |backstop, command| {
            let builder = ChildProcess::builder(command);
            builder.spawn_on(backstop).unwrap()
        },
        pid: ChildProcess::pid,
        reclaimers: || Reclaimers::new().with(TreeReclaimer),
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
        outlives_its_value: false,
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
        outlives_its_value: false,
    };
    let reports = [
        // SIGKILL ends every process: nothing holds one that a test could make.
        (conformance::check(&children), &[HELD] as &[&str]),
        // A thread ends with its body only: nothing outside of it can end or keep it.
        (conformance::check(&workers), &[GONE, DISMISSED]),
        (conformance::check(&timers), &[GONE, DISMISSED]),
        (conformance::check(&Servers), &[GONE, DISMISSED, HELD]),
        #[cfg(feature = "tokio")]
        (conformance::check(&tasks()), &[GONE, DISMISSED]),
    ];
    let mut checked: BTreeSet<String> = reports
        .each_ref()
        .map(|(report, _)| report.suite.clone())
        .into();
    for (report, not_applicable) in reports {
        report.assert_all_but(not_applicable);
    }
    // Without the feature there is no such kind to check.
    checked.insert("process.task".into());
    // Its guard is within a `ProcessWorker`: `process_worker::tests::a_process_worker_conforms`.
    checked.insert("process.worker".into());
    // The tree of a run is everything beneath its supervisor, and a process has one: no two can be open
    // at once, as the suite wants. It has no guard that a user holds, only its reclaimer; what the suite
    // asks of a killed owner is asked of it in cli/tests/run_rounds.rs and run_tree.rs.
    checked.insert("process.run".into());
    assert_eq!(conformance::kinds_of(env!("CARGO_MANIFEST_DIR")), checked);
}

#[cfg(feature = "tokio")]
fn tasks() -> Threads<backstop_process::Task> {
    static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
        std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    Threads {
        name: "process.task",
        open: |backstop, number| {
            let here = Here::enter(number);
            let (runtime, name) = (RUNTIME.handle(), number.to_string());
            backstop_process::Task::spawn(backstop, runtime, name, None, |token| async move {
                token.cancelled().await;
                here.hangs();
            })
        },
        label: |task| task.label().into_owned(),
        hangs_by_itself: false,
        outlives_its_value: false,
    }
}
