//! A scope that is also measured: time, memory, file descriptors, and the resources that it opened
//! and left.

mod account;
mod spread;
mod statistics;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

pub use account::{MemoryAccount, OperationAccount, Peak, ResourceAccount};
pub use spread::{Spread, TimeSpread};
pub use statistics::{NameStatistics, OperationStatistics};

use super::own_snapshot;
use crate::release::{Backstop, End, Ended, OpeningBook, Scope, ScopeError};
use crate::resource::Bytes;
use account::Began;
use statistics::Names;

/// The operations of a [`Backstop`], and their statistics by name. Clones share them.
///
/// # Examples
/// ```
/// use backstop_core::monitor::Operations;
/// use backstop_core::release::{Backstop, Tracking};
/// use backstop_core::resource::Kind;
///
/// let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
/// let operations = Operations::new(backstop);
/// let measured = operations.run("import", |operation| {
///     operation.hold(backstop.track_with(
///         Kind::new("example.connection"), "main", 7, |_| Ok::<_, std::io::Error>(()),
///     ));
///     Ok::<_, std::io::Error>(42)
/// });
/// assert_eq!(measured.account.opened.len(), 1);
/// assert!(measured.account.left.is_empty());
/// assert_eq!(measured.value.unwrap(), 42);
/// assert_eq!(operations.statistics().names["import"].count, 1);
/// ```
#[derive(Clone)]
pub struct Operations {
    backstop: Backstop,
    names: Arc<Mutex<Names>>,
}

/// A [`Scope`] that is measured; it dereferences to its scope. Dropping it ends it as failed, as
/// with a scope; either way it is counted in the statistics.
///
/// # Guarantees
/// Its record of resources is exact, for those that its thread opened. While no operation runs,
/// tracking a resource costs nothing extra.
///
/// # When it does not hold
/// - Resources that other threads open for it are not in its record, unless it [holds](Scope::hold)
///   them, and then only their release is. It stays on its thread: an async task that may change
///   threads uses a scope.
/// - Memory and file descriptors are the process's: activity of other threads is included.
/// - The peak is exact only if the process never before had as much; see [`Peak`].
#[must_use = "an operation ends when it is dropped"]
pub struct Operation {
    operations: Operations,
    /// `Some` until the end.
    scope: Option<Scope>,
    book: OpeningBook,
    began: Began,
}

/// The result of an operation, and its record.
#[derive(Debug)]
#[must_use]
pub struct Measured<T> {
    /// The result of its body.
    pub value: T,
    /// The record.
    pub account: OperationAccount,
}

impl Operations {
    /// Operations with their own statistics.
    #[must_use]
    pub fn new(backstop: Backstop) -> Self {
        Self {
            backstop,
            names: Arc::default(),
        }
    }

    /// The operations of this process's [`Backstop`].
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: OnceLock<Operations> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::new(Backstop::global())).clone()
    }

    /// Starts an operation.
    #[track_caller]
    pub fn begin(&self, name: impl Into<Cow<'static, str>>) -> Operation {
        let scope = self.backstop.scope(name);
        let name = scope.name().to_owned();
        Operation {
            operations: self.clone(),
            scope: Some(scope),
            book: OpeningBook::open(),
            began: Began::now(name),
        }
    }

    /// Runs the body as an operation: finished if the body returned `Ok`, failed if it returned
    /// `Err`, cancelled if its token was cancelled by then. A panic of the body ends the operation
    /// and is propagated.
    #[track_caller]
    pub fn run<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        body: impl FnOnce(&mut Operation) -> Result<T, E>,
    ) -> Measured<Result<T, ScopeError<E>>> {
        let mut operation = self.begin(name);
        // A panic drops the operation, which ends it as panicked.
        match body(&mut operation) {
            Ok(value) => {
                let account = operation.finish();
                let value = match account.end {
                    End::Cancelled => Err(ScopeError::Cancelled),
                    _ => Ok(value),
                };
                Measured { value, account }
            }
            Err(error) => Measured {
                value: Err(ScopeError::Body(error)),
                account: operation.fail(),
            },
        }
    }

    /// The statistics by name.
    #[must_use]
    pub fn statistics(&self) -> OperationStatistics {
        self.names.lock().statistics()
    }
}

impl Operation {
    /// Samples the memory now, so that a peak between two steps of the work is not missed.
    pub fn sample_memory(&mut self) -> Bytes {
        let sample = own_snapshot::now();
        self.began.highest = self.began.highest.max(sample.resident);
        sample.resident
    }

    /// Ends the operation as finished, unless it was cancelled.
    pub fn finish(mut self) -> OperationAccount {
        let ended = self.scope.take().map(Scope::finish);
        self.account(ended)
    }

    /// Ends the operation as failed.
    pub fn fail(mut self) -> OperationAccount {
        let ended = self.scope.take().map(fail);
        self.account(ended)
    }

    fn account(&mut self, ended: Option<Ended<()>>) -> OperationAccount {
        let account = self.began.account(ended, &self.book.read());
        self.operations.names.lock().add(&account);
        account
    }
}

fn fail(scope: Scope) -> Ended<()> {
    let Ended {
        end,
        releases,
        failed_callbacks,
        ..
    } = scope.run(|_| Err::<(), ()>(()));
    Ended {
        value: (),
        end,
        releases,
        failed_callbacks,
    }
}

impl Deref for Operation {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        self.scope
            .as_ref()
            .expect("the scope is only taken at the end")
    }
}

impl DerefMut for Operation {
    fn deref_mut(&mut self) -> &mut Scope {
        self.scope
            .as_mut()
            .expect("the scope is only taken at the end")
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        let Some(scope) = self.scope.take() else {
            return;
        };
        let ended = if std::thread::panicking() {
            drop(scope);
            None
        } else {
            Some(fail(scope))
        };
        // The record is in the statistics.
        let _ = self.account(ended);
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Operation({})", self.began.name)
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Operations({:?})", self.statistics())
    }
}

/// Runs the work as an operation of this process's [`Backstop`]: what the operation holds is
/// released at the end, and its record is added to the [statistics](Operations::statistics).
///
/// # Examples
/// ```
/// use backstop_core::monitor::{Operations, operation};
///
/// let sum = operation("add", |_| 40 + 2);
/// assert_eq!(sum, 42);
/// println!("{}", Operations::global().statistics());
/// ```
#[track_caller]
pub fn operation<T>(
    name: impl Into<Cow<'static, str>>,
    body: impl FnOnce(&mut Operation) -> T,
) -> T {
    let mut operation = Operations::global().begin(name);
    let value = body(&mut operation);
    // The record is in the statistics.
    let _ = operation.finish();
    value
}
