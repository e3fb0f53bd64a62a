//! A look at all processes that says how many it could not see into.

/// What a scan found, and how much of the system was closed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<T> {
    /// What was found.
    pub found: Vec<T>,
    /// The processes that could not be read, and may hold more of it.
    pub unreadable: usize,
    /// The processes that could not be told just now, and may be more of it: one that is executing a
    /// program, or for which no descriptor was left. While there are any, finding nothing proves
    /// nothing; a later look tells.
    pub unsettled: usize,
}

impl<T> Default for Scan<T> {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            unreadable: 0,
            unsettled: 0,
        }
    }
}
