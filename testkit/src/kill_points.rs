//! SIGKILL at every change of a state that another process relies on, and at instants in between.
//!
//! Core kills its own process at the point named by `BACKSTOP_KILL_AT` (its feature `kill-points`, which this
//! crate turns on). A [`KillPoints`] plays one scene again and again with the blow a step later each
//! time, until the process survives the scene.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::role::Actor;

/// Where and how often a process is killed in the same scene.
#[derive(Debug, Clone)]
#[must_use = "nothing is killed until `strike`"]
pub struct KillPoints {
    places: Vec<&'static str>,
    instants: u32,
}

/// One blow: the scene starts its process with it, and lets it fall.
#[derive(Debug)]
pub struct Blow {
    falls: Falls,
    started: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Falls {
    /// The n-th time at a place.
    At(&'static str, u32),
    /// This long after the start.
    After(Duration),
}

/// Where the process was killed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Struck {
    /// How often the process passed each place, and was killed there each time.
    pub at: Vec<(&'static str, u32)>,
    /// How many of the blows at instants hit a process that had not ended.
    pub between: u32,
}

impl KillPoints {
    /// An owner's changes of state, in order; each is reached right after others can see it.
    pub const OWNER: [&'static str; 4] = [
        "ledger.intent",
        "ledger.live",
        "ledger.closing",
        "ledger.closed",
    ];

    /// A sweeper's steps: before it acts, and after that, before the entry is closed.
    pub const SWEEPER: [&'static str; 2] = ["sweep.acting", "sweep.closing"];

    /// More than any scene has, so that one without end is a failure.
    const MOST: u32 = 256;

    /// Blows at these places.
    pub fn at(places: &[&'static str]) -> Self {
        Self {
            places: places.to_vec(),
            instants: 0,
        }
    }

    /// Also at this number of instants, spread evenly over the time that the scene's process takes. Where in
    /// the code they fall is the scheduler's choice, a different one in each run.
    pub fn and_at_instants(mut self, count: u32) -> Self {
        self.instants = count;
        self
    }

    /// Plays the scene once for each kill. The scene creates its place again, starts its process with
    /// [`Blow::start`], lets the blow fall with [`Blow::fall`], sweeps, asserts that nothing is left,
    /// and returns the status.
    ///
    /// # Panics
    /// The process ends otherwise than by the blow or well, or the scene panics: the message of a
    /// panic follows a line on stderr that names the blow.
    pub fn strike(&self, mut scene: impl FnMut(&mut Blow) -> ExitStatus) -> Struck {
        let mut struck = Struck::default();
        let mut undisturbed = Duration::ZERO;
        for place in &self.places {
            let survived_at = (1..=Self::MOST).find(|count| {
                let (hit, took) = play(Falls::At(place, *count), &mut scene);
                undisturbed = undisturbed.max(took);
                !hit
            });
            let passes = survived_at.map(|count| count - 1);
            let passes = passes.unwrap_or_else(|| panic!("{place} is passed without end"));
            struck.at.push((place, passes));
        }
        for instant in 0..self.instants {
            let after = undisturbed * instant / self.instants;
            let (hit, _) = play(Falls::After(after), &mut scene);
            struck.between += u32::from(hit);
        }
        struck
    }
}

/// Whether the blow hit, and how long the process lived.
fn play(falls: Falls, scene: &mut impl FnMut(&mut Blow) -> ExitStatus) -> (bool, Duration) {
    let mut blow = Blow {
        falls,
        started: None,
    };
    let named = NameOnPanic(format!("{:?}", blow.falls));
    let status = scene(&mut blow);
    let lived = blow.started.map_or(Duration::ZERO, |start| start.elapsed());
    let hit = match (status.signal(), status.code()) {
        (Some(9), _) => true,
        (_, Some(0)) => false,
        _ => panic!("the process ended by itself: {status}"),
    };
    drop(named);
    (hit, lived)
}

impl Blow {
    /// Starts the scene's process so that the blow will find it.
    pub fn start(&mut self, command: &mut Command) -> Actor {
        if let Falls::At(place, count) = self.falls {
            command.env("BACKSTOP_KILL_AT", format!("{place}:{count}"));
        }
        self.started = Some(Instant::now());
        Actor::start(command)
    }

    /// Gives the process its cue, lets the blow fall, and waits for the end.
    pub fn fall(&self, actor: &mut Actor) -> ExitStatus {
        actor.cue();
        if let (Falls::After(span), Some(start)) = (&self.falls, self.started) {
            // The instant is the point: there is nothing to wait for but the time.
            std::thread::sleep(span.saturating_sub(start.elapsed()));
            return actor.kill();
        }
        actor.wait()
    }
}

/// Names the blow under which a scene panicked.
struct NameOnPanic(String);

impl Drop for NameOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "the blow: {}", self.0);
        }
    }
}
