//! What expensive readings cost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::readings::ExpensiveReading;
use backstop_os::clock;

/// What each expensive reading costs its budget: the processor time that it takes, or what a test sets.
///
/// Every expensive reading may take one part in [`Price::SHARE`] of the time, each for itself. One that
/// costs more is left out of samples until it is paid off; that is disclosed in
/// [`Sample::left_out`](super::Sample::left_out), [`MonitorCost::readings`](super::MonitorCost::readings)
/// and the [`Evidence`](super::Evidence) of what is found all the same.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::monitor::{ExpensiveReading, Moment, Monitor, Price};
///
/// // On a machine so slow that reading the ledger takes 10 ms.
/// let mut watch = Monitor::builder()
///     .price(Price::set(|reading| match reading {
///         ExpensiveReading::Ledger => Duration::from_millis(10),
///         _ => Duration::ZERO,
///     }))
///     .build()?;
/// let start = Moment::now();
/// for second in 0..30 {
///     watch.observe(start.later(Duration::from_secs(second)));
/// }
/// // Once at the start, and once more when the first reading is paid off, after 20 s.
/// assert_eq!(watch.cost().readings.of(ExpensiveReading::Ledger).taken, 2);
/// assert_eq!(watch.cost().readings.of(ExpensiveReading::Ledger).left_out, 28);
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Price(Option<Arc<dyn Fn(ExpensiveReading) -> Duration + Send + Sync>>);

impl Price {
    /// One part in so many of the time may be spent on each expensive reading.
    pub const SHARE: u32 = 4000;
    /// The maximum of unspent time that is kept for later, and what there is at first: enough for the
    /// expensive readings of most processes at once.
    pub const KEPT: Duration = Duration::from_millis(5);

    /// The processor time that the reading takes on this machine. This is the default.
    #[must_use]
    pub fn measured() -> Self {
        Self(None)
    }

    /// What `price` returns, however long the reading takes: for tests, which must not depend on how
    /// fast a machine is.
    #[must_use]
    pub fn set(price: impl Fn(ExpensiveReading) -> Duration + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(price)))
    }

    /// Reads, and returns what it costs.
    pub(super) fn of<T>(
        &self,
        reading: ExpensiveReading,
        read: impl FnOnce() -> T,
    ) -> (T, Duration) {
        if let Some(price) = &self.0 {
            return (read(), price(reading));
        }
        let start = clock::thread_time();
        let value = read();
        (value, clock::thread_time().saturating_sub(start))
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            None => "Price(measured)",
            Some(_) => "Price(set)",
        })
    }
}
