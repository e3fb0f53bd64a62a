//! Processes that do nothing, for questions about many.

use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// Processes that sleep until this is dropped.
pub(crate) struct Sleepers(Vec<Child>);

impl Sleepers {
    pub(crate) fn start(count: usize) -> anyhow::Result<Self> {
        let mut sleepers = Self(Vec::with_capacity(count));
        for _ in 0..count {
            let child = Command::new("sleep")
                .arg("3600")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .context("a process that sleeps cannot be started")?;
            sleepers.0.push(child);
        }
        Ok(sleepers)
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended is waited for all the same.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
