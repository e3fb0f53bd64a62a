//! Runs one hot path so many times: `hot-paths NAME TIMES`. Without arguments, names them all.
#![expect(clippy::print_stdout, reason = "a program that is read by another")]

use std::process::ExitCode;

use backstop_benches::hot_path::ALL;
use backstop_benches::tracker::Tracker;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next(), arguments.next());
    let Some(name) = name else {
        for path in ALL {
            println!("{} {}", path.name, path.often);
        }
        return ExitCode::SUCCESS;
    };
    let path = ALL.iter().find(|path| path.name == name);
    let times = times.and_then(|times| times.parse().ok());
    let (Some(path), Some(times)) = (path, times) else {
        return ExitCode::from(2);
    };
    match Tracker::start() {
        Ok(tracker) => {
            path.run(&tracker, times);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}
