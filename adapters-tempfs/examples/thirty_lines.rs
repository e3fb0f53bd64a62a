//! Makes a temp directory and a file, says where they are, and waits to be killed:
//! `kill -9` it, then `backstop sweep --why` explains what it left, and removes it.
//! With `--guardian` nothing is left to sweep: a second process removes it at once.

use std::io::{Read, Write};

use backstop_core::reclaim::{Reclaimers, guardian};
use backstop_tempfs::{TempOptions, temp_dir};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    guardian::enter(Reclaimers::local);
    if std::env::args().any(|argument| argument == "--guardian") {
        guardian::start()?;
    }

    let frames = temp_dir()?;
    std::fs::write(frames.path().join("0001.raw"), vec![0; 1 << 20])?;

    let table = TempOptions::new().suffix(".csv").create_file()?;
    table.access().write_all(b"frame,brightness\n")?;

    let mut out = std::io::stdout();
    writeln!(out, "{}", frames.path().display())?;
    writeln!(out, "{}", table.path().display())?;
    writeln!(out, "ready: kill -9 {}", std::process::id())?;

    // Until the end of its input, or a signal that no handler sees.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
