//! Where in the code a resource was opened.

use std::fmt;
use std::panic::Location;

/// A location in the source: file, line and column.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Site(&'static Location<'static>);

impl Site {
    /// The location of the call, through every function marked `#[track_caller]`; costs about 1 ns.
    #[must_use]
    #[track_caller]
    pub fn caller() -> Self {
        Self(Location::caller())
    }

    /// The source file, as named by the compiler.
    #[must_use]
    pub fn file(self) -> &'static str {
        self.0.file()
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(self) -> u32 {
        self.0.line()
    }

    /// The address of this location: two sites are the same exactly if their addresses are.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.0).addr()
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, formatter)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Site({self})")
    }
}
