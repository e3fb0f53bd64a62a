//! Alerts as events of the program's own tracing.

use super::level::Level;
use super::message::{Alert, Transition};
use super::sink::Sink;
use backstop_core::error::Error;

/// Emits each alert as an event with the target `backstop::alert`: warnings as `WARN`, errors and
/// critical ones as `ERROR`, resolved ones as `INFO`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventSink;

/// Emits an event at a level, which tracing requires as a constant.
macro_rules! event {
    ($level:expr, $alert:expr) => {
        tracing::event!(
            target: "backstop::alert",
            $level,
            kind = $alert.finding.kind.name(),
            subject = %$alert.finding.subject,
            level = $alert.level.name(),
            transition = $alert.transition.name(),
            value = $alert.finding.evidence.value,
            limit = $alert.finding.evidence.limit,
            suppressed = $alert.suppressed,
            lost = $alert.lost,
            "{}",
            $alert.finding.evidence.text
        )
    };
}

impl Sink for EventSink {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        match (alert.transition, alert.level) {
            (Transition::Resolved, _) => event!(tracing::Level::INFO, alert),
            (_, Level::Warning) => event!(tracing::Level::WARN, alert),
            (_, Level::Error | Level::Critical) => event!(tracing::Level::ERROR, alert),
        }
        Ok(())
    }
}
