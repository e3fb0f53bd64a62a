//! The program that monitors itself, and reports its findings to the test.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::monitor::{Change, Finding, Moment, Monitor, Observation};
use backstop_core::release::Tracking;
use backstop_os::{heap, process_table};
use backstop_testkit::role;
use serde::{Deserialize, Serialize};

use crate::plant::Plant;

pub(crate) const INTERVAL: Duration = Duration::from_millis(50);
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);
pub(crate) const WINDOW: Duration = Duration::from_secs(2);
/// Long enough for a false finding to appear.
const RUN: Duration = Duration::from_millis(6500);

/// The program's output, one line each.
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
    /// Samples that came so late that they leave a part of the window empty.
    pub stalls: u32,
    /// Bytes that a trim of the allocator freed at the end.
    pub trimmed: u64,
}

/// How many samples are due in this time.
pub(crate) fn samples(span: Duration) -> u32 {
    u32::try_from(span.as_millis() / INTERVAL.as_millis()).unwrap()
}

/// Plants it, a piece after each sample, and reports the findings.
pub(crate) fn run(plant: Plant) {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let (told, heard) = sync_channel::<Observation>(0);
    let (go_on, planted) = sync_channel::<()>(0);
    let monitor = Monitor::builder()
        .backstop(backstop)
        .interval(INTERVAL)
        .limits(plant.limits())
        // A piece is planted between two samples, and never sampled halfway.
        .observer(move |observation: &Observation| {
            if told.send(observation.clone()).is_ok() {
                let _ = planted.recv();
            }
        })
        .start()
        .unwrap();
    let mut grow = plant.planted(backstop);
    let mut end = End {
        samples: 0,
        stalls: 0,
        trimmed: 0,
    };
    let mut first: Option<Moment> = None;
    let mut last: Option<Moment> = None;
    for observation in &heard {
        end.samples += 1;
        let at = observation.sample.at;
        let late = last
            .replace(at)
            .map_or(Duration::ZERO, |last| at.since(&last));
        end.stalls += u32::from(late > WINDOW / 8);
        for change in &observation.changes {
            if let Change::Opened(finding) = change
                && finding.kind.is_leak()
            {
                let (sample, finding) = (end.samples, Box::new(finding.clone()));
                say(&Said::Found { sample, finding });
            }
        }
        if at.since(first.get_or_insert(at)) >= RUN {
            break;
        }
        grow(end.samples);
        go_on.send(()).unwrap();
    }
    drop((heard, go_on));
    drop(monitor);
    end.trimmed = trimmed();
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
