//! Whether something grows, or only moves.

use std::time::Duration;

use super::series::Point;

/// What a window of points tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Course {
    /// Nothing yet: the points are too few, or leave a quarter of the time empty.
    Unknown,
    /// It cannot have risen by what was asked for.
    Level,
    /// It may have.
    Moved(Trend),
}

/// How a measure went over a window.
///
/// The slope is the median of the slopes of all pairs of points (Theil and Sen), which a third of wild
/// points does not move. How steady it is, is the test of Mann and Kendall: how many more pairs rise
/// than fall, in units of what chance does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trend {
    /// From the first point to the last.
    pub(super) span: Duration,
    /// The slope over the span.
    pub(super) rise: f64,
    /// The share of pairs of points of which the later is higher, from 0 to 1.
    pub(super) rising: f64,
    /// The latest value.
    pub(super) latest: f64,
    /// The highest.
    pub(super) high: f64,
    /// When the first point was taken.
    pub(super) from: Duration,
    /// By how many standard deviations more pairs rise than chance would have it.
    beyond_chance: f64,
    quarters: [Quarter; 4],
}

/// What a trend looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Ever higher, in each quarter of the window, its troughs and its peaks too.
    Growth,
    /// Higher than before, and all of it at once.
    Step,
    /// Neither.
    Other,
}

/// The quarter of a window, by time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quarter {
    low: f64,
    middle: f64,
    high: f64,
}

impl Course {
    /// The course of points that stand in the order of time, with a trend if they can have risen by
    /// `at_least`.
    pub(super) fn of(points: &[Point], at_least: f64) -> Self {
        let [first, .., last] = points else {
            return Self::Unknown;
        };
        let span = last.at - first.at;
        let Some(quarters) = quarters(points, first.at, span) else {
            return Self::Unknown;
        };
        if quarters[3].high - quarters[0].low < at_least {
            return Self::Level;
        }
        let pairs = Pairs::of(points);
        Self::Moved(Trend {
            span,
            rise: pairs.slope * span.as_secs_f64(),
            rising: pairs.rising,
            latest: last.mean(),
            high: points
                .iter()
                .map(|point| point.high)
                .fold(f64::MIN, f64::max),
            from: first.at,
            beyond_chance: pairs.beyond_chance,
            quarters,
        })
    }

    /// The trend, where there is one.
    pub(super) fn trend(&self) -> Option<&Trend> {
        match self {
            Self::Moved(trend) => Some(trend),
            Self::Unknown | Self::Level => None,
        }
    }
}

impl Trend {
    /// Chance must not do it in one of some thousand looks.
    const BEYOND_CHANCE: f64 = 3.2;
    /// Each quarter must rise by this share of an even rise: what slows down is no growth, but fills.
    const LEAST_OF_EVEN: f64 = 0.3;
    /// No two neighbouring quarters may have more than this share of the rise between them.
    const MOST_AT_ONCE: f64 = 0.7;
    /// The share of the rise that its troughs and its peaks must have.
    const ENVELOPE: f64 = 0.5;

    /// What it looks like.
    pub(super) fn shape(&self) -> Shape {
        let [first, .., last] = &self.quarters;
        let rise = last.middle - first.middle;
        if rise <= 0.0 || self.beyond_chance < Self::BEYOND_CHANCE {
            return Shape::Other;
        }
        let steps = self.steps();
        if steps.iter().any(|step| *step > rise * Self::MOST_AT_ONCE) {
            return Shape::Step;
        }
        let even = rise / 3.0;
        let each = steps.iter().all(|step| *step >= even * Self::LEAST_OF_EVEN);
        let least = self.rise.min(rise) * Self::ENVELOPE;
        let envelope = last.low - first.low >= least && last.high - first.high >= least;
        match each && envelope {
            true => Shape::Growth,
            false => Shape::Other,
        }
    }

    /// Whether the last quarter is higher than the one before it.
    pub(super) fn still_rises(&self) -> bool {
        let [.., step] = self.steps();
        self.rise > 0.0 && step > self.rise / 4.0 * Self::LEAST_OF_EVEN
    }

    /// The slope, for an hour.
    pub(super) fn per_hour(&self) -> f64 {
        self.rise / self.span.as_secs_f64() * 3600.0
    }

    fn steps(&self) -> [f64; 3] {
        std::array::from_fn(|index| self.quarters[index + 1].middle - self.quarters[index].middle)
    }
}

fn quarters(points: &[Point], from: Duration, span: Duration) -> Option<[Quarter; 4]> {
    let mut rest = points;
    let mut found = [None; 4];
    for (index, slot) in found.iter_mut().enumerate() {
        let end = from + span.mul_f64((index + 1) as f64 / 4.0);
        let count = match index {
            3 => rest.len(),
            _ => rest.partition_point(|point| point.at < end),
        };
        let (quarter, later) = rest.split_at(count);
        rest = later;
        if quarter.len() < 2 {
            return None;
        }
        let mut means: Vec<f64> = quarter.iter().map(Point::mean).collect();
        *slot = Some(Quarter {
            low: quarter
                .iter()
                .map(|point| point.low)
                .fold(f64::MAX, f64::min),
            middle: median(&mut means),
            high: quarter
                .iter()
                .map(|point| point.high)
                .fold(f64::MIN, f64::max),
        });
    }
    let [Some(first), Some(second), Some(third), Some(last)] = found else {
        return None;
    };
    Some([first, second, third, last])
}

/// What all pairs of points say.
#[derive(Debug)]
struct Pairs {
    slope: f64,
    rising: f64,
    beyond_chance: f64,
}

impl Pairs {
    fn of(points: &[Point]) -> Self {
        let count = points.len();
        let mut slopes = Vec::with_capacity(count * count.saturating_sub(1) / 2);
        let (mut rising, mut falling) = (0.0, 0.0);
        for (index, earlier) in points.iter().enumerate() {
            let before = earlier.mean();
            for later in &points[index + 1..] {
                let difference = later.mean() - before;
                match difference {
                    0.0 => {}
                    _ if difference > 0.0 => rising += 1.0,
                    _ => falling += 1.0,
                }
                slopes.push(difference / (later.at - earlier.at).as_secs_f64().max(1e-9));
            }
        }
        let n = count as f64;
        // The variance of what chance does, by Mann and Kendall. Ties make it smaller; leaving them
        // out of it errs on the quiet side.
        let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        Self {
            rising: rising / (slopes.len() as f64).max(1.0),
            beyond_chance: (rising - falling) / variance.sqrt().max(1.0),
            slope: median(&mut slopes),
        }
    }
}

/// The middle one; of an even number the mean of the two in the middle; of none, nought.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (lower, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    match is_even {
        true => (lower.iter().copied().fold(f64::MIN, f64::max) + upper) / 2.0,
        false => upper,
    }
}
