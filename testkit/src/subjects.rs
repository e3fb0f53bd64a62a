//! The simplest resources of both sorts: one that outlives its owner, one that dies with it.

pub mod directory;
pub mod port;
