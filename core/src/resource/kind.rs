//! The kind of a resource.

use std::fmt;

/// The name of a family's resource, such as `process.child` or `tempfs.dir`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// Creates a kind from its name: lower-case letters, digits and `-`, in parts joined by `.`, at
    /// most 64 bytes.
    ///
    /// # Panics
    /// The name is malformed. In a `const` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= 64,
            "a kind must have 1 to 64 bytes"
        );
        let mut index = 0;
        while index < bytes.len() {
            assert!(
                matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'),
                "a kind may contain only lower-case letters, digits, `-` and `.`"
            );
            index += 1;
        }
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// Whether both are the same constant, compared by address: two constants with the same name
    /// may differ.
    pub(crate) fn is_same(self, other: Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    /// The family: the part before the first dot.
    #[must_use]
    pub fn family(self) -> &'static str {
        self.0.split('.').next().unwrap_or(self.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Kind({})", self.0)
    }
}
