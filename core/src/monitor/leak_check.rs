//! Whether code leaves anything behind: for the tests of programs.

mod allowed;
mod belongings;
mod leftover;
mod reach;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use reach::Reach;
pub use report::{Leak, LeakReport, LeakSort};

use crate::release::{Backstop, OpeningBook};
use crate::resource::{Kind, Site};
use allowed::Allowed;
use belongings::Belongings;

/// A check that code leaves nothing behind: resources, file descriptors, threads, children, temp
/// files.
///
/// The body runs once to warm up, because what is initialised at the first use is not a leak, and
/// then three times. Anything that is left afterwards **as often as the body ran** is a leak; a
/// cache that fills at the second run is not. Anything that takes a moment to disappear has half a
/// second.
///
/// # Guarantees
/// A leaked resource is reported with the place in the code that opened it. Whatever cannot be
/// compared is [listed](LeakReport::not_compared), never silently skipped.
///
/// # When it does not hold
/// Descriptors, threads and temp files belong to the process, and nothing shows which of several
/// tests opened one. They are therefore only compared if the test has its process to itself: under
/// nextest, which the check detects, or if [`whole_process`](Self::whole_process) was called. Under
/// plain `cargo test`, only what this thread did is compared: the resources that it tracked and the
/// children that it started. The kernel reassigns the children of a thread that ends to another
/// one, so a test that ends with children left can affect another test there.
///
/// Temp files are compared if their name contains this process's PID, because other tests' files
/// are in the same directory; and so is everything in directories added with
/// [`watch`](Self::watch).
///
/// # Examples
/// ```
/// use backstop_core::monitor::LeakCheck;
///
/// LeakCheck::new().assert(|| {
///     let file = std::fs::File::open("/dev/null").unwrap();
///     drop(file);
/// });
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until a body runs"]
pub struct LeakCheck {
    site: Site,
    backstop: Option<Backstop>,
    repetitions: u32,
    warm_ups: u32,
    settle: Duration,
    reach: Reach,
    watched: Vec<PathBuf>,
    allowed: Allowed,
}

/// A check of the code between two lines, instead of a body.
///
/// Nothing is repeated, so anything that is left is a leak.
#[derive(Debug)]
#[must_use = "nothing is checked until it is finished"]
pub struct LeakScope {
    check: LeakCheck,
    before: Belongings,
    book: OpeningBook,
}

impl Default for LeakCheck {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl LeakCheck {
    fn belongings(&self) -> Belongings {
        Belongings::now(self.reach, self.backstop, &self.watched)
    }

    /// The longest time that anything may take to disappear.
    pub const SETTLE: Duration = Duration::from_millis(500);
    /// The longest pause between two checks.
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);

    /// A check with one warm-up run and three runs that count.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            site: Site::caller(),
            backstop: None,
            repetitions: 3,
            warm_ups: 1,
            settle: Self::SETTLE,
            reach: Reach::found(),
            watched: Vec::new(),
            allowed: Allowed::default(),
        }
    }

    /// How often the body runs after the warm-up; at least once. Default: 3.
    pub fn repetitions(mut self, count: u32) -> Self {
        self.repetitions = count.max(1);
        self
    }

    /// How often the body runs before anything counts. Default: 1.
    pub fn warm_ups(mut self, count: u32) -> Self {
        self.warm_ups = count;
        self
    }

    /// How long anything may take to disappear; at most [`LeakCheck::SETTLE`], which is the
    /// default.
    pub fn settle(mut self, duration: Duration) -> Self {
        self.settle = duration.min(Self::SETTLE);
        self
    }

    /// Declares that only the body runs in this process: `--test-threads=1`, or a program of its
    /// own.
    pub fn whole_process(mut self) -> Self {
        self.reach = Reach::Process;
        self
    }

    /// Declares that other code runs in this process: only what this thread did is compared.
    pub fn this_thread(mut self) -> Self {
        self.reach = Reach::Thread;
        self
    }

    /// Also compares the resources of this backstop. Default: the process's own.
    ///
    /// Those that the calling thread opens are always compared.
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// Also compares the contents of a directory that only this test uses.
    pub fn watch(mut self, directory: impl Into<PathBuf>) -> Self {
        self.watched.push(directory.into());
        self
    }

    /// Allows threads whose names start with `prefix` to be left. The kernel keeps 15 bytes of a
    /// name.
    pub fn allow_threads(mut self, prefix: impl Into<String>) -> Self {
        self.allowed.threads.push(prefix.into());
        self
    }

    /// Allows file descriptors whose path or description contains `text` to be left.
    pub fn allow_handles(mut self, text: impl Into<String>) -> Self {
        self.allowed.handles.push(text.into());
        self
    }

    /// Allows children whose program's name starts with `prefix` to be left. The kernel keeps 15
    /// bytes of a name.
    pub fn allow_children(mut self, prefix: impl Into<String>) -> Self {
        self.allowed.children.push(prefix.into());
        self
    }

    /// Allows resources of this kind to be left.
    pub fn allow_kind(mut self, kind: Kind) -> Self {
        self.allowed.kinds.push(kind);
        self
    }

    /// Allows temp files whose path contains `text` to be left.
    pub fn allow_files(mut self, text: impl Into<String>) -> Self {
        self.allowed.files.push(text.into());
        self
    }

    /// Runs the body as often as set, and reports what it leaves. A panic of the body is
    /// propagated.
    pub fn run(mut self, mut body: impl FnMut()) -> LeakReport {
        self.prepare();
        for _ in 0..self.warm_ups {
            body();
        }
        let scope = self.start();
        for _ in 0..scope.check.repetitions {
            body();
        }
        scope.finish()
    }

    /// Runs the body as often as set.
    ///
    /// # Panics
    /// It leaves something; the message names what, how often, and the place in the code.
    #[track_caller]
    pub fn assert(self, body: impl FnMut()) {
        self.run(body).assert();
    }

    /// Starts a check of the code up to [`finish`](LeakScope::finish).
    pub fn begin(mut self) -> LeakScope {
        self.repetitions = 1;
        self.prepare();
        self.start()
    }

    /// Initialises what is initialised at a first use, before anything is compared.
    fn prepare(&mut self) {
        if self.reach == Reach::Process && self.backstop.is_none() {
            self.backstop = Some(Backstop::global());
        }
    }

    fn start(self) -> LeakScope {
        LeakScope {
            before: self.belongings(),
            book: OpeningBook::open(),
            check: self,
        }
    }

    /// Checks immediately, then after pauses that double, until `is_done` or the time is up.
    fn wait_until(&self, mut is_done: impl FnMut() -> bool) {
        let late = Instant::now() + self.settle;
        let mut pause = Duration::from_micros(1);
        while !is_done() {
            let left = late.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // There is no event to wait for: threads, children and descriptors end without
            // notification.
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Self::LONGEST_PAUSE);
        }
    }
}

impl LeakScope {
    /// Reports what is left.
    #[must_use = "a report can name leaks"]
    pub fn finish(self) -> LeakReport {
        let mut leaks = Vec::new();
        self.check.wait_until(|| {
            leaks = leftover::leaks(&self.check, &self.before, &self.book.read());
            leaks.is_empty()
        });
        LeakReport {
            site: self.check.site.to_string(),
            repetitions: self.check.repetitions,
            leaks,
            not_compared: self.before.not_compared,
        }
    }
}

/// Checks that a body leaves nothing behind: `LeakCheck::new().assert(…)` with the body as written.
/// See [`LeakCheck`](crate::monitor::LeakCheck) for what is compared, and for settings.
///
/// # Examples
/// ```
/// backstop_core::assert_no_leaks!({
///     let name = String::from("gone at the end of each run");
///     assert!(!name.is_empty());
/// });
/// ```
///
/// A resource that is left:
/// ```should_panic
/// # use backstop_core::{resource::Kind, track_with};
/// let mut kept = Vec::new();
/// backstop_core::assert_no_leaks!({
///     kept.push(track_with(Kind::new("example.thing"), "kept", (), |()| Ok::<_, std::io::Error>(())));
/// });
/// ```
#[macro_export]
macro_rules! assert_no_leaks {
    ($body:block) => {
        $crate::monitor::LeakCheck::new().assert(|| $body)
    };
    ($body:expr) => {
        $crate::monitor::LeakCheck::new().assert($body)
    };
}
