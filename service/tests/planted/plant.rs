//! What is planted.

use std::fs::File;
use std::hint::black_box;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::monitor::Limits;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Owned, Tracked};
use backstop_core::resource::{Bytes, Footprint, Kind, Rung};
use backstop_testkit::scripted::{Act, Script, Scripted};

use crate::program::{WARM_UP, WINDOW, samples};

/// What is planted in a program: leaks, and what only resembles one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    Memory,
    Retained,
    Handles,
    Threads,
    Stacks,
    Children,
    HeldConnection,
    Connections,
    Cache,
    Orphan,
    OrphanedTimer,
    OverLifetime,
    Stuck,
    AllowedHold,
    Pool,
    FilledCache,
    Sawtooth,
}

/// Grows by one piece, after the sample with this number.
pub(crate) type Grow = Box<dyn FnMut(u32)>;

const CONNECTION: Kind = Kind::new("db.connection");
const CACHE: Kind = Kind::new("memory.cache");
const DIRECTORY: Kind = Kind::new("tempfs.dir");
const TIMER: Kind = Kind::new("process.timer");
const SESSION: Kind = Kind::new("webdriver.session");

const PIECE: usize = 512 << 10;
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_secs(1);

impl Plant {
    /// Limits that a few seconds of leaking exceed.
    pub(crate) fn limits(self) -> Limits {
        let limits = Limits::default()
            .with_warm_up(WARM_UP)
            .with_window(WINDOW)
            .and_then(|limits| limits.with_growth(Bytes::megabytes(8)))
            .and_then(|limits| limits.with_count_growth(10))
            .unwrap();
        let is_held = matches!(self, Self::HeldConnection | Self::AllowedHold);
        let limits = limits
            .with_idle(if is_held { SHORT } else { LONG })
            .unwrap();
        let lifetime = (self == Self::OverLifetime).then_some(SHORT);
        limits.with_lifetime(lifetime).unwrap()
    }

    /// Plants the start, and returns what makes it grow.
    pub(crate) fn planted(self, backstop: Backstop) -> Grow {
        match self {
            Self::Memory => growing(|_| vec![1_u8; PIECE]),
            Self::Retained => retained(),
            Self::Handles => growing(|_| File::open("/dev/null").unwrap()),
            Self::Threads => growing(|_| parked(false)),
            Self::Stacks => growing(|_| parked(true)),
            Self::Children => growing(|_| Sleeper::start()),
            Self::HeldConnection => {
                let held = tracked(backstop, CONNECTION);
                Box::new(move |_| _ = black_box(&held))
            }
            Self::Connections => growing(move |_| tracked(backstop, CONNECTION)),
            Self::Cache => cache(backstop, |_| true),
            Self::FilledCache => {
                let fills = samples(WARM_UP)..samples(WARM_UP + WINDOW / 3);
                cache(backstop, move |number| fills.contains(&number))
            }
            Self::Orphan => left_behind(backstop, DIRECTORY),
            Self::OrphanedTimer => left_behind(backstop, TIMER),
            Self::OverLifetime => {
                let used = tracked(backstop, SESSION);
                Box::new(move |_| used.touch())
            }
            Self::Stuck => stuck(backstop),
            Self::AllowedHold => {
                let policy = CleanupPolicy::default().with_idle_limit(LONG);
                backstop.set_policy(CONNECTION, policy);
                let (idle, used) = (tracked(backstop, CONNECTION), tracked(backstop, SESSION));
                Box::new(move |_| {
                    black_box(&idle);
                    used.touch();
                })
            }
            Self::Pool => {
                let mut pool = Vec::new();
                Box::new(move |number| {
                    if number == samples(WARM_UP + WINDOW / 2) {
                        pool.extend((0..40).map(|_| parked(false)));
                    }
                })
            }
            Self::Sawtooth => {
                let mut held = Vec::new();
                Box::new(move |number| {
                    if number % samples(WINDOW / 4) == 0 {
                        held.clear();
                    }
                    held.push(vec![1_u8; 3 * PIECE]);
                })
            }
        }
    }
}

/// Keeps one more each time.
fn growing<T: 'static>(mut next: impl FnMut(u32) -> T + 'static) -> Grow {
    let mut kept = Vec::new();
    Box::new(move |number| kept.push(next(number)))
}

/// Each time it needs more than before for a moment, and keeps the last piece: the allocator cannot
/// return anything from its end.
fn retained() -> Grow {
    const CHUNK: usize = 16 << 10;
    let mut crumbs = Vec::new();
    Box::new(move |number| {
        let mut chunks: Vec<_> = (0..24 * number).map(|_| vec![1_u8; CHUNK]).collect();
        crumbs.extend(chunks.pop());
        drop(black_box(chunks));
    })
}

/// A thread that waits for ever, having used much of its stack or not.
fn parked(fills_stack: bool) -> std::thread::JoinHandle<()> {
    let (began, begins) = channel();
    let thread = std::thread::spawn(move || {
        if fills_stack {
            fill_stack();
        }
        began.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    begins.recv().unwrap();
    thread
}

/// In its own function: the caller's stack stays small until then.
#[inline(never)]
fn fill_stack() {
    black_box([1_u8; PIECE]);
}

/// A child that is not reaped until the program ends.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = Command::new("sleep");
        let command = command
            .arg("600")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn tracked(backstop: Backstop, kind: Kind) -> Tracked<Owned<()>> {
    backstop.track_with(kind, "planted", (), |()| Ok::<_, std::io::Error>(()))
}

fn cache(backstop: Backstop, mut has_more: impl FnMut(u32) -> bool + 'static) -> Grow {
    let entry = tracked(backstop, CACHE);
    let mut held = Vec::new();
    Box::new(move |number| {
        if has_more(number) {
            held.push(vec![1_u8; 2 * PIECE]);
        }
        let bytes = held.len() * 2 * PIECE;
        entry.set_footprint(Footprint::bytes(Bytes(bytes as u64)));
    })
}

/// What a thread opened and moved elsewhere before it ended.
fn left_behind(backstop: Backstop, kind: Kind) -> Grow {
    let opener = std::thread::spawn(move || tracked(backstop, kind));
    let left = opener.join().unwrap();
    Box::new(move |_| left.touch())
}

fn stuck(backstop: Backstop) -> Grow {
    let policy = CleanupPolicy::default().with_retries(0);
    backstop.set_policy(Scripted::KIND, policy);
    let mut kept = Vec::new();
    Box::new(move |number| {
        let mut script = Script::default();
        // So rarely that those that stay are no growth by themselves.
        if number % 40 == 0 {
            let rungs = Rung::ALL.iter();
            script = rungs.fold(script, |script, rung| script.on(*rung, [Act::Fail]));
        }
        let (scripted, remote) = Scripted::following("planted", script);
        drop(backstop.track(scripted));
        kept.push(remote);
    })
}
