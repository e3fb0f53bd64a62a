//! The program that monitors itself, and reports its findings to the test.

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::monitor::{Change, Finding, Moment, Monitor, Price, Readings};
use backstop_core::release::{Clock, Tracking};
use backstop_os::{heap, process_table};
use backstop_testkit::role;
use serde::{Deserialize, Serialize};

use crate::plant::Plant;

pub(crate) const INTERVAL: Duration = Duration::from_millis(50);
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);
pub(crate) const WINDOW: Duration = Duration::from_secs(2);
/// Long enough for a false finding to appear.
const RUN: Duration = Duration::from_millis(6500);

/// What readings cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// Nothing.
    Fast,
    /// So many times what their budget allows each sample: one of so many samples has them.
    Slow(u32),
}

/// What the program says, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Said {
    /// A finding has opened.
    Found { sample: u32, finding: Box<Finding> },
    /// It ends.
    Over(End),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct End {
    pub samples: u32,
    /// What was read and what was left out.
    pub readings: Readings,
    /// Bytes that a trim of the allocator gave back at the end.
    pub trimmed: u64,
}

/// How many samples are due in this time.
pub(crate) fn samples(span: Duration) -> u32 {
    u32::try_from(span.as_millis() / INTERVAL.as_millis()).unwrap()
}

impl Machine {
    /// What a reading costs.
    fn price(self) -> Duration {
        match self {
            Self::Fast => Duration::ZERO,
            Self::Slow(times) => INTERVAL / Price::SHARE * times,
        }
    }

    /// The number of the sample by which a leak must have been found: after the warm-up and a window. On a
    /// slow machine the window begins after what the budget has kept for the first samples, and is wide
    /// enough for two readings in each quarter, whichever way they fall.
    pub(crate) fn due(self) -> u32 {
        match self {
            Self::Fast => samples(WARM_UP + WINDOW),
            Self::Slow(times) => {
                let kept = Price::KEPT.div_duration_f64(self.price()).ceil() as u32 + 1;
                samples(WARM_UP) + kept + 10 * times
            }
        }
    }

    /// For how many samples the program runs.
    fn samples(self) -> u32 {
        samples(RUN).max(self.due() + samples(WINDOW))
    }

    /// The role in which the program runs on it.
    pub(crate) fn role(self) -> String {
        match self {
            Self::Fast => "fast".to_owned(),
            Self::Slow(times) => format!("slow {times}"),
        }
    }

    /// Of a role.
    pub(crate) fn of(role: &str) -> Self {
        match role.strip_prefix("slow ") {
            Some(times) => Self::Slow(times.parse().unwrap()),
            None => Self::Fast,
        }
    }
}

/// Plants it, a piece after each sample, and says what is found.
pub(crate) fn run(plant: Plant, machine: Machine) {
    let (clock, hand) = Clock::manual();
    let backstop = Backstop::builder()
        .clock(clock)
        .tracking(Tracking::Anonymous)
        .start();
    let price = machine.price();
    let mut watch = Monitor::builder()
        .backstop(backstop)
        .interval(INTERVAL)
        .limits(plant.limits())
        .price(Price::set(move |_| price))
        .build()
        .unwrap();
    let mut grow = plant.planted(backstop);
    let start = Moment::now();
    // A piece is planted between two samples, and never seen half done.
    for number in 1..=machine.samples() {
        let at = start.later(INTERVAL * (number - 1));
        for change in watch.observe(at).unwrap().changes {
            if let Change::Opened(finding) = change
                && finding.kind.is_leak()
            {
                let finding = Box::new(finding);
                say(&Said::Found {
                    sample: number,
                    finding,
                });
            }
        }
        grow(number);
        hand.advance(INTERVAL);
    }
    let end = End {
        samples: machine.samples(),
        readings: watch.cost().readings,
        trimmed: trimmed(),
    };
    drop(watch);
    drop(grow);
    say(&Said::Over(end));
}

fn trimmed() -> u64 {
    let resident = || {
        let own = i32::try_from(std::process::id()).unwrap();
        process_table::stat(own).unwrap().resident_bytes
    };
    let before = resident();
    assert!(heap::trim().is_some());
    before.saturating_sub(resident())
}

fn say(said: &Said) {
    role::say(&serde_json::to_string(said).unwrap());
}
