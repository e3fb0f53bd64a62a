//! The order in which resources are released together.

/// When a resource is released among all that are released together. Within one order, the last
/// opened is released first, and a child before its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Order {
    /// Before all others: for what must not be lost if time runs out.
    First,
    /// With the rest.
    #[default]
    Normal,
    /// After all others: what the others still need while they go.
    Last,
}
