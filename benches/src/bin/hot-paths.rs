//! Runs one hot path N times, for a counter of instructions: `hot-paths NAME TIMES LEDGER`. Without
//! arguments, lists them all, with how often each is to be run; `hot-paths ledger FILE` writes the ledger
//! that one of them reads.
#![expect(clippy::print_stdout, reason = "a program that is read by another")]

use std::io::{Error, ErrorKind};
use std::path::Path;

use backstop_benches::hot_path::{self, ALL, Ground, READ};
use backstop_benches::tracker::Tracker;
use backstop_core::release::{Backstop, Tracking};

fn main() -> Result<(), Error> {
    let line: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    match words[..] {
        [] => ALL
            .iter()
            .for_each(|path| println!("{} {}", path.name, path.often)),
        ["ledger", file] => {
            let tracker = Tracker::start()?;
            let open = hot_path::live(tracker.backstop(), READ);
            std::fs::copy(tracker.ledger(), file)?;
            drop(open);
        }
        [name, times, ledger] => {
            let path = ALL.iter().find(|path| path.name == name);
            let (Some(path), Ok(times)) = (path, times.parse()) else {
                return Err(ErrorKind::InvalidInput.into());
            };
            let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
            let ledger = Path::new(ledger);
            path.run(&Ground { backstop, ledger }, times);
        }
        _ => return Err(ErrorKind::InvalidInput.into()),
    }
    Ok(())
}
