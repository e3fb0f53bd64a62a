//! Wrong input is answered by one clear sentence.

mod stage;

use stage::Stage;

#[test]
fn a_setting_that_does_not_exist_names_file_line_and_the_nearest() {
    let stage = Stage::new();
    let path = stage.path("work/backstop.toml");
    std::fs::write(&path, "[run]\ngrace = \"1s\"\nkil-after = \"1s\"\n").unwrap();
    let finished = stage.run(&["run", "--", "echo", "started"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "", "nothing was started");
    assert!(finished.stderr.contains("backstop.toml:3"), "{finished:?}");
    assert!(finished.stderr.contains("`run.kill-after`"), "{finished:?}");
}

#[test]
fn settings_are_taken_from_file_environment_and_flag_in_that_order() {
    let stage = Stage::new();
    let path = stage.path("work/own.toml");
    std::fs::write(&path, "[run]\nfail-on = [\"files\"]\nquiet = true\n").unwrap();
    let leave_file = ["--", "sh", "-c", "echo >$TMPDIR/file"];
    let run = |before: &[&str], variable: Option<&str>| {
        let mut command = stage.backstop(before);
        command.args(leave_file);
        if let Some(value) = variable {
            command.env("BACKSTOP_RUN_FAIL_ON", value);
        }
        command.output().unwrap().status.code()
    };
    let config = ["--config", path.to_str().unwrap(), "run"];
    assert_eq!(run(&config, None), Some(70));
    assert_eq!(run(&config, Some("ports")), Some(0));
    let with_flag = [
        "--config",
        path.to_str().unwrap(),
        "run",
        "--fail-on",
        "files",
    ];
    assert_eq!(run(&with_flag, Some("ports")), Some(70));
    assert_eq!(run(&config, Some("sockets")), Some(2));
}

#[test]
fn wrong_flags_and_values_are_usage_errors() {
    let stage = Stage::new();
    for (arguments, word) in [
        (&["run", "--tmieout", "2s", "--", "true"][..], "--timeout"),
        (&["run", "--timeout", "soon", "--", "true"], "500ms"),
        (&["run", "--timeout=-2s", "--", "true"], "500ms"),
        (
            &["run", "--timeout", "0s", "--", "true"],
            "`0s` must be greater than zero",
        ),
        (
            &["run", "--max-rss", "0", "--", "true"],
            "`0` must be greater than zero",
        ),
        (&["run", "--max-rss", "1.5 parsec", "--", "true"], "64MB"),
        #[cfg(feature = "monitor")]
        (
            &["run", "--report", "out.pdf", "--", "true"],
            ".json, .html, .md or .txt",
        ),
        #[cfg(feature = "monitor")]
        (
            &["run", "--report", "/no/such/place/r.json", "--", "true"],
            "/no/such/place/r.json",
        ),
        (&["run", "--fail-on", "smoke", "--", "true"], "processes"),
        (&["run"], "CMD"),
        (&["who", ":http"], ":65535"),
        (&["who", "/no/such/path"], "/no/such/path"),
        (&["sweep", "--older-than", "3"], "500ms"),
        (&["sweep", "--prefix", "x"], "--in"),
        (&["--config", "/no/such.toml", "sweep"], "/no/such.toml"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let finished = stage.run(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?} {finished:?}");
        assert!(finished.stderr.contains(word), "{arguments:?} {finished:?}");
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_span_longer_than_the_clock_is_as_good_as_none() {
    let stage = Stage::new();
    let ages = "500000000000y";
    let mut arguments = vec!["run", "--quiet"];
    arguments.extend(["--timeout", ages, "--grace", ages, "--kill-after", ages]);
    // Its parent is the supervisor, which counts the grace from then on.
    let script = "trap 'exit 7' TERM; kill -TERM $PPID; sleep 60 & wait; exit 8";
    arguments.extend(["--", "sh", "-c", script]);
    let finished = stage.run(&arguments);
    assert_eq!(finished.code, Some(7), "{finished:?}");
    assert_eq!(finished.stderr, "");
}

#[test]
fn help_is_an_answer() {
    let stage = Stage::new();
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["sweep", "--help"],
        &["--version"],
    ] {
        let finished = stage.run(arguments);
        assert_eq!(finished.code, Some(0), "{arguments:?}");
        assert!(finished.stdout.contains("backstop"), "{arguments:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            stage
                .run(&["completions", shell])
                .stdout
                .contains("backstop")
        );
    }
}

#[test]
fn the_log_tells_what_was_asked_for_by_level_and_by_module() {
    let stage = Stage::new();
    let told = |filter: Option<&str>| {
        let mut command = stage.backstop(&["run", "--quiet", "--", "true"]);
        // No ledger can be made there, of which the library warns.
        command.env("BACKSTOP_DIR", "/proc/no-such-directory");
        if let Some(filter) = filter {
            command.env("BACKSTOP_LOG", filter);
        }
        let stderr = command.output().unwrap().stderr;
        String::from_utf8_lossy(&stderr).contains("tracking is degraded")
    };
    assert!(told(Some("warn")));
    assert!(told(Some("error,backstop_core::release=debug")));
    assert!(!told(Some("backstop_process=trace")));
    assert!(!told(Some("debug,backstop_core=off")));
    assert!(!told(None));
}

#[test]
fn durations_and_sizes_are_read_alike_in_flags_environment_and_files() {
    let stage = Stage::new();
    let path = stage.path("work/backstop.toml");
    for (key, flag, text, said) in [
        (
            "timeout",
            "--timeout",
            "2 parsecs",
            "invalid duration `2 parsecs`: use a number and a unit",
        ),
        (
            "timeout",
            "--timeout",
            "0s",
            "`0s` must be greater than zero",
        ),
        (
            "grace",
            "--grace",
            "soon",
            "invalid duration `soon`: use a number and a unit",
        ),
        (
            "max-rss",
            "--max-rss",
            "2 parsecs",
            "invalid size `2 parsecs`: use a number and a unit",
        ),
        (
            "max-rss",
            "--max-rss",
            "0MB",
            "`0MB` must be greater than zero",
        ),
    ] {
        let by_flag = stage.run(&["run", flag, text, "--", "true"]);
        std::fs::write(&path, format!("[run]\n{key} = \"{text}\"\n")).unwrap();
        let by_file = stage.run(&["run", "--", "true"]);
        std::fs::remove_file(&path).unwrap();
        let variable = format!("BACKSTOP_RUN_{}", key.to_uppercase().replace('-', "_"));
        let mut command = stage.backstop(&["run", "--", "true"]);
        let by_variable = stage::Finished::of(&command.env(variable, text).output().unwrap());
        for finished in [by_flag, by_file, by_variable] {
            assert_eq!(finished.code, Some(2), "{text}: {finished:?}");
            assert!(finished.stderr.contains(said), "{text}: {finished:?}");
        }
    }
}

#[test]
fn a_log_filter_that_is_not_one_is_a_warning_and_the_command_runs() {
    let stage = Stage::new();
    let mut command = stage.backstop(&["run", "--quiet", "--", "true"]);
    let output = command.env("BACKSTOP_LOG", "a=b=c").output().unwrap();
    let finished = stage::Finished::of(&output);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
    assert!(
        finished
            .stderr
            .starts_with("backstop: BACKSTOP_LOG: invalid filter `a=b=c`"),
        "{finished:?}"
    );
}
