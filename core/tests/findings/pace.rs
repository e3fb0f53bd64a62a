//! At the rate of `watch`: a sample every half second, a window of eight seconds.

use std::time::Duration;

use backstop_core::monitor::{Change, FindingKind, Limits};
use backstop_core::resource::Bytes;

use crate::played::Played;

const INTERVAL: Duration = Duration::from_millis(500);

fn limits() -> Limits {
    let limits = Limits::default().with_warm_up(Duration::from_secs(1));
    limits
        .with_window(Duration::from_secs(8))
        .and_then(|limits| limits.with_growth(Bytes::megabytes(10)))
        .and_then(|limits| limits.with_count_growth(10))
        .unwrap()
}

/// Numbers from -0.5 to 0.5 that are the same in each run.
fn wavers(seed: u32) -> f64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
    mixed ^= mixed >> 16;
    mixed = mixed.wrapping_mul(0xC2B2_AE35);
    mixed ^= mixed >> 13;
    f64::from(mixed.wrapping_mul(0x27D4_EB2F) >> 8) / f64::from(1_u32 << 24) - 0.5
}

#[test]
fn a_clear_growth_is_named_within_ten_seconds() {
    for round in 0..50_u32 {
        let mut played = Played::new(limits());
        // From 3 to 100 MB a second, wavering by half a second's growth; handles likewise.
        let speed = 3.0 + 2.0 * f64::from(round);
        for tick in 1..=40_u32 {
            let value = f64::from(tick) / 2.0 + wavers(round * 100 + tick) / 2.0;
            played.take(INTERVAL, |sample| {
                sample.process.resident = Bytes((200e6 + value * speed * 1e6) as u64);
                sample.process.handles = Some(100 + (value.max(0.0) * 4.0) as u64);
                sample.process.handle_limit = Some(1 << 20);
            });
        }
        for kind in [FindingKind::GrowingMemory, FindingKind::GrowingHandles] {
            let named = played.changes.iter().find(
                |(_, change)| matches!(change, Change::Opened(finding) if finding.kind == kind),
            );
            let (at, _) = named.unwrap_or_else(|| panic!("{kind} in round {round}"));
            assert!(*at <= Duration::from_secs(10), "{kind} after {at:?}");
        }
    }
}

#[test]
fn a_growth_that_begins_later_is_named_within_ten_seconds_too() {
    for round in 0..50_u32 {
        let mut played = Played::new(limits());
        let speed = 3.0 + 2.0 * f64::from(round);
        for tick in 1..=80_u32 {
            let seconds = f64::from(tick) / 2.0 + wavers(round * 100 + tick) / 2.0;
            let value = (seconds - 20.0).max(0.0) * speed;
            played.take(INTERVAL, |sample| {
                sample.process.resident = Bytes((200e6 + value * 1e6) as u64);
            });
        }
        assert_eq!(played.opened().first(), Some(&FindingKind::GrowingMemory));
        let (at, _) = played.changes[0];
        let begin = Duration::from_secs(20);
        assert!(
            at > begin && at <= begin + Duration::from_secs(10),
            "{at:?}"
        );
    }
}

#[test]
fn what_is_flat_is_never_named() {
    for round in 0..50_u32 {
        let mut played = Played::new(limits());
        // Up to twice what is allowed in a window, for five minutes: noise, teeth of up to five
        // seconds, and a step now and then.
        let height = 20.0 * f64::from(round) / 50.0;
        let tooth = 1.0 + f64::from(round % 9) / 2.0;
        for tick in 0..600_u32 {
            let seconds = f64::from(tick) / 2.0;
            let noise = height / 4.0 * wavers(round * 1000 + tick);
            let value = match round % 3 {
                0 => noise * 4.0,
                1 => noise + height * (seconds / tooth).fract(),
                _ => noise + height * (seconds / 60.0).floor(),
            };
            played.take(INTERVAL, |sample| {
                sample.process.resident = Bytes((200e6 + value * 1e6) as u64);
                sample.process.handles = Some((100.0 + value) as u64);
            });
        }
        assert_eq!(played.opened(), [], "round {round}");
    }
}
