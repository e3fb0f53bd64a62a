//! Sampled backtraces. One test: what is switched on is the process's.

use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use backstop_core::monitor::{
    Evidence, Finding, FindingKind, FindingSubject, Moment, Severity, Unit, backtraces_of,
};
use backstop_core::release::{Backstop, BacktraceSampling, Owned, Tracked, Tracking};
use backstop_core::resource::Kind;

const KIND: Kind = Kind::new("test.thing");

#[inline(never)]
fn who_opens(backstop: Backstop) -> Tracked<Owned<()>> {
    backstop.track_with(KIND, "thing", (), |()| Ok::<_, io::Error>(()))
}

#[test]
fn one_in_so_many_is_captured_and_named_when_shown() {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    drop(who_opens(backstop));
    assert_eq!(BacktraceSampling::counts().captured, 0, "off by default");

    BacktraceSampling::on(BacktraceSampling::EVERY);
    for _ in 0..128_000 {
        drop(who_opens(backstop));
    }
    let captured = BacktraceSampling::counts().captured;
    // A thousand on average; the spread of a mean of a thousand draws is a few hundredths.
    assert!((800..1250).contains(&captured), "{captured}");

    // Two that take turns: an even step would see one of them only.
    BacktraceSampling::clear();
    for _ in 0..4000 {
        drop(backstop.track_with(KIND, "a", (), |()| Ok::<_, io::Error>(())));
        drop(backstop.track_with(KIND, "b", (), |()| Ok::<_, io::Error>(())));
    }
    assert_eq!(BacktraceSampling::kept().len(), 2);

    BacktraceSampling::on(NonZeroU32::MIN);
    BacktraceSampling::clear();
    drop(who_opens(backstop));
    let kept = BacktraceSampling::kept();
    assert_eq!((kept.len(), kept[0].captured), (1, 1));
    let text = kept[0].kept[0].shown(Duration::from_secs(60)).unwrap();
    assert!(text.contains("who_opens"), "{text}");

    let now = Moment::now();
    let finding = Finding {
        kind: FindingKind::GrowingSite,
        subject: FindingSubject::Site {
            kind: KIND.to_string(),
            site: kept[0].site.to_string(),
        },
        severity: Severity::Low,
        evidence: Evidence {
            value: 1.0,
            limit: 1.0,
            unit: Unit::Count,
            per_hour: None,
            text: String::new(),
            sparse: None,
        },
        first_seen: now,
        last_seen: now,
        cleared: None,
        seen: 1,
        openings: 1,
    };
    assert_eq!(backtraces_of(&finding).len(), 1);

    BacktraceSampling::off();
    let before = BacktraceSampling::counts();
    drop(who_opens(backstop));
    assert_eq!(BacktraceSampling::counts(), before);
}
