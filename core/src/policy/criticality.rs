//! What may be given up before its time.

/// What may happen to a resource when the program is short of memory or handles and a remedy looks for
/// what can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Criticality {
    /// It can be made again at any time: it may go although it is in use.
    Expendable,
    /// It may go when nobody has touched it for long, or when it is too old.
    #[default]
    Normal,
    /// It stays as long as the program goes on.
    Critical,
}
