//! What is found in samples, and what is not: played in fast time.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod played;

mod clocks;
mod courses;
mod held;
mod near_limits;
mod pace;
mod properties;
mod sparse;
mod storm;
mod traces;
