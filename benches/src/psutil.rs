//! psutil, the library of Python's programs, as a peer: it measures itself, without its start.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// A Python that has psutil.
#[derive(Debug, Clone)]
pub(crate) struct Psutil {
    python: &'static str,
    pub(crate) version: String,
}

impl Psutil {
    /// The system's own Python first: the package of the distribution is for that one.
    const PYTHONS: [&str; 2] = ["/usr/bin/python3", "python3"];

    pub(crate) fn find() -> Option<Self> {
        Self::PYTHONS.into_iter().find_map(|python| {
            let output = Command::new(python)
                .args(["-c", "import psutil; print(psutil.__version__)"])
                .stderr(Stdio::null())
                .output()
                .ok()?;
            let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
            (output.status.success() && !version.is_empty()).then_some(Self { python, version })
        })
    }

    /// How long one call takes on average, in nanoseconds, after a first one that is not counted.
    pub(crate) fn time(&self, before: &str, look: &str, times: u64) -> anyhow::Result<f64> {
        let program = format!(
            "import psutil, time\n\
             {before}\n\
             def look():\n    {look}\n\
             look()\n\
             start = time.perf_counter()\n\
             for _ in range({times}): look()\n\
             print((time.perf_counter() - start) / {times} * 1e9)"
        );
        let output = Command::new(self.python).args(["-c", &program]).output()?;
        ensure!(
            output.status.success(),
            "psutil: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let said = String::from_utf8_lossy(&output.stdout);
        said.trim().parse().context("psutil printed no time")
    }
}
