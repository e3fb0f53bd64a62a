//! Eight threads track and release without end, with every fault that a script has: memory and handles
//! stay flat, and everything that was opened is accounted for.
//!
//! `BACKSTOP_ROUNDS=1000 cargo test --release -p backstop-core --test soak` is the long run, of 10⁷.
#![cfg(test)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::ledger::LedgerReading;
use backstop_core::policy::{Backoff, CleanupPolicy};
use backstop_core::release::{Pool, PoolOptions, Tracked, Tracking};
use backstop_core::resource::{Blocking, Bytes, Deadline, Footprint, Recipe, Rung};
use backstop_os::{descriptors, heap, process_table};
use backstop_testkit::scripted::{Act, Look, Remote, Script, Scripted};

const THREADS: usize = 8;
/// How many are opened in a round, by all threads together.
const ROUND: u64 = 10_000;
/// How many rounds there are between two looks.
const ROUNDS_A_SAMPLE: u32 = 4;

/// What memory may grow by after the first samples, however long the run: arenas of the allocator, and
/// stacks of threads that are kept. A leak of one byte a resource would be 10 MB in the long run.
const MOST_GROWTH: u64 = 4 << 20;

/// What all threads share.
struct Soak {
    backstop: Backstop,
    pool: Pool<u8, Scripted>,
    opened: AtomicU64,
    /// How many calls of `releases` were due, and were made.
    releases: AtomicU64,
}

/// One thread's part.
struct Worker<'a> {
    soak: &'a Soak,
    random: u64,
    inbox: Receiver<Tracked<Scripted>>,
    next: Sender<Tracked<Scripted>>,
    /// Hands on what is stuck, by which it is mended.
    stuck: Vec<Remote>,
}

/// What is handed out may differ by from one sample to the next: how far the buffers and tables that are
/// kept have grown. Without the allocator's caches, which depend on how threads met each other.
const MOST_IN_USE: u64 = 1 << 20;

/// Memory and handles of this process.
#[derive(Debug, Clone, Copy)]
struct Sample {
    resident: u64,
    /// What the allocator has handed out; `None` where it cannot be asked.
    in_use: Option<u64>,
    handles: u64,
}

impl Sample {
    fn take() -> Self {
        // What is free goes back: how much of it there is depends on how the threads met each other.
        let _ = heap::trim();
        let own = process_table::stat(std::process::id() as i32).unwrap();
        Self {
            resident: own.resident_bytes,
            in_use: heap::usage().map(|heap| heap.in_use),
            handles: descriptors::open().unwrap(),
        }
    }
}

impl Soak {
    fn new(place: &std::path::Path) -> Self {
        let backoff = Backoff::new(Duration::from_micros(10), Duration::from_micros(10));
        let policy = CleanupPolicy::default()
            .with_retries(1)
            .with_backoff(backoff);
        let options = PoolOptions {
            most_per_key: 4,
            wait: Duration::from_secs(60),
            ..PoolOptions::default()
        };
        let clean = AtomicU64::new(0);
        Self {
            backstop: Backstop::builder()
                .tracking(Tracking::Directory(place.join("ledgers")))
                .default_policy(policy)
                .start(),
            // Every eighth comes back dirty.
            pool: Pool::new(options, move |_: &Scripted| {
                match clean.fetch_add(1, Ordering::Relaxed) % 8 {
                    0 => Err(Error::new(ErrorKind::Io, Stage::Use, "dirty")),
                    _ => Ok(()),
                }
            }),
            opened: AtomicU64::new(0),
            releases: AtomicU64::new(0),
        }
    }

    fn open(&self, script: Script) -> (Tracked<Scripted>, Remote) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let (scripted, remote) = Scripted::following("soaked", script);
        (self.backstop.track(scripted), remote)
    }

    /// One that does not block, which is what most are.
    fn open_inline(&self, script: Script) -> (Tracked<Scripted>, Remote) {
        self.open(script.blocking(Blocking::Never))
    }
}

impl Worker<'_> {
    /// Marsaglia's xorshift: the same faults in each run, other ones in each thread.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// Checks that what has gone let go once.
    fn gone(&self, remote: &Remote) {
        assert_eq!(remote.releases(), 1);
        self.soak.releases.fetch_add(1, Ordering::Relaxed);
    }

    /// One scene; gives how many it opened.
    fn scene(&mut self) -> u64 {
        match self.draw(1000) {
            0..600 => self.plain(),
            600..700 => self.faulty(),
            700..780 => self.changing(),
            780..840 => self.announced(),
            840..900 => self.dropped_elsewhere(),
            900..950 => self.scope(),
            950..985 => self.pooled(),
            985..995 => self.blocking(),
            _ => self.stuck(),
        }
    }

    fn plain(&mut self) -> u64 {
        let (guard, remote) = self.soak.open_inline(Script::default());
        drop(guard);
        self.gone(&remote);
        1
    }

    fn faulty(&mut self) -> u64 {
        let fault = [Act::Fail, Act::FailForNow, Act::Panic, Act::Lie][self.draw(4) as usize];
        let script = Script::default().on(Rung::Ask, [fault]);
        let (guard, remote) = self.soak.open_inline(script);
        let release = guard.release();
        assert!(release.outcome.is_released(), "{release}");
        self.gone(&remote);
        1
    }

    fn changing(&mut self) -> u64 {
        let (guard, remote) = self.soak.open_inline(Script::default());
        for _ in 0..3 {
            let length = self.draw(600) as usize;
            guard
                .set_recipe(&Recipe::of(&"r".repeat(length)).unwrap())
                .unwrap();
            guard.set_footprint(Footprint::bytes(Bytes(length as u64)));
            guard.touch();
        }
        drop(guard);
        self.gone(&remote);
        1
    }

    fn announced(&mut self) -> u64 {
        let label = format!("announced {}", self.draw(1 << 40));
        let recipe = Recipe::of(&label).unwrap();
        let intent = self
            .soak
            .backstop
            .intend(Scripted::KIND, label)
            .recipe(recipe)
            .declare();
        if self.draw(3) == 0 {
            intent.abandon();
            return 0;
        }
        let script = Script::default().blocking(Blocking::Never);
        let (scripted, remote) = Scripted::following("fulfilled", script);
        self.soak.opened.fetch_add(1, Ordering::Relaxed);
        drop(intent.fulfil(scripted));
        self.gone(&remote);
        1
    }

    fn dropped_elsewhere(&mut self) -> u64 {
        let (guard, _remote) = self.soak.open_inline(Script::default());
        // A thread that has ended receives nothing; the guard is dropped here then.
        let _ = self.next.send(guard);
        self.inbox.try_iter().for_each(drop);
        1
    }

    fn scope(&mut self) -> u64 {
        let count = 1 + self.draw(4);
        let ending = self.draw(3);
        let mut remotes = Vec::new();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut scope = self.soak.backstop.scope("soaked");
            for number in 0..count {
                let fault = if number == 1 { Act::Panic } else { Act::Done };
                let script = Script::default().on(Rung::Ask, [fault]);
                let (guard, remote) = self.soak.open_inline(script);
                scope.hold(guard);
                remotes.push(remote);
            }
            scope.on_end("callback", |_| ());
            match ending {
                0 => assert!(scope.finish().is_clean()),
                1 => drop(scope),
                _ => resume_unwind(Box::new("on purpose")),
            }
        }));
        assert_eq!(ended.is_err(), ending == 2);
        remotes.iter().for_each(|remote| self.gone(remote));
        count
    }

    fn pooled(&mut self) -> u64 {
        let key = self.draw(4) as u8;
        let mut count = 0;
        let loan = self.soak.pool.get_or_open(key, |_| {
            count += 1;
            Ok(self.soak.open_inline(Script::default()).0)
        });
        drop(loan.expect("one comes back"));
        count
    }

    /// On watched threads.
    fn blocking(&mut self) -> u64 {
        let fault = [Act::Done, Act::Fail, Act::Panic, Act::Pending { looks: 1 }];
        let fault = fault[self.draw(4) as usize];
        let (guard, remote) = self.soak.open(Script::default().on(Rung::Ask, [fault]));
        let release = guard.release();
        assert!(release.outcome.is_released(), "{release}");
        self.gone(&remote);
        1
    }

    /// Fails on every rung, and is seen.
    fn stuck(&mut self) -> u64 {
        let script = Rung::ALL
            .into_iter()
            .fold(Script::default(), |script, rung| {
                script.on(rung, [Act::Fail])
            });
        let (guard, remote) = self.soak.open_inline(script.verify([Look::Present]));
        let release = guard.release();
        assert!(release.outcome.is_stuck(), "{release}");
        self.stuck.push(remote);
        1
    }

    fn round(&mut self, count: u64) {
        let mut opened = 0;
        while opened < count {
            opened += self.scene();
        }
        self.inbox.try_iter().for_each(drop);
        self.stuck.iter().for_each(Remote::mend);
    }
}

#[test]
fn memory_and_handles_stay_flat_and_all_is_accounted_for() {
    let place = tempfile::tempdir().unwrap();
    let soak = Soak::new(place.path());
    let samples = Mutex::new(Vec::new());
    let together = Barrier::new(THREADS);
    let stuck = AtomicU64::new(0);
    let (senders, inboxes): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    // Fewer would give nothing to compare.
    let rounds = backstop_testkit::rounds(20).max(3 * ROUNDS_A_SAMPLE);
    std::thread::scope(|threads| {
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let next = senders[(number + 1) % THREADS].clone();
            let (soak, samples, together, stuck) = (&soak, &samples, &together, &stuck);
            threads.spawn(move || {
                let mut worker = Worker {
                    soak,
                    random: 0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1),
                    inbox,
                    next,
                    stuck: Vec::new(),
                };
                for round in 1..=rounds {
                    worker.round(ROUND / THREADS as u64);
                    together.wait();
                    // All stand still but one, which releases what is mended now and looks.
                    worker.inbox.try_iter().for_each(drop);
                    if together.wait().is_leader() {
                        let soon = Deadline::after(Duration::from_secs(600));
                        let report = soak.backstop.release_all(soon);
                        assert!(report.is_complete(), "{report}");
                        if round % ROUNDS_A_SAMPLE == 0 {
                            samples.lock().unwrap().push(Sample::take());
                        }
                    }
                    together.wait();
                    stuck.fetch_add(worker.stuck.len() as u64, Ordering::Relaxed);
                    for remote in worker.stuck.drain(..) {
                        assert_eq!(remote.releases(), 1);
                    }
                }
            });
        }
    });
    drop(soak.pool.clear());

    let opened = soak.opened.load(Ordering::Relaxed);
    let kinds: BTreeMap<_, _> = soak.backstop.statistics().kinds;
    let counts = kinds[Scripted::KIND.name()];
    assert!(opened >= u64::from(rounds) * ROUND);
    assert_eq!(
        (counts.released, counts.unverified, counts.live),
        (opened, 0, 0)
    );
    assert_eq!(counts.stuck, stuck.load(Ordering::Relaxed));
    assert!(soak.backstop.is_empty());
    let ledger = soak.backstop.ledger().unwrap();
    let reading = LedgerReading::of_path(ledger.path().unwrap()).unwrap();
    assert_eq!((reading.entries().len(), reading.untracked()), (0, 0));
    assert_eq!(reading.damage(), []);

    let samples = samples.into_inner().unwrap();
    // The first are of caches and pools that fill.
    let (first, last) = (samples[1], samples[samples.len() - 1]);
    let most = samples[1..]
        .iter()
        .map(|sample| sample.resident)
        .max()
        .unwrap();
    println!(
        "{opened} opened, {} stuck for a time; resident {} to {}, at most {most}; {} handles; ledger {} bytes",
        counts.stuck,
        first.resident,
        last.resident,
        last.handles,
        std::fs::metadata(ledger.path().unwrap()).unwrap().len(),
    );
    assert!(
        most <= first.resident + MOST_GROWTH,
        "memory grew: {samples:?}"
    );
    if let (Some(first), Some(last)) = (first.in_use, last.in_use) {
        assert!(last <= first + MOST_IN_USE, "memory grew: {samples:?}");
    }
    assert_eq!(first.handles, last.handles, "{samples:?}");
    ledger.remove().unwrap();
}
