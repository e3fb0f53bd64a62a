//! Which resources may be released early.

/// Whether a resource may be released when the program is short of memory or file descriptors and a
/// remedy selects what to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Criticality {
    /// It can be recreated at any time: it may be released even while in use.
    Expendable,
    /// It may be released when it was not touched for a long time, or is too old.
    #[default]
    Normal,
    /// It is kept as long as the program runs.
    Critical,
}
