//! The process that opens a resource and is killed: the same test, in a role.

use std::path::{Path, PathBuf};
use std::process::Command;

use backstop_core::Backstop;
use backstop_core::resource::TrackedResource;
use backstop_os::fork_child::exit_now;

use super::fixture::{Fixture, place_in, soon};
use super::subject::Subject;
use crate::attackers::in_forked_child;
use crate::role::{self, Actor};

/// The variable that names the fixture's directory for the owner.
const DIRECTORY: &str = "BACKSTOP_TESTKIT_DIRECTORY";

/// How an owner that cannot fork begins to say why.
pub(super) const UNFORKED: &str = "unforked: ";

/// What the owner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Opens one, sends its trace, and waits to be killed.
    Opens,
    /// Opens one, forks, has the child drop everything, sends trace and result, waits to be killed.
    Forks,
    /// Opens one and, on cue, releases it and ends.
    Releases,
}

impl Part {
    const ALL: [Self; 3] = [Self::Opens, Self::Forks, Self::Releases];

    fn role<S: Subject>(self, subject: &S) -> String {
        format!("{self:?} {}", subject.name())
    }
}

impl<S: Subject> Fixture<'_, S> {
    /// The command of an owner on this fixture.
    pub(super) fn owner(&self, part: Part) -> Result<Command, String> {
        let mut command = role::command(&part.role(self.subject))?;
        command
            .env("BACKSTOP_DIR", self.ledgers())
            .env(DIRECTORY, self.directory.path());
        Ok(command)
    }

    /// An owner that has opened a resource, and its trace.
    pub(super) fn owner_with_trace(&self) -> Result<(Actor, String), String> {
        let mut owner = Actor::start(&mut self.owner(Part::Opens)?);
        let trace = owner.next_line().expect("the owner says what it opened");
        Ok((owner, trace))
    }
}

/// Plays the role if it is one of this subject's; then it does not return.
pub(super) fn play<S: Subject>(subject: &S, assigned: &str) {
    let Some(part) = Part::ALL
        .into_iter()
        .find(|part| part.role(subject) == assigned)
    else {
        return;
    };
    let directory = std::env::var_os(DIRECTORY).expect("an owner is told its directory");
    let place = place_in(&PathBuf::from(directory));
    match part {
        Part::Opens => {
            let _guard = open(subject, &place);
            role::wait_to_be_killed()
        }
        Part::Forks => forks(subject, &place),
        Part::Releases => {
            let guard = open(subject, &place);
            role::wait_for_cue();
            let release = guard.release();
            exit_now(i32::from(release.outcome.is_stuck()))
        }
    }
}

fn open<S: Subject>(subject: &S, place: &Path) -> backstop_core::release::Tracked<S::Resource> {
    let guard = subject.open(&Backstop::global(), place);
    role::say(&subject.trace(&guard));
    guard
}

fn forks<S: Subject>(subject: &S, place: &Path) -> ! {
    let guard = open(subject, place);
    let kind = guard.kind();
    let mut guard = Some(guard);
    let came = in_forked_child(Actor::PATIENCE, || {
        // Everything that would release, in a process to which nothing belongs.
        let all = Backstop::global().release_all(soon());
        let of_kind = Backstop::global().release_kind(kind, soon());
        drop(guard.take());
        u8::from(!(all.ended.is_empty() && of_kind.ended.is_empty()))
    });
    match came {
        Ok(Some(code)) => role::say(&format!("forked, ended with {code}")),
        Ok(None) => role::say("forked, hung or died"),
        Err(error) => role::say(&format!("{UNFORKED}{error}")),
    }
    let _guard = guard;
    role::wait_to_be_killed()
}
