//! `cargo xtask sanitize`: the tests under the address sanitizer, by the nightly compiler.

use std::env;
use std::process::{Command, ExitCode};

use crate::arguments::{Accepted, Arguments};
use crate::program::{self, Stream};
use crate::test::Counts;
use crate::workspace::Workspace;

const HELP: &str = "\
Runs tests with every access to memory checked by the address sanitizer.

Usage: cargo xtask sanitize [filter...]

  filter   only tests with this in their names

It needs the nightly compiler (`rustup toolchain install nightly`), and builds in a directory of its
own. Leaks are not looked for: a ledger and what belongs to it live as long as their process
(docs/decisions/0004-ledgers-are-never-unmapped.md).";

const ACCEPTED: Accepted = Accepted {
    flags: &[],
    options: &[],
    names: true,
    passed_on: false,
};

/// The packages with unsafe code, and those that use it most.
const PACKAGES: &[&str] = &["backstop-core", "backstop-testkit", "backstop-tempfs"];

/// Tests that measure memory: the sanitizer has an allocator of its own, with other figures.
const MEASURING: &[&str] = &[
    "a_cache_without_a_bound",
    "a_day_of_samples_leaves_memory_and_handles_flat",
    "a_pool_of_threads_that_grew_once_is_no_leak",
    "a_storm_needs_bounded_memory_and_its_loss_is_disclosed",
    "a_trim_returns_what_the_allocator_caches",
    "connections_that_are_never_returned",
    "memory_and_handles_are_compared",
    "memory_that_is_never_freed",
    "memory_that_only_the_allocator_keeps",
    "releases_that_end_stuck",
    "threads_that_never_end",
    "what_is_allocated_is_in_use",
];

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let workspace = Workspace::load()?;
    // By rustup, which overrides the toolchain that is pinned here and that runs this.
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "test", "--no-fail-fast"]);
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    // A target that is named keeps the flags from build scripts and macros.
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    command.args(["--target", &target]);
    command.arg("--").args(&arguments.names);
    for name in MEASURING {
        command.args(["--skip", name]);
    }
    command.env_remove("CARGO").env_remove("RUSTC");
    for flags in ["RUSTFLAGS", "RUSTDOCFLAGS"] {
        command.env(flags, "-Zsanitizer=address");
    }
    command.env("CARGO_TARGET_DIR", workspace.target.join("sanitized"));
    // Freed memory is kept for a while to catch its use: little enough that tests of flat memory pass.
    let kept = "quarantine_size_mb=16:thread_local_quarantine_size_kb=64";
    command.env("ASAN_OPTIONS", format!("detect_leaks=0:{kept}"));
    println!("$ {}", program::line(&command));
    let (status, lines) = program::overheard(&mut command, Stream::Output)?;
    let counts = Counts::from_libtest(&lines).held_against(status);
    // Names choose and leave out: without any test nothing was checked.
    let passed = counts.failed == 0 && counts.passed > 0;
    println!("{counts}");
    Ok(ExitCode::from(u8::from(!passed)))
}
