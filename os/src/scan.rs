//! The result of a scan of all processes, with the number that could not be read.

/// What a scan found, and how many processes it could not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<T> {
    /// What was found.
    pub found: Vec<T>,
    /// The processes that could not be read and may belong to the result.
    pub unreadable: usize,
    /// The processes that could not be identified yet and may belong to the result: a process that
    /// is executing a new program, or one for which no file descriptor was available. While there
    /// are any, an empty result proves nothing; scan again.
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
