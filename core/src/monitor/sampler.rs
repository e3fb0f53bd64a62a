//! Samplers: each keeps files open and buffers in memory, so that the next sample is cheap.

mod allowances;
mod budget;

mod own;

mod other;
mod table;
mod tree;

mod ledger;
mod system;

pub use ledger::LedgerSampler;
pub use other::OtherSampler;
pub use own::OwnSampler;
pub use system::SystemSampler;
pub use table::TableSampler;
pub use tree::TreeSampler;
