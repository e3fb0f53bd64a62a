//! Child processes and whole trees, worker threads, timers and servers, on backstop-core; and the
//! machinery of `backstop run`.

pub mod run;
