//! A service: its findings are reported, recorded and remedied; new settings change only what they
//! concern; and after its end, nothing of it is left.
#![cfg(test)]

mod ends;
mod reloads;
mod scene;
mod tells;
