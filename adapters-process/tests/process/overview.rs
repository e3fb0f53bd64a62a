//! What there is, and what became of the rest.

use std::process::Command;
use std::time::Duration;

use backstop_process::{ChildProcess, Overview, Timer, Worker};

use crate::scene::{LONG, backstop};

#[test]
fn children_threads_timers_and_the_past_are_seen() {
    let backstop = backstop();
    let child = ChildProcess::builder(Command::new("true"))
        .label("gone soon")
        .spawn_on(&backstop)
        .unwrap();
    let _ = child.wait().unwrap();
    assert!(child.release().outcome.is_released());
    let worker = Worker::start(&backstop, "seen worker", None, |stop| {
        let _ = stop.wait(LONG);
    })
    .unwrap();
    let timer = Timer::every_on(&backstop, "seen timer", Duration::from_secs(60), || {}).unwrap();

    let overview = Overview::of(&backstop);
    assert_eq!(overview.kinds["process.child"].released, 1);
    assert_eq!(overview.kinds["process.thread"].live, 1);
    assert_eq!(overview.kinds["process.timer"].live, 1);
    let past = &overview.history[0];
    assert_eq!(
        (past.kind, past.label.as_str()),
        ("process.child", "gone soon")
    );
    assert!(past.site.contains("overview.rs"));
    assert!(
        overview
            .threads
            .iter()
            .any(|view| view.name == "seen worker")
    );
    assert!(overview.timers.iter().any(|view| view.name == "seen timer"));
    let json = serde_json::to_value(&overview).unwrap();
    assert_eq!(json["history"][0]["outcome"], "released");
    drop((worker, timer));
    assert!(backstop.is_empty());
}
