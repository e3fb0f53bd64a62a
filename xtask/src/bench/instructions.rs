//! Instructions of the hot paths, counted by callgrind and held against those that are kept: a
//! slow-down shows on any machine, however loaded.
//!
//! A count depends on the compiler, which is pinned, and on the profile `counts`, which inlines nothing
//! from one crate into another behind the compiler's back. It depends on the processor as far as the C
//! library picks its copying by it; valgrind shows every program the same one on x86-64 with AVX2.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::program;
use crate::workspace::Workspace;

/// Where they are kept.
const PATH: &str = "benches/instructions.toml";

/// How much more is a failure, and how much less is worth keeping.
const TOLERANCE: f64 = 0.03;

const HEADING: &str = "\
# Instructions for one of each hot path, counted by callgrind. Written by
# `cargo xtask bench --instructions --update`; compared by `cargo xtask ci`.

";

/// Instructions by path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<String, u64>);

/// What to do with what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Compare,
    Update,
}

impl Counts {
    /// Those that are kept.
    pub(crate) fn kept(root: &Path) -> anyhow::Result<Self> {
        let path = root.join(PATH);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let counts = toml::from_str(&text).with_context(|| format!("{PATH} is damaged"))?;
        Ok(Self(counts))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &u64)> {
        self.0.iter()
    }

    fn text(&self) -> String {
        let lines = self
            .0
            .iter()
            .map(|(name, count)| format!("{name} = {count}\n"));
        format!("{HEADING}{}", lines.collect::<String>())
    }
}

/// Counts, prints, and compares or keeps. Whether nothing got slower.
pub(crate) fn run(workspace: &Workspace, act: Act) -> anyhow::Result<bool> {
    if program::find("valgrind").is_none() {
        bail!("valgrind is missing; `cargo xtask setup` installs it");
    }
    let counted = count(workspace)?;
    if act == Act::Update {
        let path = workspace.root.join(PATH);
        fs::write(&path, counted.text())
            .with_context(|| format!("cannot write {}", path.display()))?;
        for (name, count) in counted.iter() {
            println!("{name:<20} {count:>10}  kept");
        }
        return Ok(true);
    }
    Ok(compare(&Counts::kept(&workspace.root)?, &counted))
}

fn compare(kept: &Counts, counted: &Counts) -> bool {
    let mut passed = true;
    for (name, count) in counted.iter() {
        let Some(before) = kept.0.get(name) else {
            println!("{name:<20} {count:>10}  FAILED: no count is kept; see --update");
            passed = false;
            continue;
        };
        let change = *count as f64 / *before as f64 - 1.0;
        let verdict = if change > TOLERANCE {
            passed = false;
            "FAILED: slower; if it must be, keep it with --update"
        } else if change < -TOLERANCE {
            "faster; keep it with --update"
        } else {
            "ok"
        };
        println!(
            "{name:<20} {count:>10}  {:+.1} %  {verdict}",
            change * 100.0
        );
    }
    for name in kept.0.keys().filter(|name| !counted.0.contains_key(*name)) {
        println!("{name:<20}          -  FAILED: it is kept and no longer counted");
        passed = false;
    }
    passed
}

fn count(workspace: &Workspace) -> anyhow::Result<Counts> {
    let target = workspace.target.join("counted");
    build(&target)?;
    let program = target.join("counts/hot-paths");
    let ledger = target.join("ten-thousand.ledger");
    let made = Command::new(&program).arg("ledger").arg(&ledger).status()?;
    ensure!(
        made.success(),
        "the ledger that is read cannot be made: {made}"
    );
    let listed = Command::new(&program).output()?;
    let mut counts = Counts::default();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let (name, often) = line
            .split_once(' ')
            .context("a path has a name and a number")?;
        let often: u64 = often.parse()?;
        // Twice: what is set up once is in both and in neither difference.
        let seldom = often / 10;
        let much = instructions(&program, name, often, &ledger)?;
        let little = instructions(&program, name, seldom, &ledger)?;
        let each = much.saturating_sub(little) / (often - seldom);
        ensure!(each > 0, "{name} does nothing");
        counts.0.insert(name.to_owned(), each);
    }
    ensure!(!counts.0.is_empty(), "there are no hot paths");
    Ok(counts)
}

fn build(target: &Path) -> anyhow::Result<()> {
    let mut command = program::cargo();
    command.args([
        "build",
        "--quiet",
        "--profile",
        "counts",
        "--package",
        super::PACKAGE,
    ]);
    command.args(["--no-default-features", "--bin", "hot-paths"]);
    // Valgrind hides the kernel's own page of code, which rustix looks for unless it asks the C library.
    let mut flags = std::env::var_os("RUSTFLAGS").unwrap_or_default();
    flags.push(OsString::from(" --cfg rustix_use_libc"));
    // A directory of its own: other flags rebuild everything.
    command
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", target);
    let status = program::status(&mut command)?;
    ensure!(status.success(), "the hot paths cannot be built");
    Ok(())
}

fn instructions(program: &PathBuf, name: &str, times: u64, ledger: &Path) -> anyhow::Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([name, &times.to_string()])
        .arg(ledger)
        .stdin(Stdio::null());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`{}` failed:\n{said}",
        program::line(&command)
    );
    collected(&said).with_context(|| format!("callgrind said:\n{said}"))
}

fn collected(said: &str) -> Option<u64> {
    let (_, count) = said.split_once("Collected :")?;
    count.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        let pairs = pairs
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        Counts(pairs.collect())
    }

    #[test]
    fn three_per_cent_more_pass_and_four_fail() {
        let kept = counts(&[("track", 1000)]);
        assert!(compare(&kept, &counts(&[("track", 1030)])));
        assert!(compare(&kept, &counts(&[("track", 500)])));
        assert!(!compare(&kept, &counts(&[("track", 1040)])));
    }

    #[test]
    fn a_path_without_a_count_and_a_count_without_a_path_fail() {
        let (one, none) = (counts(&[("track", 1)]), counts(&[]));
        assert!(!compare(&none, &one));
        assert!(!compare(&one, &none));
    }

    #[test]
    fn what_is_kept_can_be_read_again() {
        let kept = counts(&[("pool-checkout", 12), ("track", 7)]);
        assert_eq!(
            toml::from_str::<BTreeMap<String, u64>>(&kept.text()).unwrap(),
            kept.0
        );
    }

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        assert_eq!(
            collected("==7== Events : Ir\n==7== Collected : 21133368\n==7=="),
            Some(21_133_368)
        );
        assert_eq!(collected("==7== killed"), None);
    }
}
