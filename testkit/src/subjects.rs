//! The simplest resources of both sorts, one that outlives its owner and one that dies with it; and what
//! every kind that is a tree of processes is checked by.

pub mod directory;
pub mod port;
pub mod processes;
