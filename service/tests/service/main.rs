//! A service: what it finds is told, written down and mended; new settings change what they say and
//! nothing else; and when it ends, nothing of it is left.
#![cfg(test)]

mod ends;
mod reloads;
mod scene;
mod tells;
