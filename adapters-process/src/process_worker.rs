//! Work in a separate process, which can be killed.

mod frames;

use std::io::{BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstop_core::error::{Error, ErrorKind, Retry, Stage};
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Backstop, CallError, Release, Tracked, within};
use backstop_core::resource::{Deadline, Site};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{self, RestartLimit};
use crate::resource::ChildProcess;
use crate::server::Restarts;
pub use frames::serve;
use frames::{Answer, Request};

/// The variable that makes a program its own worker: the worker's name.
const VARIABLE: &str = "BACKSTOP_WORKER";

/// A child that answers requests, one JSON value per line each way. Work that hangs or crashes ends with
/// its process, and the next request starts a new one.
///
/// # Guarantees
/// If a request is not answered in time, the whole tree of the process is killed and the caller receives
/// an error. No more processes are started than the restart limit allows.
///
/// # When it does not hold
/// Anything else that the work writes to standard output breaks the protocol: the request fails with an
/// error that shows the line, and the process is terminated.
pub struct ProcessWorker {
    name: String,
    site: Site,
    backstop: Backstop,
    policy: Option<CleanupPolicy>,
    command: Box<dyn Fn() -> std::io::Result<Command> + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    running: Option<Running>,
    restarts: Restarts,
    next_request: u64,
    starts: u64,
    last_end: Option<String>,
}

struct Running {
    child: Tracked<ChildProcess>,
    pipes: Arc<Mutex<Pipes>>,
}

struct Pipes {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Runs as the worker `name` if this process was started as that, and then never returns; returns
/// immediately otherwise.
///
/// Call it first in `main`, before threads, arguments and files.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
/// use backstop_process::{ProcessWorker, enter_worker};
///
/// fn main() -> Result<(), backstop_core::error::Error> {
///     enter_worker("square", |number: i64| Ok::<_, String>(number * number));
///     let worker = ProcessWorker::of_this_program("square");
///     let nine: i64 = worker.request(&3, Duration::from_secs(1))?;
///     assert_eq!(nine, 9);
///     Ok(())
/// }
/// ```
pub fn enter_worker<Q: DeserializeOwned, A: Serialize, E: std::fmt::Display>(
    name: &str,
    handler: impl FnMut(Q) -> Result<A, E>,
) {
    if std::env::var_os(VARIABLE).is_none_or(|started_as| started_as != name) {
        return;
    }
    let code = match serve(handler) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = error.chain(), "the worker failed");
            1
        }
    };
    backstop_os::fork_child::exit_now(code);
}

impl ProcessWorker {
    /// A worker that runs this program's executable; its `main` calls [`enter_worker`] with the same name.
    #[must_use]
    #[track_caller]
    pub fn of_this_program(name: impl Into<String>) -> Self {
        let name = name.into();
        let own = name.clone();
        Self::build(
            name,
            Box::new(move || {
                let mut command = Command::new(std::env::current_exe()?);
                command.env(VARIABLE, &own);
                Ok(command)
            }),
        )
    }

    /// A worker that runs any program that answers each line `{"id":N,"request":…}` with a line
    /// `{"id":N,"answer":…}` or `{"id":N,"error":"…"}`.
    #[must_use]
    #[track_caller]
    pub fn of_command(
        name: impl Into<String>,
        command: impl Fn() -> Command + Send + Sync + 'static,
    ) -> Self {
        Self::build(name.into(), Box::new(move || Ok(command())))
    }

    #[track_caller]
    fn build(
        name: String,
        command: Box<dyn Fn() -> std::io::Result<Command> + Send + Sync>,
    ) -> Self {
        Self {
            name,
            site: Site::caller(),
            backstop: Backstop::global(),
            policy: None,
            command,
            state: Mutex::new(State {
                running: None,
                restarts: Restarts::new(RestartLimit::default()),
                next_request: 0,
                starts: 0,
                last_end: None,
            }),
        }
    }

    /// The tracker. Default: this process's.
    #[must_use]
    pub fn on(mut self, backstop: &Backstop) -> Self {
        self.backstop = *backstop;
        self
    }

    /// How often a process that died or was killed is replaced. Default: once per 5 s.
    #[must_use]
    pub fn restarts(self, limit: RestartLimit) -> Self {
        self.state.lock().restarts = Restarts::new(limit);
        self
    }

    /// The policy of its process. Default: that of child processes.
    #[must_use]
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sends a request and returns the answer; starts a process if none is running. Requests of several
    /// threads are answered one after the other.
    ///
    /// # Errors
    /// The worker answered with an error (`Io`, not to be retried); the answer was late (`Deadline`) or
    /// invalid (`Corrupt`), and its process was killed; or the process cannot be started, or the restart
    /// limit is reached (`Limit`).
    pub fn request<Q: Serialize, A: DeserializeOwned>(
        &self,
        request: &Q,
        span: Duration,
    ) -> Result<A, Error> {
        let deadline = Deadline::after(span);
        let mut state = self
            .state
            .try_lock_until(deadline.instant())
            .ok_or_else(|| {
                self.failed(
                    ErrorKind::Deadline,
                    "another request used up the time limit",
                )
            })?;
        state.next_request += 1;
        let id = state.next_request;
        let line = frames::line(&Request { id, request }).map_err(|error| error.of(&self.name))?;
        let pipes = self.pipes(&mut state)?;
        let exchanged = within(deadline, move || exchange(&pipes, &line, id));
        let problem = match exchanged {
            Ok(Ok(Answer::Answer(value))) => match serde_json::from_value(value) {
                Ok(answer) => return Ok(answer),
                Err(cause) => self
                    .failed(ErrorKind::Corrupt, "the answer has an unexpected type")
                    .with_source(cause),
            },
            // The process is healthy: only this request failed.
            Ok(Ok(Answer::Error(message))) => {
                return Err(self
                    .failed(ErrorKind::Io, "the worker answered with an error")
                    .retry(Retry::Never)
                    .with("error", message));
            }
            Ok(Err(error)) => error.of(&self.name),
            Err(CallError::Hung) => {
                self.failed(ErrorKind::Deadline, "the request was not answered in time")
            }
            Err(error) => self
                .failed(ErrorKind::Io, "the request cannot be serialized")
                .with_source(error),
        };
        state.last_end = Some(problem.chain());
        let release = state.running.take().map(|running| running.child.force());
        Err(match release {
            Some(release) => problem.with("release", release.outcome),
            None => problem,
        })
    }

    /// The PID of the running process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        let state = self.state.lock();
        state.running.as_ref().map(|running| running.child.pid())
    }

    /// How many processes were started.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.state.lock().starts
    }

    /// Releases the process; `None` if none runs.
    pub fn stop(self) -> Option<Release> {
        let running = self.state.into_inner().running?;
        Some(running.child.release())
    }

    fn pipes(&self, state: &mut State) -> Result<Arc<Mutex<Pipes>>, Error> {
        if let Some(running) = &state.running
            && running.child.get().is_ok()
            && matches!(running.child.try_wait(), Ok(None))
        {
            return Ok(Arc::clone(&running.pipes));
        }
        if let Some(ended) = state.running.take() {
            state.last_end = Some(match ended.child.try_wait() {
                Ok(Some(status)) => format!("it ended: {status}"),
                Ok(None) => "it was released".into(),
                Err(error) => error.chain(),
            });
            drop(ended.child.force());
        }
        if state.starts > 0 && !state.restarts.allow(Instant::now()) {
            let limit = state.restarts.limit();
            let why = state.last_end.clone().unwrap_or_default();
            return Err(self
                .failed(ErrorKind::Limit, "the restart limit is reached")
                .with("restarts", limit.restarts)
                .with("window", format!("{:?}", limit.window))
                .with("last", why));
        }
        let running = self.start()?;
        state.starts += 1;
        let pipes = Arc::clone(&running.pipes);
        state.running = Some(running);
        Ok(pipes)
    }

    fn start(&self) -> Result<Running, Error> {
        let mut command = (self.command)().map_err(|cause| {
            Error::io(
                Stage::Open,
                "cannot determine the path of this program",
                cause,
            )
        })?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut builder = ChildProcess::builder(command)
            .kind(config::PROCESS_WORKER)
            .label(&self.name)
            .site(self.site);
        if let Some(policy) = &self.policy {
            builder = builder.policy(policy.clone());
        }
        let child = builder.spawn_on(&self.backstop)?;
        let (Some(input), Some(output)) = (child.take_stdin(), child.take_stdout()) else {
            return Err(self.failed(ErrorKind::Io, "the process has no pipes"));
        };
        Ok(Running {
            child,
            pipes: Arc::new(Mutex::new(Pipes {
                input,
                output: BufReader::new(output),
            })),
        })
    }

    fn failed(&self, kind: ErrorKind, message: &'static str) -> Error {
        Error::new(kind, Stage::Use, message).of(&self.name)
    }
}

/// Returns an error when the process is killed: its pipes break.
fn exchange(pipes: &Mutex<Pipes>, line: &[u8], id: u64) -> Result<Answer, Error> {
    let mut pipes = pipes.lock();
    pipes
        .input
        .write_all(line)
        .and_then(|()| pipes.input.flush())
        .map_err(|cause| Error::io(Stage::Use, "the request cannot be sent", cause))?;
    frames::read_answer(&mut pipes.output, id)
}

#[cfg(test)]
mod tests {
    use backstop_core::reclaim::Reclaimers;
    use backstop_testkit::conformance;
    use backstop_testkit::subjects::processes::Processes;

    use super::*;

    /// The process of a worker is a child of another kind, whose guard is in here.
    #[test]
    fn a_process_worker_conforms() {
        let workers = Processes::<ChildProcess> {
            name: "process.worker",
            open: |backstop, command| {
                let command = Mutex::new(Some(command));
                let worker = ProcessWorker::of_command("worker", move || {
                    command.lock().take().expect("it is started once")
                })
                .on(backstop);
                let running = worker.start().expect("a shell can be started");
                running.child
            },
            pid: ChildProcess::pid,
            reclaimers: || Reclaimers::new().with(backstop_core::tree::TreeReclaimer),
        };
        // SIGKILL ends every process: nothing holds one that a test could make.
        let held = "what is held is stuck, named, and holds up no other";
        conformance::check(&workers).assert_all_but(&[held]);
    }
}
