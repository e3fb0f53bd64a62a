//! The settings of the monitor, the alerts, the remedies and the history, by name.
//!
//! Takes names and texts, from a file of any format that `serde` reads, from the environment, or
//! one by one; returns [`Settings`] with checked values. It starts nothing.
//!
//! One table, [`KEYS`], lists all of them: the command reads its files by it, a program its own,
//! and `backstop init` writes it into a file.

mod keys;
mod reading;
mod settings;
mod value;

pub use keys::{Alias, KEYS, Key};
pub use settings::{SettingError, Settings};
