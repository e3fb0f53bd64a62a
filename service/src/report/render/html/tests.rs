use std::time::Duration;

use jiff::tz::TimeZone;

use crate::history::{Event, EventKind, History};
use crate::report::{Account, Request};
use backstop_core::monitor::{Moment, Observation, Observer, ProcessSample, Sample, Severity};
use backstop_core::resource::Bytes;

const HOSTILE: &str = "<script>alert(1)</script>\"'&|`\u{1b}[31m";

fn account(samples: u64) -> Account {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut writer = history.writer().unwrap();
    let start = Moment {
        awake: Duration::ZERO,
        since_boot: Duration::ZERO,
        time: "2026-11-18T22:00:00Z".parse().unwrap(),
    };
    for minute in 0..samples {
        let sample = Sample {
            at: start.later(Duration::from_secs(60 * minute)),
            disturbances: Vec::new(),
            left_out: Vec::new(),
            process: ProcessSample {
                name: HOSTILE.into(),
                resident: Bytes::megabytes(100 + minute),
                threads: 3,
                ..ProcessSample::default()
            },
            system: None,
            ledger: None,
        };
        let (changes, open) = (Vec::new(), Vec::new());
        writer.observe(&Observation {
            sample,
            changes,
            open,
        });
    }
    let event = Event::new(EventKind::Alert, HOSTILE)
        .severity(Severity::High)
        .at(start.time);
    writer.record(&event);
    let end = start.later(Duration::from_secs(86_400));
    let request = Request::between(start.time, end.time).unwrap();
    Account::of(&history, &request.in_zone(TimeZone::UTC)).unwrap()
}

#[test]
fn untrusted_text_is_escaped_in_every_format() {
    let account = account(30);
    let page = account.to_html();
    assert!(!page.contains("<script"), "no script at all");
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!account.to_text().contains('\u{1b}'));
    let markdown = account.to_markdown();
    assert!(!markdown.replace("\\<", "").contains("<script"));
}

#[test]
fn the_page_loads_nothing() {
    let page = account(30).to_html();
    for word in ["http://", "https://", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn every_format_can_show_an_empty_and_a_small_report() {
    for samples in [0, 1, 2] {
        let account = account(samples);
        let points = account.series.first().map_or(0, |one| one.points.len());
        assert_eq!(points as u64, samples);
        for text in [account.to_text(), account.to_markdown(), account.to_html()] {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
        if samples == 0 {
            assert!(account.to_text().contains("Nothing was recorded"));
        }
    }
}
