//! A running actor, as its test sees it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::SAID;

/// How often an actor's exit is polled for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long the last output of an actor may take to arrive after its exit, on a loaded machine.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A process that plays a role. Dropping it kills it with SIGKILL and reaps it.
#[derive(Debug)]
pub struct Actor {
    child: Child,
    lines: Receiver<String>,
}

impl Actor {
    /// How long an actor may take for anything: far beyond what a loaded machine needs.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// Starts an actor by a [`command`](super::command).
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the test's own program starts");
        let out = child.stdout.take().expect("an actor's output is piped");
        let (sender, lines) = channel();
        // Ends with the actor's output.
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some((_, said)) = line.split_once(SAID)
                    && sender.send(said.to_owned()).is_err()
                {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// Its PID.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it sends; `None` if it exits without one.
    ///
    /// # Panics
    /// It prints nothing and does not exit.
    pub fn next_line(&mut self) -> Option<String> {
        let late = Instant::now() + Self::PATIENCE;
        loop {
            // Its output alone does not show it: what it opened may hold that open after its exit.
            let ended = self.has_ended();
            let wait = if ended { LAST_WORDS } else { LOOK_EVERY };
            match self.lines.recv_timeout(wait) {
                Ok(line) => return Some(line),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if ended => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let pid = self.pid();
            assert!(
                Instant::now() < late,
                "the actor {pid} neither speaks nor ends"
            );
        }
    }

    /// Lets it continue: see [`wait_for_cue`](super::wait_for_cue).
    pub fn cue(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Kills it with SIGKILL and reaps it.
    ///
    /// # Panics
    /// It cannot be reaped.
    pub fn kill(&mut self) -> ExitStatus {
        // It may have ended already.
        let _ = self.child.kill();
        self.child
            .wait()
            .expect("the actor is a child of this test")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let late = Instant::now() + Self::PATIENCE;
        while !self.has_ended() {
            let pid = self.pid();
            assert!(Instant::now() < late, "the actor {pid} does not end");
            // The end of a child has no wait with a limit in the standard library.
            std::thread::sleep(LOOK_EVERY);
        }
        self.child
            .wait()
            .expect("the actor is a child of this test")
    }

    fn has_ended(&mut self) -> bool {
        let status = self.child.try_wait();
        status.expect("the actor is a child of this test").is_some()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
