//! Samples a ledger.

mod count;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use count::{Count, Seen};

use super::budget::Budget;
use crate::ledger::{LedgerReading, ledger_of};
use crate::monitor::limits::Limits;
use crate::monitor::price::Price;
use crate::monitor::readings::{ExpensiveReading, Readings};
use crate::monitor::sample::{Holding, HoldingLimit, LedgerSample};
use crate::policy::{CleanupPolicy, Facts};
use crate::release::{Backstop, OpenResource};
use crate::resource::Kind;
use backstop_os::{clock, thread};

/// Samples the open resources of a process from its ledger: counts by kind and by site, and the
/// holdings that may be leaks.
///
/// It visits each resource, which takes some hundred nanoseconds, if there is time for it: a small
/// share of the time. With a few thousand resources that is every time, with a million every few
/// minutes.
#[derive(Debug)]
pub struct LedgerSampler {
    source: Source,
    idle: Duration,
    lifetime: Option<Duration>,
    budget: Budget,
    is_left_out: bool,
}

#[derive(Debug)]
enum Source {
    Own(Backstop),
    Process { pid: i32, path: Option<PathBuf> },
}

/// How long a resource may be open, and untouched.
#[derive(Debug, Clone, Copy)]
struct HoldingLimits {
    lifetime: Option<Duration>,
    idle: Duration,
}

/// Which threads of a process are alive, each checked once.
#[derive(Debug)]
struct Threads {
    pid: i32,
    ended: HashMap<u32, bool>,
}

impl LedgerSampler {
    /// The open resources of this process in `backstop`. Limits of a policy take precedence over
    /// `limits`.
    #[must_use]
    pub fn own(backstop: Backstop, limits: &Limits) -> Self {
        Self::with(Source::Own(backstop), limits)
    }

    /// The open resources of the process with this PID, read from its ledger's file. It takes no
    /// lock in that process.
    #[must_use]
    pub fn of(pid: i32, limits: &Limits) -> Self {
        Self::with(Source::Process { pid, path: None }, limits)
    }

    fn with(source: Source, limits: &Limits) -> Self {
        Self {
            source,
            idle: limits.idle(),
            lifetime: limits.lifetime(),
            budget: Budget::default(),
            is_left_out: false,
        }
    }

    /// Sets what reading the ledger costs. Default: [`Price::measured`].
    #[must_use]
    pub fn with_price(mut self, price: &Price) -> Self {
        self.budget.set_price(price.clone());
        self
    }

    /// Samples; `None` if there is no ledger that can be read, or if it is left out now:
    /// [`is_left_out`](Self::is_left_out) tells the two apart.
    pub fn sample(&mut self) -> Option<LedgerSample> {
        let now = Duration::from_nanos(clock::monotonic());
        self.sample_at(now, &mut Readings::default())
    }

    /// Whether the last sample was left out because earlier ones had cost more than their budget.
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.is_left_out
    }

    /// Samples at `now`, in awake time: by it the reading gets its share. Records whether it was taken or
    /// left out.
    pub(in crate::monitor) fn sample_at(
        &mut self,
        now: Duration,
        readings: &mut Readings,
    ) -> Option<LedgerSample> {
        self.budget.begin(now);
        self.is_left_out = self.budget.left().is_none();
        if self.is_left_out {
            readings.leave_out(ExpensiveReading::Ledger);
            return None;
        }
        let limits = HoldingLimits {
            lifetime: self.lifetime,
            idle: self.idle,
        };
        let source = &mut self.source;
        let read = || match source {
            Source::Own(backstop) => Some(of_own(*backstop, limits)),
            Source::Process { pid, path } => {
                let reading = read(*pid, path)?;
                Some(of_reading(&reading, *pid, limits))
            }
        };
        let sample = self.budget.spend(ExpensiveReading::Ledger, read)?;
        readings.take(ExpensiveReading::Ledger);
        Some(sample)
    }
}

fn of_own(backstop: Backstop, limits: HoldingLimits) -> LedgerSample {
    let mut threads = Threads::of(i32::try_from(std::process::id()).unwrap_or(0));
    let mut policies: HashMap<Kind, HoldingLimits> = HashMap::new();
    let mut count = Count::default();
    backstop.each_open(|resource| {
        let kind = resource.kind();
        let limits = match resource.own_policy() {
            Some(own) => limits.with(own),
            None => *policies
                .entry(kind)
                .or_insert_with(|| limits.with(&backstop.policy(kind))),
        };
        let seen = Seen {
            footprint: resource.footprint(),
            age: resource.age(),
        };
        let thread_ended = threads.has_ended(resource.thread());
        let key = (kind.name(), resource.site());
        let passed = limits.passed(resource.age(), resource.idle());
        let is_suspect = thread_ended || passed.is_some();
        let suspect = is_suspect.then_some((resource, thread_ended, passed));
        count.add(key, &seen, suspect);
    });
    let mut sample = count.finish(
        |(kind, site)| ((*kind).to_owned(), site.to_string()),
        |(resource, thread_ended, passed)| Holding {
            thread_ended,
            passed,
            ..holding_of(&resource)
        },
    );
    sample.untracked = backstop.ledger().map_or(0, |ledger| ledger.untracked());
    (sample.released, sample.stuck) = backstop.released_and_stuck();
    sample
}

fn holding_of(resource: &OpenResource) -> Holding {
    Holding {
        id: resource.id(),
        kind: resource.kind().name().to_owned(),
        label: resource.label().into_owned(),
        site: resource.site().to_string(),
        age: resource.age(),
        idle: resource.idle(),
        thread: resource.thread(),
        thread_ended: false,
        passed: None,
        bytes: resource.footprint().bytes,
    }
}

/// The ledger of the process with this PID, if its owner record matches.
fn read(pid: i32, path: &mut Option<PathBuf>) -> Option<LedgerReading> {
    let known = path.as_deref().map(LedgerReading::of_path);
    let reading = match known {
        Some(Ok(reading)) => reading,
        // Not searched yet, or gone since.
        _ => {
            *path = ledger_of(pid);
            LedgerReading::of_path(path.as_deref()?).ok()?
        }
    };
    Some(reading).filter(|reading| reading.owner().process.pid == pid)
}

fn of_reading(reading: &LedgerReading, pid: i32, limits: HoldingLimits) -> LedgerSample {
    // One monotonic clock for all processes since boot.
    let now = clock::coarse();
    let mut threads = Threads::of(pid);
    let mut count = Count::default();
    for slot in reading.slots() {
        let facts = Facts::at(now, slot.opened(), slot.touched());
        let seen = Seen {
            footprint: slot.footprint(),
            age: facts.age,
        };
        let thread_ended = threads.has_ended(slot.thread());
        // A corrupt text has no name.
        let key = (slot.kind().unwrap_or(""), slot.site().unwrap_or(""));
        let passed = limits.passed(facts.age, facts.idle);
        let is_suspect = thread_ended || passed.is_some();
        let suspect = is_suspect.then_some((slot, facts, thread_ended, passed));
        count.add(key, &seen, suspect);
    }
    let mut sample = count.finish(
        |(kind, site)| ((*kind).to_owned(), (*site).to_owned()),
        |(slot, facts, thread_ended, passed)| {
            let entry = slot.entry();
            Holding {
                id: Some(entry.id),
                kind: entry.kind,
                label: entry.label,
                site: entry.site,
                age: facts.age,
                idle: facts.idle,
                thread: entry.thread,
                thread_ended,
                passed,
                bytes: entry.footprint.bytes,
            }
        },
    );
    sample.untracked = reading.untracked();
    sample
}

impl HoldingLimits {
    /// The policy's own limits, and these where it has none.
    fn with(self, policy: &CleanupPolicy) -> Self {
        Self {
            lifetime: policy.lifetime_limit().or(self.lifetime),
            idle: policy.idle_limit().unwrap_or(self.idle),
        }
    }

    /// Which of them such a resource has exceeded; the lifetime comes first.
    fn passed(self, age: Duration, idle: Duration) -> Option<HoldingLimit> {
        let lifetime = self.lifetime.filter(|lifetime| age > *lifetime);
        let idle = (idle > self.idle).then_some(HoldingLimit::Idle(self.idle));
        lifetime.map(HoldingLimit::Lifetime).or(idle)
    }
}

impl Threads {
    fn of(pid: i32) -> Self {
        Self {
            pid,
            ended: HashMap::new(),
        }
    }

    /// Whether it is known to have ended. A thread that reused its ID counts as the one that opened
    /// the resource.
    fn has_ended(&mut self, thread: u32) -> bool {
        let pid = self.pid;
        thread != 0
            && *self
                .ended
                .entry(thread)
                .or_insert_with(|| matches!(thread::is_alive(pid, thread), Ok(false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Clock, Tracking};
    use crate::resource::Bytes;

    const KIND: Kind = Kind::new("test.handle");

    fn patient(idle: u64) -> Limits {
        Limits::default()
            .with_idle(Duration::from_secs(idle))
            .unwrap()
    }

    #[test]
    fn what_is_open_is_counted_by_kind_and_site_and_the_idle_is_suspect() {
        let (clock, hand) = Clock::manual();
        let backstop = Backstop::builder()
            .clock(clock)
            .tracking(Tracking::Anonymous)
            .start();
        let open = |count: u32| -> Vec<_> {
            (0..count)
                .map(|n| {
                    backstop.track_with(KIND, format!("number {n}"), n, |_| {
                        Ok::<_, std::io::Error>(())
                    })
                })
                .collect()
        };
        let old = open(2);
        hand.advance(Duration::from_secs(100));
        let young = open(3);
        let sample = LedgerSampler::own(backstop, &patient(60)).sample().unwrap();
        assert_eq!((sample.live(), sample.kinds[KIND.name()].live), (5, 5));
        assert_eq!(sample.sites.len(), 1);
        assert_eq!(sample.sites[0].oldest, Duration::from_secs(100));
        assert!(sample.sites[0].site.contains("ledger.rs"));
        assert_eq!((sample.suspects.len(), sample.other_suspects), (2, 0));
        assert!(
            sample
                .suspects
                .iter()
                .all(|one| one.label.starts_with("number"))
        );

        // A policy of its kind is more lenient.
        let policy = CleanupPolicy::default().with_idle_limit(Duration::from_secs(200));
        backstop.set_policy(KIND, policy);
        let sample = LedgerSampler::own(backstop, &patient(60)).sample().unwrap();
        assert!(sample.suspects.is_empty());

        // Another one is stricter, whatever these limits are.
        let most = Duration::from_secs(10);
        for (policy, passed) in [
            (
                CleanupPolicy::default().with_idle_limit(most),
                HoldingLimit::Idle(most),
            ),
            (
                CleanupPolicy::default().with_lifetime_limit(most),
                HoldingLimit::Lifetime(most),
            ),
        ] {
            backstop.set_policy(KIND, policy);
            hand.advance(Duration::from_secs(11));
            let sample = LedgerSampler::own(backstop, &patient(600))
                .sample()
                .unwrap();
            assert_eq!(sample.suspects.len(), 5);
            assert!(sample.suspects.iter().all(|one| one.passed == Some(passed)));
        }
        drop((old, young));
        let sample = LedgerSampler::own(backstop, &patient(60)).sample().unwrap();
        assert_eq!((sample.live(), sample.released, sample.stuck), (0, 5, 0));
        assert_eq!(sample.success_share(), Some(1.0));
    }

    #[test]
    fn what_a_thread_left_behind_is_suspect() {
        let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
        let left = std::thread::spawn(move || {
            let guard = backstop.track_with(KIND, "left", (), |()| Ok::<_, std::io::Error>(()));
            (thread::id(), guard)
        });
        let (thread, guard) = left.join().unwrap();
        while thread::is_alive(std::process::id() as i32, thread).unwrap() {
            std::thread::yield_now();
        }
        let sample = LedgerSampler::own(backstop, &patient(600))
            .sample()
            .unwrap();
        let [suspect] = &sample.suspects[..] else {
            panic!("{sample:?}");
        };
        assert!(suspect.thread_ended && suspect.thread == thread);
        assert_eq!((suspect.label.as_str(), suspect.bytes), ("left", Bytes(0)));
        drop(guard);
    }

    #[test]
    fn a_ledger_read_from_its_file_says_the_same() {
        let place = tempfile::tempdir().unwrap();
        let backstop = Backstop::builder()
            .tracking(Tracking::Directory(place.path().join("ledgers")))
            .start();
        let guards: Vec<_> = (0..7)
            .map(|_| backstop.track_with(KIND, "one", (), |()| Ok::<_, std::io::Error>(())))
            .collect();
        let own = std::process::id() as i32;
        let limits = patient(600);
        let mut sampler = LedgerSampler::of(own, &limits);
        sampler.source = Source::Process {
            pid: own,
            path: backstop.ledger().unwrap().path().map(Into::into),
        };
        let read = sampler.sample().unwrap();
        let asked = LedgerSampler::own(backstop, &limits).sample().unwrap();
        assert_eq!(read.kinds, asked.kinds);
        assert_eq!(read.sites[0].site, asked.sites[0].site);
        drop(guards);
    }
}
