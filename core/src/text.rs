//! Text that people read and write, in one form everywhere: durations, counts, and text from elsewhere.
//!
//! Takes values and foreign text; returns what can be printed. Sizes are
//! [`Bytes`](crate::resource::Bytes).

mod counted;
mod duration;
mod printable;

pub use counted::counted;
pub use duration::{ParseDurationError, parse_duration, show_duration};
pub use printable::printable;
