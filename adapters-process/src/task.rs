//! Async tasks: cancelled, aborted if necessary, and verified to have ended.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Backstop, Tracked};
use backstop_core::resource::{Kind, Presence, Progress, Rung, Site, Step, TrackedResource};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config;

/// A task of a tokio runtime.
///
/// # Guarantees
/// Releasing asks it by its [`TaskToken`], then aborts it; `released` means that its future was
/// dropped. Releasing needs no other runtime, and works from any thread; the tasks of a runtime
/// that was shut down count as gone, because the runtime dropped them.
///
/// # When it does not hold
/// An abort takes effect at the task's next `await`: one that never reaches it, or whose runtime is
/// not driven, makes the release end stuck.
pub struct Task {
    name: String,
    handle: JoinHandle<()>,
    cancel: watch::Sender<bool>,
    end: Arc<Mutex<Option<TaskEnd>>>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TaskEnd {
    /// Its future completed.
    Returned,
    /// It panicked.
    Panicked,
    /// It was aborted, or its runtime was shut down.
    Aborted,
}

/// Signals a task to end.
#[derive(Debug, Clone)]
pub struct TaskToken(watch::Receiver<bool>);

impl TaskToken {
    /// Whether the task is to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the task is to end.
    ///
    /// # Cancel safety
    /// It may be dropped and called again at any time.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        // The sender is dropped with the guard, after which the task is no longer needed.
        let _ = receiver.wait_for(|is_cancelled| *is_cancelled).await;
    }
}

/// Spawns a task on the runtime of the caller, tracked by this process's [`Backstop`].
///
/// # Errors
/// The caller is not in a runtime.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "multi_thread", worker_threads = 1)]
/// # async fn main() -> Result<(), backstop_core::error::Error> {
/// use backstop_process::spawn_task;
///
/// let task = spawn_task("listen", |token| async move { token.cancelled().await })?;
/// let release = tokio::task::spawn_blocking(|| task.release()).await.expect("no panic");
/// assert!(release.outcome.is_released());
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn spawn_task<F: Future<Output = ()> + Send + 'static>(
    name: impl Into<String>,
    body: impl FnOnce(TaskToken) -> F,
) -> Result<Tracked<Task>, Error> {
    let name = name.into();
    let runtime = Handle::try_current().map_err(|cause| {
        Error::new(
            ErrorKind::Unsupported,
            Stage::Open,
            "a task needs a runtime to run on",
        )
        .of(&name)
        .with_source(cause)
    })?;
    Ok(Task::spawn(&Backstop::global(), &runtime, name, None, body))
}

impl Task {
    /// Spawns a task on a runtime, tracked by `backstop`, with its own policy or else that of its
    /// kind, else [`task_policy`](config::task_policy).
    #[track_caller]
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(
        backstop: &Backstop,
        runtime: &Handle,
        name: impl Into<String>,
        policy: Option<CleanupPolicy>,
        body: impl FnOnce(TaskToken) -> F,
    ) -> Tracked<Self> {
        let name = name.into();
        let intent = backstop
            .intend(config::TASK, name.clone())
            .site(Site::caller())
            .policy(config::chosen(
                policy,
                backstop,
                config::TASK,
                config::task_policy,
            ))
            .declare();
        let (cancel, cancelled) = watch::channel(false);
        let end = Arc::<Mutex<Option<TaskEnd>>>::default();
        let note = EndNote(Arc::clone(&end));
        let future = body(TaskToken(cancelled));
        let handle = runtime.spawn(async move {
            let note = note;
            future.await;
            *note.0.lock() = Some(TaskEnd::Returned);
        });
        intent.fulfil(Self {
            name,
            handle,
            cancel,
            end,
        })
    }

    /// How it ended; `None` while it runs.
    #[must_use]
    pub fn end(&self) -> Option<TaskEnd> {
        *self.end.lock()
    }

    /// Asks it to end. Releasing does so too.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }
}

impl TrackedResource for Task {
    fn kind(&self) -> Kind {
        config::TASK
    }

    fn label(&self) -> Cow<'static, str> {
        self.name.clone().into()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.cancel();
        if step.rung > Rung::Ask {
            self.handle.abort();
        }
        Ok(Progress::Pending)
    }

    fn verify(&self) -> Presence {
        if self.handle.is_finished() {
            Presence::Gone
        } else {
            Presence::present(format!(
                "task {} ({}), which has not reached an await",
                self.name,
                self.handle.id()
            ))
        }
    }
}

/// Notes how a future ended, when it is dropped.
struct EndNote(Arc<Mutex<Option<TaskEnd>>>);

impl Drop for EndNote {
    fn drop(&mut self) {
        let mut end = self.0.lock();
        if end.is_none() {
            *end = Some(if std::thread::panicking() {
                TaskEnd::Panicked
            } else {
                TaskEnd::Aborted
            });
        }
    }
}
