//! The paths whose instructions are counted.
//!
//! They are counted with a ledger in memory only: valgrind knows too few of the system calls that a file
//! is opened with. Where the memory comes from makes no difference to the count.

use std::borrow::Cow;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use backstop_core::error::Error;
use backstop_core::ledger::LedgerReading;
use backstop_core::release::{Backstop, Pool, PoolOptions, Tracked};
use backstop_core::resource::{Blocking, Kind, Presence, Progress, Recipe, Step, TrackedResource};

const FLAG: Kind = Kind::new("bench.flag");
const DESCRIBED: Kind = Kind::new("bench.described");

/// A resource that is a bit of memory: what is measured with it is the tracking.
#[derive(Debug)]
pub struct Flag(AtomicBool);

/// A resource with a label of its own and a recipe, as a temp file or a process has.
struct Described {
    flag: Flag,
    label: String,
}

impl Flag {
    /// One that is not released.
    #[must_use]
    pub fn up() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl TrackedResource for Flag {
    fn kind(&self) -> Kind {
        FLAG
    }

    fn label(&self) -> Cow<'static, str> {
        Cow::Borrowed("flag")
    }

    fn blocking(&self) -> Blocking {
        Blocking::Never
    }

    fn release(&self, _: &Step) -> Result<Progress, Error> {
        self.0.store(false, Ordering::Relaxed);
        Ok(Progress::Done)
    }

    fn verify(&self) -> Presence {
        if self.0.load(Ordering::Relaxed) {
            Presence::present("the benchmark")
        } else {
            Presence::Gone
        }
    }
}

impl TrackedResource for Described {
    fn kind(&self) -> Kind {
        DESCRIBED
    }

    fn label(&self) -> Cow<'static, str> {
        Cow::Owned(self.label.clone())
    }

    fn recipe(&self) -> Option<Recipe> {
        Recipe::of(&("/tmp/backstop-bench", 12_345_u64)).ok()
    }

    fn blocking(&self) -> Blocking {
        Blocking::Never
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.flag.release(step)
    }

    fn verify(&self) -> Presence {
        self.flag.verify()
    }
}

/// What a path is run on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Who tracks.
    pub backstop: Backstop,
    /// The file of a ledger of 10 000 open resources, which is read.
    pub ledger: &'a Path,
}

/// One path: its name, how it is run N times, and how often to run it so that the count for one run is
/// steady.
pub struct HotPath {
    /// The name by which its count is kept.
    pub name: &'static str,
    /// How often it is run where instructions are counted.
    pub often: u64,
    run: fn(&Ground<'_>, u64),
}

/// All of them.
pub const ALL: &[HotPath] = &[
    HotPath {
        name: "track-and-release",
        often: 20_000,
        run: |ground, times| track_and_release(ground.backstop, times),
    },
    HotPath {
        name: "track-described",
        often: 5_000,
        run: track_described,
    },
    HotPath {
        name: "read-10000-slots",
        often: 20,
        run: read_all_slots,
    },
    HotPath {
        name: "pool-checkout",
        often: 10_000,
        run: pool_checkout,
    },
    HotPath {
        name: "scope-of-three",
        often: 3_000,
        run: scope_of_three,
    },
];

impl HotPath {
    /// Runs it N times, after its one-time setup.
    pub fn run(&self, ground: &Ground<'_>, times: u64) {
        (self.run)(ground, times);
    }
}

/// Tracks a flag and releases it, N times.
pub fn track_and_release(backstop: Backstop, times: u64) {
    for _ in 0..times {
        drop(black_box(backstop.track(Flag::up())));
    }
}

fn track_described(ground: &Ground<'_>, times: u64) {
    let backstop = ground.backstop;
    for _ in 0..times {
        drop(black_box(backstop.track(Described {
            flag: Flag::up(),
            label: "/tmp/backstop-bench/part-00001".to_owned(),
        })));
    }
}

/// So many resources, open until they are dropped.
#[must_use]
pub fn live(backstop: Backstop, count: usize) -> Vec<Tracked<Flag>> {
    (0..count).map(|_| backstop.track(Flag::up())).collect()
}

/// How many live resources the ledger has that is read where instructions are counted.
pub const READ: usize = 10_000;

/// Reads every slot of a ledger's file, and returns how many are open.
///
/// # Errors
/// The file cannot be read.
pub fn read_ledger(path: &Path) -> Result<usize, Error> {
    LedgerReading::of_path(path).map(|reading| read_slots(&reading))
}

fn read_slots(reading: &LedgerReading) -> usize {
    let (count, bytes, newest) = reading
        .slots()
        .fold((0, 0, 0), |(count, bytes, newest), slot| {
            (
                count + 1,
                bytes + slot.footprint().bytes.0,
                slot.opened().max(newest),
            )
        });
    black_box((bytes, newest));
    count
}

fn read_all_slots(ground: &Ground<'_>, times: u64) {
    for _ in 0..times {
        let file = File::open(ground.ledger).expect("the ledger was made before");
        let reading = LedgerReading::of_file(&file, ground.ledger);
        let count = read_slots(&reading.expect("the ledger is sound"));
        assert_eq!(count, READ);
    }
}

/// A pool of flags with one idle in it.
///
/// # Errors
/// None: opening a flag does not fail.
pub fn pool_of_one(backstop: Backstop) -> Result<Pool<u8, Flag>, Error> {
    let pool = Pool::new(PoolOptions::default(), |_| Ok(()));
    drop(pool.get_or_open(0, |_| Ok(backstop.track(Flag::up())))?);
    Ok(pool)
}

fn pool_checkout(ground: &Ground<'_>, times: u64) {
    let pool = pool_of_one(ground.backstop).expect("opening a flag does not fail");
    for _ in 0..times {
        let flag = pool.get_or_open(0, |_| Ok(ground.backstop.track(Flag::up())));
        drop(black_box(flag));
    }
    drop(pool.clear());
}

fn scope_of_three(ground: &Ground<'_>, times: u64) {
    let backstop = ground.backstop;
    for _ in 0..times {
        let mut scope = backstop.scope("bench");
        for _ in 0..3 {
            scope.hold(backstop.track(Flag::up()));
        }
        drop(black_box(scope.finish()));
    }
}
