//! What `backstop sweep`, `ps` and `who` say of the living and the dead.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::io::Write;
use std::process::{Child, Command, Stdio};

use backstop_core::place::{AtomicOptions, PlaceOptions};
use backstop_core::resource::Kind;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_testkit::role::{self, Actor};
use serde_json::Value;
use stage::{Finished, Stage, until};

/// The thirty-line program of a library user, from the examples of adapters-tempfs.
struct LibraryUser {
    process: Child,
    /// It would fail to write its next line without a reader.
    _stdout: std::io::BufReader<std::process::ChildStdout>,
    place: String,
}

/// The examples are built beside the tests' own binaries.
fn example() -> std::path::PathBuf {
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(2).unwrap();
    let example = target.join("examples/thirty_lines");
    if !example.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args([
            "build",
            "--package",
            "backstop-tempfs",
            "--example",
            "thirty_lines",
        ]);
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        if target.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    }
    example
}

impl LibraryUser {
    fn start(stage: &Stage) -> Self {
        let mut process = Command::new(example())
            .env("BACKSTOP_DIR", stage.path("ledgers"))
            .env("TMPDIR", stage.path("tmp"))
            .env_remove("BACKSTOP_COOKIE")
            // It waits for the end of its input, which comes when this is dropped.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(process.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        Self {
            process,
            _stdout: stdout,
            place: line.trim().to_owned(),
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for LibraryUser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_a_killed_program_left_is_explained_and_removed() {
    let stage = Stage::new();
    let mut user = LibraryUser::start(&stage);
    assert!(std::path::Path::new(&user.place).exists(), "{}", user.place);

    let listed = stage.run(&["ps"]);
    assert!(listed.stdout.contains("tempfs.dir"), "{listed:?}");
    assert!(
        listed.stdout.contains("thirty_lines.rs"),
        "the site: {listed:?}"
    );
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert!(
        std::path::Path::new(&user.place).exists(),
        "its owner is alive"
    );

    user.kill();
    let listed = stage.run(&["ps"]);
    assert!(listed.stdout.contains("(dead)"), "{listed:?}");
    let rehearsed = stage.run(&["sweep", "--dry-run", "--why"]);
    assert_eq!(rehearsed.code, Some(1), "{rehearsed:?}");
    for word in [
        "tempfs.dir",
        "rule ",
        "evidence ",
        "act ",
        "opened at",
        "thirty_lines.rs",
    ] {
        assert!(rehearsed.stdout.contains(word), "{word}: {rehearsed:?}");
    }
    assert!(
        std::path::Path::new(&user.place).exists(),
        "a rehearsal does nothing"
    );

    let swept = stage.run(&["sweep", "--json"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    let report: Value = serde_json::from_str(&swept.stdout).unwrap();
    assert_eq!(report["schema"], "backstop.sweep/1");
    assert!(
        report["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["kind"] == "tempfs.dir")
    );
    assert!(!std::path::Path::new(&user.place).exists());
    assert_eq!(stage.left(), [] as [String; 0]);

    let receipts = std::fs::read_to_string(stage.path("ledgers/receipts.ndjson")).unwrap();
    assert!(
        receipts.contains("tempfs.dir") && receipts.contains("evidence"),
        "{receipts}"
    );
    assert_eq!(stage.run(&["sweep", "--dry-run"]).code, Some(0));
}

/// The command has no reclaimer for the kind: the recipes' form is enough.
#[test]
fn what_a_killed_program_left_of_an_unknown_kind_is_removed() {
    const UNKNOWN: Kind = Kind::new("unknown.kind");
    if role::assigned().is_some() {
        let directory = PlaceOptions::new(UNKNOWN).create_directory().unwrap();
        std::fs::write(directory.path().join("rows"), "1,2").unwrap();
        let _file = PlaceOptions::new(UNKNOWN).create_file().unwrap();
        let target = std::env::temp_dir().join("table");
        let partial = AtomicOptions::new(UNKNOWN).create(target).unwrap();
        partial.access().write_all(b"half").unwrap();
        role::say("ready");
        role::wait_to_be_killed();
    }
    let stage = Stage::new();
    let mut owner = Actor::start(&mut stage.actor("owner"));
    assert_eq!(owner.next_line().as_deref(), Some("ready"));
    owner.kill();
    assert!(stage.left().len() >= 3, "{:?}", stage.left());
    let rehearsed = stage.run(&["sweep", "--dry-run", "--why"]);
    assert_eq!(rehearsed.code, Some(1), "{rehearsed:?}");
    let named = rehearsed.stdout.matches("unknown.kind").count();
    assert!(named >= 3, "{rehearsed:?}");
    let swept = stage.run(&["sweep"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert_eq!(stage.left(), [] as [String; 0], "{swept:?}");
}

#[test]
fn an_unreadable_ledger_is_named_skipped_and_kept() {
    let stage = Stage::new();
    let mut user = LibraryUser::start(&stage);
    user.kill();
    let broken = stage.path("ledgers/1-broken.ledger");
    std::fs::write(&broken, "BACKSTOP, but no ledger").unwrap();
    let swept = stage.run(&["sweep"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert!(
        swept.stderr.contains("1-broken.ledger: skipped, kept"),
        "{swept:?}"
    );
    assert!(broken.exists());
    assert!(
        !std::path::Path::new(&user.place).exists(),
        "the others are swept"
    );
    let listed = stage.run(&["ps"]);
    assert!(listed.stderr.contains("1-broken.ledger"), "{listed:?}");
}

#[test]
fn orphans_are_swept_by_prefix_and_age_and_as_units() {
    let stage = Stage::new();
    let place = stage.path("work");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(50 * 3600);
    let age = |path: &std::path::Path| {
        std::fs::File::open(path)
            .unwrap()
            .set_times(
                std::fs::FileTimes::new()
                    .set_modified(old)
                    .set_accessed(old),
            )
            .unwrap();
    };
    for name in ["job-old", "job-young", "job-mixed", "other-old"] {
        std::fs::create_dir(place.join(name)).unwrap();
        std::fs::write(place.join(name).join("part"), "rows").unwrap();
        if name != "job-young" {
            age(&place.join(name).join("part"));
        }
    }
    std::fs::write(place.join("job-mixed/fresh"), "just now").unwrap();
    for name in ["job-old", "job-mixed", "other-old"] {
        age(&place.join(name));
    }
    let arguments = ["sweep", "--in", place.to_str().unwrap(), "--prefix", "job-"];
    // A birth time cannot be set back, so the age is told by a rule of no age at all for one of them.
    let rehearsed = stage.run(
        &[
            &arguments[..],
            &["--dry-run", "--why", "--older-than", "1ms"],
        ]
        .concat(),
    );
    assert_eq!(rehearsed.code, Some(1), "{rehearsed:?}");
    assert!(rehearsed.stdout.contains("job-mixed"), "{rehearsed:?}");
    assert!(!rehearsed.stdout.contains("other-old"), "{rehearsed:?}");
    let swept = stage.run(&[&arguments[..], &["--older-than", "24h"]].concat());
    assert_eq!(swept.code, Some(0), "{swept:?}");
    for name in ["job-young", "job-mixed", "other-old"] {
        assert!(place.join(name).join("part").exists(), "{name}: {swept:?}");
    }
}

#[test]
fn who_names_the_holders_of_a_file_and_of_a_port() {
    let stage = Stage::new();
    let path = stage.path("work/held");
    std::fs::write(&path, "").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let held = std::fs::File::open(&path).unwrap();
    let own = std::process::id().to_string();
    let finished = stage.run(&["who", path.to_str().unwrap()]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains(&own), "{finished:?}");
    let port = format!(":{}", listener.local_addr().unwrap().port());
    let finished = stage.run(&["who", &port, "--json"]);
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(answer["holders"][0]["pid"].to_string(), own);
    drop((held, listener));
    let finished = stage.run(&["who", path.to_str().unwrap()]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("no process uses"), "{finished:?}");
}

#[test]
fn ps_shows_a_run_and_its_temp_directory() {
    let stage = Stage::new();
    let ready = stage.path("work/ready");
    let child = stage
        .backstop(&["run", "--", "sh", "-c", "echo >\"$0\"; sleep 300"])
        .arg(&ready)
        .spawn()
        .unwrap();
    until("the command is ready", || ready.exists().then_some(()));
    let listed = stage.run(&["ps", "--json"]);
    let listing: Value = serde_json::from_str(&listed.stdout).unwrap();
    let kinds: Vec<&str> = listing["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"process.run") && kinds.contains(&"tempfs.dir"),
        "{kinds:?}"
    );
    let only = stage.run(&["ps", "--kind", "process"]);
    assert!(
        only.stdout.contains("process.run") && !only.stdout.contains("tempfs"),
        "{only:?}"
    );
    let guardian = PinnedProcess::pin(child.id() as i32).unwrap();
    let _ = guardian.signal(Signal::TERM).unwrap();
    assert_eq!(
        Finished::of(&child.wait_with_output().unwrap()).code,
        Some(143)
    );
}
