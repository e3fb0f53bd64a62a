//! What the monitor, the alerts, the remedies and the history are told: every setting, by its name.
//!
//! Takes names and texts, from a file of any format that `serde` reads, from the environment, or one by
//! one; gives [`Settings`] whose values were all checked. It starts nothing.
//!
//! One table, [`KEYS`], says what there is: the command reads its files by it, a program its own, and
//! `backstop init` writes it down.

mod keys;
mod reading;
mod settings;
mod value;

pub use keys::{Alias, KEYS, Key};
pub use settings::{SettingError, Settings};
