//! What `backstop init` writes works as it is.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use stage::Stage;

#[test]
fn the_unit_executes_this_program_and_ci_installs_it_first() {
    let stage = Stage::new();
    let written = stage.run(&["init"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let read = |name: &str| std::fs::read_to_string(stage.path("work").join(name)).unwrap();
    let unit = read("backstop-sweep.service");
    let program = stage.binary().canonicalize().unwrap();
    let line = format!("ExecStart={} sweep\n", program.display());
    assert!(unit.contains(&line), "{unit}");
    assert!(!unit.contains("man:"), "there is no man page: {unit}");
    for name in ["backstop-ci.github.yml", "backstop-ci.gitlab.yml"] {
        let job = read(name);
        let install = job.find("cargo install").unwrap();
        assert!(install < job.find("backstop run --").unwrap(), "{job}");
    }
    assert_eq!(
        stage.run(&["run", "--", "true"]).code,
        Some(0),
        "the config is valid"
    );
}

#[test]
fn what_is_there_is_overwritten_only_when_asked_for() {
    let stage = Stage::new();
    let path = stage.path("work/backstop.toml");
    std::fs::write(&path, "").unwrap();
    let refused = stage.run(&["init"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(std::fs::read_dir(stage.path("work")).unwrap().count(), 1);
    assert_eq!(stage.run(&["init", "--dry-run", "--force"]).code, Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    assert_eq!(stage.run(&["init", "--force"]).code, Some(0));
    assert_ne!(std::fs::read_to_string(&path).unwrap(), "");
}
