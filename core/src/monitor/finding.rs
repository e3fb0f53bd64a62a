//! A leak, or a limit that will soon be reached, with the evidence.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::seconds;

/// A suspicion with evidence. It opens when a detector first sees it, may be seen again or get
/// worse, and clears when it no longer holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind.
    pub kind: FindingKind,
    /// The subject.
    pub subject: FindingSubject,
    /// The severity.
    pub severity: Severity,
    /// The evidence.
    pub evidence: Evidence,
    /// When it was first seen.
    pub first_seen: Moment,
    /// When it was last seen.
    pub last_seen: Moment,
    /// When it no longer held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared: Option<Moment>,
    /// The number of samples in which it was seen.
    pub seen: u64,
    /// How often it has opened: 1, or more if the same finding cleared before.
    #[serde(default = "once")]
    pub openings: u64,
}

fn once() -> u64 {
    1
}

/// The kinds of findings. People and programs filter by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FindingKind {
    /// Memory in use grows.
    #[serde(rename = "growing.memory")]
    GrowingMemory,
    /// Memory that the allocator caches grows; a trim would return it.
    #[serde(rename = "retained.memory")]
    RetainedMemory,
    /// Memory of C libraries grows, rather than that of the program's own allocator.
    #[serde(rename = "native.memory")]
    NativeMemory,
    /// File descriptors grow in number.
    #[serde(rename = "growing.handles")]
    GrowingHandles,
    /// Threads grow in number.
    #[serde(rename = "growing.threads")]
    GrowingThreads,
    /// Children grow in number.
    #[serde(rename = "growing.children")]
    GrowingChildren,
    /// Resources of a kind grow in number.
    #[serde(rename = "growing.kind")]
    GrowingKind,
    /// Resources of one place in the code grow in number.
    #[serde(rename = "growing.site")]
    GrowingSite,
    /// A resource is open, and has not been touched for long.
    #[serde(rename = "held.idle")]
    HeldIdle,
    /// A resource is open for longer than its lifetime.
    #[serde(rename = "held.over-lifetime")]
    OverLifetime,
    /// A resource is open, and the thread that opened it has ended.
    #[serde(rename = "orphaned.resource")]
    OrphanedResource,
    /// A thread, timer or task was asked to stop, or lost its owner, and keeps running.
    #[serde(rename = "orphaned.thread")]
    OrphanedThread,
    /// File descriptors are near their limit.
    #[serde(rename = "limit.handles")]
    HandlesNearLimit,
    /// Memory is near its limit.
    #[serde(rename = "limit.memory")]
    MemoryNearLimit,
    /// The machine's memory is nearly all in use.
    #[serde(rename = "limit.system-memory")]
    SystemMemoryNearLimit,
    /// Releases end stuck.
    #[serde(rename = "failed.cleanup")]
    FailedCleanup,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth checking this week.
    Medium,
    /// Worth checking today.
    High,
    /// Will end the program soon.
    Critical,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "lowercase")]
#[non_exhaustive]
pub enum FindingSubject {
    /// The monitored process, or its tree.
    Process,
    /// The machine.
    System,
    /// All resources of a kind.
    Kind {
        /// The kind.
        kind: String,
    },
    /// The resources of a kind from one place in the code.
    Site {
        /// The kind.
        kind: String,
        /// The place in the code.
        site: String,
    },
}

/// The measurement, and its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The measure now, in `unit`.
    pub value: f64,
    /// The limit that it exceeded, in `unit`.
    pub limit: f64,
    /// The unit.
    pub unit: Unit,
    /// How fast it grows, in `unit` per hour, if it grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<f64>,
    /// One sentence for people, including the figures.
    pub text: String,
    /// How thinly it was sampled, where readings were left out or the window was widened for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse: Option<Sparse>,
}

/// How thinly a finding was sampled: it may be later, and less certain, than one with every reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sparse {
    /// How many samples had the reading that it is made of, since the watch began.
    pub taken: u64,
    /// How many were due. The others were left out, because earlier ones had cost more than their budget.
    pub due: u64,
    /// The window over which it was found, where that had to be widened to have enough readings.
    #[serde(
        rename = "window_seconds",
        default,
        skip_serializing_if = "Option::is_none",
        with = "seconds::optional"
    )]
    pub window: Option<Duration>,
}

/// The unit of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unit {
    /// Bytes of memory.
    Bytes,
    /// File descriptors, threads, children, resources.
    Count,
    /// Percent of a limit.
    Percent,
    /// Seconds.
    Seconds,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::GrowingMemory,
        Self::RetainedMemory,
        Self::NativeMemory,
        Self::GrowingHandles,
        Self::GrowingThreads,
        Self::GrowingChildren,
        Self::GrowingKind,
        Self::GrowingSite,
        Self::HeldIdle,
        Self::OverLifetime,
        Self::OrphanedResource,
        Self::OrphanedThread,
        Self::HandlesNearLimit,
        Self::MemoryNearLimit,
        Self::SystemMemoryNearLimit,
        Self::FailedCleanup,
    ];

    /// The name, such as `growing.memory`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GrowingMemory => "growing.memory",
            Self::RetainedMemory => "retained.memory",
            Self::NativeMemory => "native.memory",
            Self::GrowingHandles => "growing.handles",
            Self::GrowingThreads => "growing.threads",
            Self::GrowingChildren => "growing.children",
            Self::GrowingKind => "growing.kind",
            Self::GrowingSite => "growing.site",
            Self::HeldIdle => "held.idle",
            Self::OverLifetime => "held.over-lifetime",
            Self::OrphanedResource => "orphaned.resource",
            Self::OrphanedThread => "orphaned.thread",
            Self::HandlesNearLimit => "limit.handles",
            Self::MemoryNearLimit => "limit.memory",
            Self::SystemMemoryNearLimit => "limit.system-memory",
            Self::FailedCleanup => "failed.cleanup",
        }
    }

    /// Whether it is about resources that are not released, rather than a limit that is near.
    #[must_use]
    pub const fn is_leak(self) -> bool {
        !matches!(
            self,
            Self::HandlesNearLimit | Self::MemoryNearLimit | Self::SystemMemoryNearLimit
        )
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

impl fmt::Display for FindingSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => formatter.write_str("process"),
            Self::System => formatter.write_str("system"),
            Self::Kind { kind } => formatter.write_str(kind),
            Self::Site { kind, site } => write!(formatter, "{kind} from {site}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} ({}): {}",
            self.severity, self.kind, self.subject, self.evidence.text
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_in_json() {
        for kind in FindingKind::ALL {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
    }
}
