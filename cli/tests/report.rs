//! What `backstop report` and `backstop history` say of a history.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod recorded;
mod stage;

use recorded::Recorded;
use serde_json::Value;
use stage::Stage;

#[test]
fn a_week_is_reported_in_every_form() {
    let stage = Stage::new();
    let recorded = Recorded::week(&stage.path("work/history"));
    let place = recorded.directory.to_str().unwrap();
    let text = stage.run(&["report", "--history", place]);
    assert_eq!(text.code, Some(0), "{text:?}");
    for word in ["growing.memory", "Findings", "By day", "Unknown", "MB/h"] {
        assert!(text.stdout.contains(word), "{word}: {}", text.stdout);
    }
    let json = stage.run(&["report", "--json", "--history", place, "--by", "week"]);
    let account: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(account["schema"], "backstop.report/1");
    assert_eq!(account["view"], "week");
    assert_eq!(account["samples"]["count"], recorded.samples);
    assert_eq!(account["series"][0]["peak"], recorded.peak);
    let md = stage.run(&["report", "--format", "md", "--history", place]);
    assert!(md.stdout.starts_with("# Report of "), "{md:?}");
    let page = stage.path("work/week.html");
    let html = stage.run(&["report", "--history", place, "-o", page.to_str().unwrap()]);
    assert_eq!((html.code, &*html.stdout), (Some(0), ""), "{html:?}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));
    let names = std::fs::read_dir(stage.path("work")).unwrap();
    assert_eq!(names.count(), 2, "nothing half written is left");
}

#[test]
fn a_history_is_found_by_name_or_by_being_the_only_one() {
    let stage = Stage::new();
    let home = stage.path("work/.local/state/backstop/history");
    let run = |arguments: &[&str]| {
        let mut command = stage.backstop(arguments);
        command.env_remove("XDG_STATE_HOME");
        stage::Finished::of(&command.output().unwrap())
    };
    let none = run(&["report"]);
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.stderr.contains("there is no history in"), "{none:?}");
    Recorded::hour(&home.join("one"));
    assert_eq!(run(&["report"]).code, Some(0));
    Recorded::hour(&home.join("two"));
    let several = run(&["history"]);
    assert_eq!(several.code, Some(2), "{several:?}");
    assert!(
        several.stderr.contains("name one of one, two"),
        "{several:?}"
    );
    assert_eq!(run(&["history", "two"]).code, Some(0));
    let wrong = run(&["report", "three"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("there is no history at"), "{wrong:?}");
}

#[test]
fn days_are_listed_and_unreadable_ones_named_with_file_and_line() {
    let stage = Stage::new();
    let recorded = Recorded::week(&stage.path("work/history"));
    let place = recorded.directory.to_str().unwrap();
    let listed = stage.run(&["history", "--json", "--history", place]);
    let listing: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listing["schema"], "backstop.history/1");
    let days = listing["days"].as_array().unwrap();
    let samples: u64 = days
        .iter()
        .map(|day| day["samples"].as_u64().unwrap())
        .sum();
    assert_eq!(samples, recorded.samples);
    let broken = days[2]["path"].as_str().unwrap();
    let mut text = std::fs::read_to_string(broken).unwrap();
    text.insert_str(0, "\u{0}not a line\n");
    std::fs::write(broken, text).unwrap();
    let listed = stage.run(&["history", "--history", place]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
    assert!(
        listed.stderr.contains(&format!("skipped: {broken}:1: ")),
        "{listed:?}"
    );
    let report = stage.run(&["report", "--history", place]);
    assert_eq!(report.code, Some(0), "{report:?}");
    assert!(
        report.stdout.contains(&format!("{broken}:1: ")),
        "{report:?}"
    );
}

#[test]
fn pruning_is_rehearsed_and_then_done() {
    let stage = Stage::new();
    let recorded = Recorded::week(&stage.path("work/history"));
    let place = recorded.directory.to_str().unwrap();
    let count = || {
        let entries = std::fs::read_dir(place).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".ndjson"))
            .count()
    };
    let before = count();
    let arguments = ["history", "--history", place, "--prune", "--keep", "2d"];
    let rehearsed = stage.run(&[&arguments[..], &["--dry-run"]].concat());
    assert!(
        rehearsed.stderr.contains("would be removed"),
        "{rehearsed:?}"
    );
    assert_eq!(count(), before);
    let pruned = stage.run(&arguments);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    assert_eq!(count(), 3, "today and two days: {pruned:?}");
}

#[test]
fn wrong_requests_are_usage_errors() {
    let stage = Stage::new();
    let recorded = Recorded::hour(&stage.path("work/history"));
    let place = recorded.directory.to_str().unwrap();
    for (arguments, word) in [
        (&["report", "--since=-7d"][..], "500ms"),
        (&["report", "--since", "7 moons"], "500ms"),
        (&["report", "--format", "pdf"], "html"),
        (&["report", "--by", "year"], "week"),
        (&["report", "../etc"], "slash"),
        (&["report", "x", "--history", place], "cannot be used with"),
        (
            &["report", "--history", place, "-o", "/no/such/r.html"],
            "/no/such/r.html",
        ),
        (&["history", "--history", "/no/such"], "/no/such"),
        (&["history", "--history", place, "--keep", "1h"], "1d"),
        (&["history", "--history", place, "--keep-size", "5"], "1MB"),
        (&["history", "--dry-run"], "--prune"),
    ] {
        let finished = stage.run(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?} {finished:?}");
        assert!(finished.stderr.contains(word), "{arguments:?} {finished:?}");
    }
    std::fs::write(
        stage.path("work/backstop.toml"),
        "[report]\nby = \"year\"\n",
    )
    .unwrap();
    let finished = stage.run(&["report", "--history", place]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("backstop.toml:2: report.by: `year` is none of day, week, month"),
        "{finished:?}"
    );
}
