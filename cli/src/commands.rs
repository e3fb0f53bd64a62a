//! The subcommands: each its arguments, its work and its rendering.

pub(crate) mod run;

pub(crate) mod ps;
pub(crate) mod who;

pub(crate) mod sweep;

#[cfg(feature = "monitor")]
pub(crate) mod watch;

#[cfg(feature = "monitor")]
pub(crate) mod check;

#[cfg(feature = "monitor")]
pub(crate) mod history;
#[cfg(feature = "monitor")]
pub(crate) mod report;

#[cfg(feature = "monitor")]
pub(crate) mod init;

pub(crate) mod completions;
