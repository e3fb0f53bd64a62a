//! The simplest resources of both sorts: one that outlives its owner, one that dies with it.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod directory;
pub(crate) mod port;
