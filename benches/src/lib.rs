//! The paths that must cost next to nothing, each as a loop that can be timed or counted.
//!
//! The program `backstop-benches` asks how fast Backstop is, with the peers in the same run;
//! `hot-paths` runs one path so often, for a counter of instructions; `benches/hot_paths.rs` times them
//! with criterion.

pub mod hot_path;
pub mod place;
pub mod tracker;
