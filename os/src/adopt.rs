//! Whether a process adopts orphans.

/// Whether a process adopts the orphans among its descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopt {
    /// Orphans become its children.
    Orphans,
    /// Orphans go to the next subreaper above it, or to process 1.
    NextAncestor,
}
