//! How many tests passed, failed and were skipped, read from the runners' closing lines.

use std::fmt;
use std::ops::AddAssign;
use std::process::ExitStatus;

/// The results of the tests. Its display is the line that CI reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    /// Reads `Summary [ 0.5s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
    ///
    /// What was cut short reads `5/9 tests run`; the four that never started count as skipped.
    pub(crate) fn from_nextest(lines: &[String]) -> Self {
        // The last one: a failing test may have printed one of its own.
        let summary = lines.iter().rev().find_map(|line| {
            let rest = line.trim_start().strip_prefix("Summary [")?;
            rest.split_once("] ")?.1.split_once(':')
        });
        let Some((run, outcomes)) = summary else {
            return Self::default();
        };
        let mut counts = Self::default();
        let run = run.split_whitespace().next().unwrap_or_default();
        if let Some((started, planned)) = run.split_once('/') {
            let [started, planned] = [started, planned].map(|part| part.parse().unwrap_or(0));
            counts.skipped += usize::saturating_sub(planned, started);
        }
        for outcome in without_parentheses(outcomes).split(',') {
            counts.add(outcome);
        }
        counts
    }

    /// Reads each `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
    pub(crate) fn from_libtest(lines: &[String]) -> Self {
        let mut counts = Self::default();
        for line in lines {
            let Some((_, results)) = line
                .strip_prefix("test result: ")
                .and_then(|rest| rest.split_once(". "))
            else {
                continue;
            };
            // What follows are benchmarks, what the filter left out, and the time.
            for outcome in results.split(';').take(3) {
                counts.add(outcome);
            }
        }
        counts
    }

    fn add(&mut self, outcome: &str) {
        let Some((number, what)) = outcome.trim().split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<usize>() else {
            return;
        };
        match what {
            "passed" => self.passed += number,
            "skipped" | "ignored" => self.skipped += number,
            // `failed`, `timed out`, `exec failed`, and whatever a later runner calls it.
            _ => self.failed += number,
        }
    }

    /// Counts one failure when the runner failed without naming one: what does not build has no
    /// test that could.
    pub(crate) fn held_against(mut self, status: ExitStatus) -> Self {
        if !status.success() && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// Moves tests that reported that they could not run from passed to skipped.
    pub(crate) fn skip(&mut self, tests: usize) {
        self.passed = self.passed.saturating_sub(tests);
        self.skipped += tests;
    }

    /// One failure and nothing else.
    pub(crate) const FAILURE: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0;
    text.chars()
        .filter(|character| {
            depth += i32::from(*character == '(');
            let outside = depth == 0;
            depth -= i32::from(*character == ')');
            outside
        })
        .collect()
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(
            formatter,
            "{passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    fn nextest(line: &str) -> Counts {
        Counts::from_nextest(&["  Summary [ 1s] 9 tests run: 9 passed".into(), line.into()])
    }

    #[test]
    fn the_last_summary_of_nextest_counts() {
        assert_eq!(
            nextest("     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped"),
            counts(3, 0, 0)
        );
        assert_eq!(
            nextest(
                "Summary [ 9s] 9 tests run: 5 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 1 exec failed, 4 skipped"
            ),
            counts(5, 4, 4)
        );
    }

    #[test]
    fn tests_that_never_started_are_skipped() {
        assert_eq!(
            nextest("Summary [ 1s] 5/9 tests run: 4 passed, 1 failed, 3 skipped"),
            counts(4, 1, 7)
        );
    }

    #[test]
    fn doctests_are_summed_over_packages() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s",
            "something else",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        ];
        assert_eq!(
            Counts::from_libtest(&lines.map(String::from)),
            counts(4, 2, 1)
        );
    }

    #[test]
    fn what_does_not_build_is_a_failure() {
        let failure = ExitStatus::from_raw(101 << 8);
        assert_eq!(Counts::default().held_against(failure), counts(0, 1, 0));
        assert_eq!(counts(4, 2, 0).held_against(failure), counts(4, 2, 0));
    }

    #[test]
    fn a_test_that_could_not_run_is_not_a_pass() {
        let mut some = counts(3, 0, 1);
        some.skip(2);
        assert_eq!(some.to_string(), "1 passed, 0 failed, 3 skipped");
    }
}
