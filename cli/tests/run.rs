//! What a person sees of `backstop run`.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use stage::{Finished, Stage, until};

#[test]
fn the_exit_code_is_the_commands_own_or_as_shells_give_it() {
    let stage = Stage::new();
    let code = |command: &[&str]| {
        let mut arguments = vec!["run", "--quiet", "--"];
        arguments.extend(command);
        stage.run(&arguments).code
    };
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    assert_eq!(code(&["sh", "-c", "kill -KILL $$"]), Some(137));
    assert_eq!(code(&["sh", "-c", "kill -SEGV $$"]), Some(139));
    assert_eq!(code(&["no-such-program-anywhere"]), Some(127));
    assert_eq!(code(&["/etc/passwd"]), Some(126));
    assert_eq!(stage.left(), [] as [String; 0]);
}

#[test]
fn an_unknown_command_is_one_clear_line() {
    let finished = Stage::new().run(&["run", "--", "no-such-program-anywhere", "-x"]);
    assert_eq!(finished.code, Some(127));
    assert_eq!(finished.stdout, "");
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("backstop: no-such-program-anywhere -x: "),
        "{lines:?}"
    );
    assert!(lines[0].contains("No such file or directory"), "{lines:?}");
}

#[test]
fn standard_input_and_output_are_the_commands() {
    let stage = Stage::new();
    let input = stage.path("work/input");
    std::fs::write(&input, "over\n").unwrap();
    let output = stage
        .backstop(&["run", "--", "cat"])
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    let finished = Finished::of(&output);
    assert_eq!(finished.stdout, "over\n");
    assert!(
        finished.stderr.contains("nothing left behind"),
        "{finished:?}"
    );
}

#[test]
#[cfg(feature = "monitor")]
fn a_report_shows_what_the_command_needed_over_time() {
    for containment in ["auto", "subreaper"] {
        let stage = Stage::new();
        // It ends once it has been sampled often enough, however fast the machine is: its samples are in
        // a history that stands in the temp directory of this stage.
        let script = "sampled() { find \"$0\" -name '*.ndjson' -exec cat {} + 2>/dev/null | grep -c resident; }
            echo >$TMPDIR/left
            head -c 30000000 /dev/zero | {
                until [ \"$(sampled)\" -ge 4 ]; do sleep 0.05; done; cat >/dev/null
            }
            until [ \"$(sampled)\" -ge 6 ]; do sleep 0.05; done";
        let run = |name: &str| {
            let path = stage.path("work").join(name);
            let mut command =
                stage.backstop(&["run", "-q", "--containment", containment, "--report"]);
            command.arg(&path).args(["--", "sh", "-c", script]);
            command.arg(stage.path("tmp"));
            command.env("BACKSTOP_MONITOR_INTERVAL", "100ms");
            assert!(command.output().unwrap().status.success());
            std::fs::read_to_string(path).unwrap()
        };
        let json: serde_json::Value = serde_json::from_str(&run("r.json")).unwrap();
        let watched = &json["watched"];
        assert!(
            watched["samples"]["count"].as_u64().unwrap() >= 5,
            "{watched}"
        );
        assert!(
            watched["samples"]["program"]
                .as_str()
                .unwrap()
                .contains("head -c"),
            "{watched}"
        );
        let series = watched["series"].as_array().unwrap();
        let memory = series
            .iter()
            .find(|one| one["measure"] == "memory")
            .unwrap();
        assert!(memory["peak"].as_f64().unwrap() > 0.0, "{memory}");
        let html = run("r.html");
        assert!(
            html.starts_with("<!DOCTYPE html>") && html.contains("1 temp file"),
            "{html}"
        );
        assert!(run("r.md").contains("head -c"));
        assert!(run("r.txt").contains("1 temp file"));
        // The history of the report is gone with the run.
        assert_eq!(stage.left(), [] as [String; 0]);
    }
}

#[test]
#[cfg(feature = "monitor")]
fn what_is_left_is_named_and_gone() {
    let stage = Stage::new();
    let script = r#"
        echo rows >"$TMPDIR/part.csv"; mkdir "$TMPDIR/deep"; echo x >"$TMPDIR/deep/y"
        setsid sleep 301 &
        echo "$TMPDIR" >place
    "#;
    let report = stage.path("work/report.json");
    let finished = stage.run(&[
        "run",
        "--report",
        report.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for word in [
        "left behind, and gone now",
        "sleep 301",
        "SIGTERM",
        "2 temp files",
        "part.csv",
    ] {
        assert!(
            finished.stderr.contains(word),
            "{word}: {}",
            finished.stderr
        );
    }
    let place = std::fs::read_to_string(stage.path("work/place")).unwrap();
    assert!(!std::path::Path::new(place.trim()).exists());
    assert!(
        place.starts_with(stage.path("tmp").to_str().unwrap()),
        "{place}"
    );

    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["schema"], "backstop.run/1");
    assert_eq!(report["processes"][0]["name"], "sleep");
    assert_eq!(report["processes"][0]["ended_on"], "insist");
    assert_eq!(report["files"]["files"], 2);
    assert_eq!(report["stuck"].as_array().unwrap().len(), 0);
    assert_eq!(stage.left(), [] as [String; 0]);
}

#[test]
fn fail_on_fails_for_what_it_names_only() {
    let stage = Stage::new();
    let leave_process = "setsid sleep 301 & exit 5";
    let leave_file = "echo >$TMPDIR/file";
    let code = |kinds: &str, script: &str| {
        stage
            .run(&["run", "--fail-on", kinds, "--", "sh", "-c", script])
            .code
    };
    assert_eq!(code("processes,memory", leave_process), Some(70));
    assert_eq!(code("files,ports", leave_process), Some(5));
    assert_eq!(code("files", leave_file), Some(70));
    assert_eq!(code("processes", leave_file), Some(0));

    assert_eq!(code("memory", leave_process), Some(70));
    assert_eq!(code("memory", leave_file), Some(0));
    let listen = "import socket, time; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); s.listen(); \
        open(\"up\", \"w\"); time.sleep(300)";
    let leave_port =
        format!("setsid python3 -c '{listen}' & until [ -e up ]; do sleep 0.01; done; exit 5");
    assert_eq!(code("ports", &leave_port), Some(70));
    std::fs::remove_file(stage.path("work/up")).unwrap();
    assert_eq!(code("files", &leave_port), Some(5));
}

#[test]
fn what_a_command_is_called_does_not_steer_the_terminal() {
    let stage = Stage::new();
    let script = "setsid sleep 301 & exit 5";
    let evil = "evil\u{1b}[31mRED\u{7}";
    let finished = stage.run(&["run", "--", "sh", "-c", script, evil]);
    assert!(finished.stderr.contains("evil"), "{finished:?}");
    let steers = |character: char| character.is_control() && character != '\n';
    assert!(!finished.stderr.contains(steers), "{finished:?}");
}

#[test]
fn a_run_that_takes_too_long_ends_with_124() {
    let stage = Stage::new();
    let finished = stage.run(&[
        "run",
        "--timeout",
        "200ms",
        "--grace",
        "100ms",
        "--kill-after",
        "100ms",
        "--",
        "sh",
        "-c",
        "trap '' TERM; while :; do sleep 0.05; done",
    ]);
    assert_eq!(finished.code, Some(124), "{finished:?}");
    assert!(
        finished.stderr.contains("longer than 200ms"),
        "{finished:?}"
    );
}

#[test]
fn memory_and_open_files_are_limited() {
    let stage = Stage::new();
    let hungry = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); sleep 300; echo $x";
    let finished = stage.run(&["run", "--max-rss", "60MB", "--", "sh", "-c", hungry]);
    assert_eq!(finished.code, Some(143), "{finished:?}");
    assert!(
        finished.stderr.contains("more than 60.0 MB"),
        "{finished:?}"
    );

    let finished = stage.run(&["run", "--max-files", "17", "--", "sh", "-c", "ulimit -n"]);
    assert_eq!(finished.stdout, "17\n");
}

#[test]
fn kept_files_stay_and_are_named() {
    let stage = Stage::new();
    let finished = stage.run(&[
        "run",
        "--keep",
        "--",
        "sh",
        "-c",
        "echo >$TMPDIR/file; echo $TMPDIR",
    ]);
    // It moved out of the private root, which goes.
    assert!(!std::path::Path::new(finished.stdout.trim()).exists());
    let kept = finished
        .stderr
        .lines()
        .find_map(|line| line.trim().strip_prefix("kept: "));
    let place = std::path::Path::new(kept.expect("the place is named"));
    assert!(place.join("file").exists());
    // It is not an orphan any more: a sweep leaves it alone.
    assert_eq!(stage.run(&["sweep"]).code, Some(0));
    assert!(place.join("file").exists());
}

#[test]
fn an_interrupt_reaches_the_command_and_it_ends_in_its_own_way() {
    let stage = Stage::new();
    let ready = stage.path("work/ready");
    let script = "trap 'echo tidy; exit 9' INT; echo >\"$0\"; while :; do sleep 0.05; done";
    let child = stage
        .backstop(&["run", "--", "sh", "-c", script])
        .arg(&ready)
        .spawn()
        .unwrap();
    until("the command is ready", || ready.exists().then_some(()));
    let guardian = PinnedProcess::pin(child.id() as i32).unwrap();
    let _ = guardian.signal(Signal::INT).unwrap();
    let finished = Finished::of(&child.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(9), "{finished:?}");
    assert_eq!(finished.stdout, "tidy\n");
}

#[test]
fn the_summary_as_json_is_one_object_on_standard_error() {
    let finished = Stage::new().run(&["run", "--json", "--", "echo", "data"]);
    assert_eq!(finished.stdout, "data\n");
    let summary: serde_json::Value = serde_json::from_str(finished.stderr.trim()).unwrap();
    assert_eq!(summary["schema"], "backstop.run/1");
    assert_eq!(summary["ending"]["by"], "itself");
    assert_eq!(summary["code"], 0);
}

#[test]
fn a_ledger_that_cannot_be_kept_does_not_stop_the_command() {
    let stage = Stage::new();
    let file = stage.path("work/no-directory");
    std::fs::write(&file, "").unwrap();
    let output = stage
        .backstop(&["run", "--", "sh", "-c", "setsid sleep 301 & echo done"])
        .env("BACKSTOP_DIR", &file)
        .output()
        .unwrap();
    let finished = Finished::of(&output);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "done\n"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("no-directory"), "{finished:?}");
    assert!(finished.stderr.contains("sleep 301"), "{finished:?}");
}

#[test]
fn a_run_within_a_run_is_a_run() {
    let stage = Stage::new();
    let binary = stage.path("backstop");
    let finished = stage.run(&[
        "run",
        "--",
        binary.to_str().unwrap(),
        "run",
        "--",
        "sh",
        "-c",
        "setsid sleep 301 & exit 6",
    ]);
    assert_eq!(finished.code, Some(6), "{finished:?}");
    assert_eq!(
        finished.stderr.matches("sleep 301").count(),
        3,
        "{finished:?}"
    );
    assert_eq!(stage.left(), [] as [String; 0]);
}

#[test]
fn an_exit_code_that_looks_like_a_signal_is_told_apart_from_one() {
    let stage = Stage::new();
    let run = |script: &str| stage.run(&["run", "--", "sh", "-c", script]);
    for (script, code, said) in [
        ("exit 255", 255, "exited with 255"),
        ("exit 200", 200, "exited with 200"),
        ("kill -KILL $$", 137, "killed by signal 9"),
    ] {
        let finished = run(script);
        assert_eq!(finished.code, Some(code), "{finished:?}");
        assert!(finished.stderr.contains(said), "{finished:?}");
    }
}

#[test]
fn names_that_others_chose_send_nothing_to_the_terminal() {
    let stage = Stage::new();
    let script = r#"printf x >"$TMPDIR/$(printf 'evil\033[31mRED\007')"
        cp /bin/sleep "$(printf 'bad\033[5m')"; setsid "./$(printf 'bad\033[5m')" 301 &"#;
    let finished = stage.run(&["run", "--", "sh", "-c", script]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        !finished.stderr.contains(['\u{1b}', '\u{7}']),
        "{finished:?}"
    );
    assert!(
        finished.stderr.contains(r"1 temp file, ")
            && finished.stderr.contains(r"evil\u{1b}[31mRED\u{7}"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains(r"bad\u{1b}[5m"), "{finished:?}");
}

#[test]
fn a_report_and_json_can_be_settings() {
    let stage = Stage::new();
    let report = stage.path("work/r.json");
    let mut command = stage.backstop(&["run", "--", "true"]);
    command.env("BACKSTOP_RUN_JSON", "true");
    if cfg!(feature = "monitor") {
        command.env("BACKSTOP_RUN_REPORT", &report);
    }
    let finished = Finished::of(&command.output().unwrap());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let summary: serde_json::Value = serde_json::from_str(finished.stderr.trim()).unwrap();
    assert_eq!(summary["schema"], "backstop.run/1");
    assert_eq!(report.exists(), cfg!(feature = "monitor"));
    let mut command = stage.backstop(&["run", "--quiet", "--", "true"]);
    command.env("BACKSTOP_RUN_JSON", "true");
    let finished = Finished::of(&command.output().unwrap());
    assert_eq!(finished.stderr, "", "the flag is stronger");
}
