//! Commands in a program of their own, and those of another build.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use stage::{Finished, Stage};

/// A program that prints its arguments and exits with 42.
fn script(directory: &Path, name: &str, says: &str) -> PathBuf {
    std::fs::create_dir_all(directory).unwrap();
    let path = directory.join(name);
    let text = format!("#!/bin/sh\nprintf '%s' '{says}'\nprintf '<%s>' \"$@\"\nexit 42\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn run(stage: &Stage, path: &str, arguments: &[&str]) -> Finished {
    let mut command = stage.backstop(arguments);
    Finished::of(&command.env("PATH", path).output().unwrap())
}

#[test]
fn a_program_next_to_the_command_gets_the_arguments_and_gives_the_exit_code() {
    let stage = Stage::new();
    script(&stage.path(""), "backstop-db", "beside ");
    let elsewhere = stage.path("work/bin");
    script(&elsewhere, "backstop-db", "in PATH ");
    script(&elsewhere, "backstop-camera", "in PATH ");
    let path = format!("relative:{}:/usr/bin:/bin", elsewhere.display());
    for (arguments, said) in [
        (&["db"][..], "beside <>"),
        (
            &["db", "ls", "a b", "--json", "--", "-x"],
            "beside <ls><a b><--json><--><-x>",
        ),
        (
            &["--config", "x.toml", "db", "ls"],
            "beside <--config><x.toml><ls>",
        ),
        (&["db", "--help"], "beside <--help>"),
        (&["help", "db"], "beside <--help>"),
        (&["camera", "list"], "in PATH <list>"),
    ] {
        let finished = run(&stage, &path, arguments);
        assert_eq!(finished.code, Some(42), "{arguments:?} {finished:?}");
        assert_eq!(finished.stdout, said, "{arguments:?}");
    }
    let help = run(&stage, &path, &["--help"]).stdout;
    assert!(
        help.contains("\n  db ") && help.contains("\n  camera "),
        "{help}"
    );
}

#[test]
fn a_program_that_is_not_there_is_one_error_that_says_how_to_get_it() {
    let stage = Stage::new();
    // Not executable, or in a place that depends on where one stands.
    std::fs::write(stage.path("backstop-camera"), "").unwrap();
    script(&stage.path("work"), "backstop-db", "");
    for name in ["db", "camera"] {
        let finished = run(&stage, ".:/usr/bin:/bin", &[name, "ls"]);
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(2), ""),
            "{finished:?}"
        );
        let lines: Vec<_> = finished.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{finished:?}");
        assert!(
            lines[0].starts_with(&format!("error: `backstop-{name}`")),
            "{finished:?}"
        );
        assert!(lines[0].contains(&format!("cargo install --path cli --features {name}")));
    }
    let help = run(&stage, ".:/usr/bin:/bin", &["--help"]).stdout;
    assert!(
        !help.contains("\n  db ") && !help.contains("\n  camera "),
        "{help}"
    );
}

#[test]
fn a_command_of_another_build_names_its_feature() {
    let stage = Stage::new();
    let mut commands = vec![
        ("excel", "excel"),
        ("memory", "memory"),
        ("webdriver", "webdriver"),
        ("serve", "serve"),
        ("lint", "lint"),
    ];
    if !cfg!(feature = "monitor") {
        let names = ["watch", "check", "report", "history", "init"];
        commands.extend(names.map(|name| (name, "monitor")));
        let finished = stage.run(&["run", "--report", "r.json", "--", "true"]);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(
            finished.stderr.contains("feature `monitor`"),
            "{finished:?}"
        );
    }
    let help = stage.run(&["--help"]).stdout;
    for (name, feature) in commands {
        if help.contains(&format!("\n  {name} ")) {
            continue;
        }
        let finished = stage.run(&[name, "--anything", "else"]);
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(2), ""),
            "{finished:?}"
        );
        let lines: Vec<_> = finished.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{finished:?}");
        assert!(
            lines[0].contains(&format!("the feature `{feature}`")),
            "{finished:?}"
        );
    }
}

#[test]
fn one_settings_file_is_for_every_build() {
    let stage = Stage::new();
    let path = stage.path("work/backstop.toml");
    std::fs::write(&path, "[monitor]\ninterval = \"5s\"\n[run]\nquiet = true\n").unwrap();
    let finished = stage.run(&["run", "--", "true"]);
    assert_eq!(
        (finished.code, &*finished.stderr),
        (Some(0), ""),
        "{finished:?}"
    );
}
