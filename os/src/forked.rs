//! The two sides of a fork.

/// On which side of a fork the caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Forked {
    /// The process that forked.
    Parent {
        /// Its new child, which stays unreaped at least until the parent asks for its status.
        child: i32,
    },
    /// The new process.
    Child,
}
