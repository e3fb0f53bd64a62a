//! Measuring several contenders in turn, so that whatever slows the machine down slows all of them.

use std::time::Instant;

use serde::Serialize;

/// The results of a contender, one for each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(pub(crate) Vec<f64>);

/// The ratio of two series, taken within each round.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) pairs: usize,
}

/// How much work a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For an indication: a few minutes for all questions.
    Quick,
    /// For a figure to publish.
    Full,
}

impl Effort {
    /// One number for a quick run, another for a full one.
    pub(crate) fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

impl Series {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            // Nothing was measured: no figure, and none in the line of JSON.
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[count / 2],
            count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Ratio {
    /// This series over another, round by round.
    pub(crate) fn of(ours: &Series, theirs: &Series) -> Self {
        let ratios = ours.0.iter().zip(&theirs.0);
        let ratios = Series(ratios.map(|(ours, theirs)| ours / theirs).collect());
        Self {
            median: ratios.median(),
            min: ratios.min(),
            max: ratios.max(),
            pairs: ratios.0.len(),
        }
    }
}

/// Runs all contenders once without counting, then in turn for each round, every other round backwards, so
/// that none of them always follows the same other one.
///
/// # Errors
/// The first contender that fails ends it.
pub(crate) fn in_turn(
    rounds: usize,
    contenders: &mut [&mut dyn FnMut() -> anyhow::Result<f64>],
) -> anyhow::Result<Vec<Series>> {
    for contender in &mut *contenders {
        contender()?;
    }
    rounds_of(rounds, contenders)
}

/// As [`in_turn`] without the first round that does not count: for what is slow and has no warm-up.
///
/// # Errors
/// As there.
pub(crate) fn rounds_of(
    rounds: usize,
    contenders: &mut [&mut dyn FnMut() -> anyhow::Result<f64>],
) -> anyhow::Result<Vec<Series>> {
    let mut series = vec![Series::default(); contenders.len()];
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            series[index].0.push(contenders[index]()?);
        }
    }
    Ok(series)
}

/// How long one takes on average, in nanoseconds.
pub(crate) fn nanoseconds_each(times: u64, act: impl FnOnce(u64)) -> f64 {
    let start = Instant::now();
    act(times);
    start.elapsed().as_secs_f64() * 1e9 / times as f64
}

/// How long it takes, in milliseconds.
pub(crate) fn milliseconds<E>(act: impl FnOnce() -> Result<(), E>) -> Result<f64, E> {
    let start = Instant::now();
    act()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let ratio = Ratio::of(&Series(vec![1.0, 10.0, 3.0]), &Series(vec![2.0, 10.0, 1.0]));
        assert_eq!((ratio.median, ratio.min, ratio.max), (1.0, 0.5, 3.0));
        assert_eq!(ratio.pairs, 3);
    }

    #[test]
    fn contenders_take_turns_and_every_other_round_is_backwards() {
        let order = std::cell::RefCell::new(String::new());
        let note = |name| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                Ok(1.0)
            }
        };
        let series = in_turn(3, &mut [&mut note('a'), &mut note('b')]).unwrap();
        assert_eq!(*order.borrow(), "abab".to_owned() + "ba" + "ab");
        assert_eq!(series[1].0, [1.0; 3]);
    }
}
