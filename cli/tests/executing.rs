//! A process that is executing a program shows no environment: it may be the one that is looked for.
//!
//! In a file of its own: while such a process lives, no sweep beside it is sure that something is gone.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use backstop_core::ledger::State;
use backstop_os::identity::Cookie;
use backstop_testkit::attackers::become_faceless;
use backstop_testkit::role::{self, Actor};
use backstop_testkit::{ForgedLedger, Suite, skip};
use stage::Stage;

#[test]
fn a_process_that_cannot_be_told_just_now_is_not_taken_for_none() {
    if role::assigned().is_some() {
        let hidden = become_faceless();
        role::say(&hidden.map_or_else(|error| error.to_string(), |()| "hidden".into()));
        role::wait_to_be_killed();
    }
    let stage = Stage::new();
    let mut faceless = Actor::start(&mut role::command("faceless").unwrap());
    let said = faceless.next_line().unwrap();
    if said != "hidden" {
        return skip(Suite::FacelessProcess, &said);
    }
    let recipe = format!(
        "{{\"form\":\"tree/1\",\"cookie\":\"{}\"}}",
        Cookie::random()
    );
    let ledger = ForgedLedger::new()
        .entry("process.child", "child", State::Intent, &recipe)
        .entry("process.run", "run", State::Intent, &recipe);
    let path = ledger.write(&stage.path("ledgers"));
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(1), "{swept:?}");
    let reason = "1 processes could not be identified yet; run the sweep again";
    assert_eq!(swept.stdout.matches(reason).count(), 2, "{swept:?}");
    assert!(path.exists());
    faceless.kill();
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert!(!path.exists(), "{swept:?}");
}
