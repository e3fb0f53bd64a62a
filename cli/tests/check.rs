//! `backstop check`: whether all is well, by exit code.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::process::{Command, Stdio};
use std::time::Duration;

use backstop_core::monitor::{
    Evidence, ExpensiveReading, Finding, FindingKind, FindingSubject, LedgerSample, Moment,
    Observation, Observer, ProcessSample, Sample, Severity, Unit,
};
use backstop_core::resource::Bytes;
use backstop_service::history::History;
use serde_json::Value;
use stage::Stage;

/// How a program did in the last hour.
struct Hour {
    /// Bytes by which it grew.
    growth: u64,
    handles: u64,
    stuck: u64,
    leak: bool,
    /// Whether the ledger was left out of five samples in six.
    is_starved: bool,
}

const WELL: Hour = Hour {
    growth: 1_000_000,
    handles: 20,
    stuck: 0,
    leak: false,
    is_starved: false,
};

/// Writes an hour of history up to now.
fn write(stage: &Stage, name: &str, hour: &Hour) {
    let history = History::at(stage.path("histories").join(name));
    let mut writer = history.writer().unwrap();
    let end = Moment::now();
    for minute in 0..60_u64 {
        let before = Duration::from_secs(60 * (59 - minute));
        let at = Moment {
            awake: end.awake.saturating_sub(before),
            since_boot: end.since_boot.saturating_sub(before),
            time: end.time - before,
        };
        let process = ProcessSample {
            pid: 1,
            name: name.to_owned(),
            processes: 1,
            resident: Bytes(100_000_000 + hour.growth * minute / 59),
            handles: Some(hour.handles),
            handle_limit: Some(1000),
            ..ProcessSample::default()
        };
        let is_left_out = hour.is_starved && minute % 6 != 0;
        let ledger = LedgerSample {
            released: 10 * minute,
            stuck: hour.stuck * minute / 59,
            ..LedgerSample::default()
        };
        let sample = Sample {
            at,
            disturbances: Vec::new(),
            left_out: is_left_out
                .then_some(ExpensiveReading::Ledger)
                .into_iter()
                .collect(),
            process,
            system: None,
            ledger: Some(ledger).filter(|_| !is_left_out),
        };
        let leak = Finding {
            kind: FindingKind::GrowingSite,
            subject: FindingSubject::Site {
                kind: "db.connection".into(),
                site: "src/pool.rs:7:5".into(),
            },
            severity: Severity::High,
            evidence: Evidence {
                value: 100.0,
                limit: 50.0,
                unit: Unit::Count,
                per_hour: Some(100.0),
                text: "grew by 100".into(),
                sparse: None,
            },
            first_seen: at,
            last_seen: at,
            cleared: None,
            seen: 1,
            openings: 1,
        };
        let changes = match hour.leak && minute == 30 {
            true => vec![backstop_core::monitor::Change::Opened(leak)],
            false => Vec::new(),
        };
        writer.observe(&Observation {
            sample,
            changes,
            open: Vec::new(),
        });
    }
}

fn check(stage: &Stage, more: &[&str]) -> (Option<i32>, Value, String) {
    let histories = stage.path("histories");
    let mut arguments = vec!["check", "--json", "--history", histories.to_str().unwrap()];
    arguments.extend(more);
    let finished = stage.run(&arguments);
    let json = serde_json::from_str(&finished.stdout).unwrap_or_default();
    (finished.code, json, finished.stderr)
}

fn verdict_of(json: &Value, kind: &str) -> String {
    let indicators = json["programs"][0]["indicators"].as_array().unwrap();
    let found = indicators.iter().find(|one| one["kind"] == kind).unwrap();
    found["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_ledger_that_was_rarely_read_is_unknown_and_said_with_its_counts() {
    let stage = Stage::new();
    let starved = Hour {
        is_starved: true,
        ..WELL
    };
    write(&stage, "farm", &starved);
    let (code, json, told) = check(&stage, &["farm"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(json["verdict"], "unknown");
    assert_eq!(verdict_of(&json, "readings"), "unknown");
    let indicators = json["programs"][0]["indicators"].as_array().unwrap();
    let row = indicators.iter().find(|one| one["kind"] == "readings");
    assert_eq!(
        row.unwrap()["seen"],
        "ledger sampled 10 of 60 times: readings cost more than their budget"
    );
    let (code, _, _) = check(&stage, &["farm", "--strict"]);
    assert_eq!(code, Some(1));
}

#[test]
fn a_program_that_is_well_is_fine_and_each_indicator_fails_alone() {
    for (hour, failed) in [
        (WELL, None),
        (
            Hour {
                growth: 20_000_000,
                ..WELL
            },
            Some("growth"),
        ),
        (
            Hour {
                handles: 600,
                ..WELL
            },
            Some("handles"),
        ),
        (Hour { stuck: 59, ..WELL }, Some("releases")),
        (Hour { leak: true, ..WELL }, Some("leaks")),
    ] {
        let stage = Stage::new();
        write(&stage, "service", &hour);
        let (code, json, stderr) = check(&stage, &["service"]);
        for kind in ["handles", "growth", "leaks", "releases"] {
            let expected = if failed == Some(kind) {
                "failed"
            } else {
                "well"
            };
            assert_eq!(verdict_of(&json, kind), expected, "{kind}: {json} {stderr}");
        }
        // A site that grows without end is both a leak and a pool without bounds.
        let pools = if hour.leak { "failed" } else { "well" };
        assert_eq!(verdict_of(&json, "pools"), pools);
        assert_eq!(code, Some(i32::from(failed.is_some())), "{json}");
        assert_eq!(json["schema"], "backstop.check/1");
    }
}

#[test]
fn what_is_unknown_is_said_and_fails_only_when_asked_to() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.path("histories")).unwrap();
    let mut sleeper = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let pid = sleeper.id().to_string();
    let (code, json, _) = check(&stage, &[&pid]);
    assert_eq!(
        (code, verdict_of(&json, "handles")),
        (Some(0), "well".into())
    );
    assert_eq!(verdict_of(&json, "growth"), "unknown");
    let (strict, _, _) = check(&stage, &[&pid, "--strict"]);
    assert_eq!(strict, Some(1));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[test]
fn what_a_killed_program_left_is_not_well() {
    let stage = Stage::new();
    let (code, json, _) = check(&stage, &[]);
    assert_eq!((code, &json["left_by_killed"]), (Some(0), &Value::from(0)));
    // A run whose two guards are killed at once leaves its ledger.
    let mut run = stage
        .backstop(&["run", "-q", "--", "sleep", "300"])
        .spawn()
        .unwrap();
    let guardian = run.id().cast_signed();
    let supervisor = stage::until("the supervisor", || {
        let children = backstop_os::process_table::children(guardian).ok()?;
        let listed = std::fs::read_dir(stage.path("ledgers")).ok()?.count();
        let supervisor = children.first().copied()?;
        let has_child =
            backstop_os::process_table::children(supervisor).is_ok_and(|of| !of.is_empty());
        (listed > 0 && has_child).then_some(supervisor)
    });
    for pid in [supervisor, guardian] {
        let pinned = backstop_os::pinned::PinnedProcess::pin(pid).unwrap();
        let _ = pinned.signal(backstop_os::signal::Signal::STOP);
    }
    for pid in [supervisor, guardian] {
        let pinned = backstop_os::pinned::PinnedProcess::pin(pid).unwrap();
        let _ = pinned.signal(backstop_os::signal::Signal::KILL);
    }
    run.wait().unwrap();
    let (code, json, stderr) = check(&stage, &[]);
    assert_eq!(code, Some(1), "{json} {stderr}");
    assert!(json["left_by_killed"].as_u64().unwrap() > 0, "{json}");
    let swept = stage.run(&["sweep"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    let (code, json, _) = check(&stage, &[]);
    assert_eq!(code, Some(0), "{json}");
}

#[test]
fn every_setting_is_shown_with_its_origin() {
    let stage = Stage::new();
    let path = stage.path("work/backstop.toml");
    std::fs::write(&path, "[monitor]\ninterval = \"5s\"\n").unwrap();
    let mut command = stage.backstop(&["check", "--explain-config", "--json"]);
    let output = command.env("MEMORY_THRESHOLD", "800").output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |name: &str| {
        let rows = json["settings"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    assert_eq!(row("monitor.interval")["value"], "5s");
    let origin = row("monitor.interval")["origin"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(origin.ends_with("backstop.toml:2"), "{origin}");
    assert_eq!(row("alert.memory-threshold")["value"], "800MB");
    assert_eq!(
        row("alert.memory-threshold")["origin"],
        "environment variable MEMORY_THRESHOLD"
    );
    assert_eq!(row("monitor.window")["origin"], "default");
}

#[test]
fn wrong_settings_are_told_with_their_place() {
    let stage = Stage::new();
    for (name, text, said) in [
        (
            "a.toml",
            "[monitor]\n\ninterval = \"-5s\"\n",
            "a.toml:3: monitor.interval: invalid duration `-5s`",
        ),
        (
            "b.toml",
            "[alert]\nhandles = [70, 60, 95]\n",
            "b.toml:2: alert.handles",
        ),
        (
            "c.json",
            "{\"memory_management\":\n{\"memory_threshold_mb\": 0}}",
            "c.json:2: alert.memory-threshold",
        ),
        (
            "d.toml",
            "[alert]\nmemory-threshold = \"3GB\"\nmemory-limit = \"2GB\"\n",
            "d.toml:2: alert.memory-threshold",
        ),
        (
            "e.toml",
            "[history]\nkeep-size = \"5 parsecs\"\n",
            "e.toml:2: history.keep-size",
        ),
    ] {
        let path = stage.path("work").join(name);
        std::fs::write(&path, text).unwrap();
        let finished = stage.run(&["--config", path.to_str().unwrap(), "check"]);
        assert_eq!(finished.code, Some(2), "{name}: {finished:?}");
        assert!(finished.stderr.contains(said), "{name}: {finished:?}");
    }
}
