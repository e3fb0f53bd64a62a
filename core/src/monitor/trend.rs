//! Whether something grows, or only fluctuates.

use std::time::Duration;

use super::point::Point;

/// The course of a window of points.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Course {
    /// Unknown: the points are too few, or a quarter of the time has none.
    Unknown,
    /// It cannot have risen by the given amount.
    Level,
    /// It may have.
    Moved(Trend),
}

/// The course of a measure over a window.
///
/// The slope is the median of the slopes of all pairs of points (Theil–Sen), which is insensitive
/// to up to a quarter of outliers. Steadiness is the Mann–Kendall test: how many more pairs rise
/// than fall, in units of the variation by chance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trend {
    /// From the first point to the last.
    pub(super) span: Duration,
    /// The slope times the duration.
    pub(super) rise: f64,
    /// The share of pairs of points of which the later is higher, from 0 to 1.
    pub(super) rising: f64,
    /// The latest value.
    pub(super) latest: f64,
    /// The highest.
    pub(super) high: f64,
    /// When the first point was taken.
    pub(super) from: Duration,
    /// The window, where it was widened to have enough points.
    pub(super) widened: Option<Duration>,
    /// By how many standard deviations more pairs rise than chance would have it.
    beyond_chance: f64,
    /// Whether two levels fit better than a line.
    is_step: bool,
    quarters: [Quarter; 4],
}

/// The shape of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Each quarter of the window is higher than the one before, its troughs and its peaks too.
    Growth,
    /// Higher than before, all at once.
    Step,
    /// Neither.
    Other,
}

/// A quarter of a window, by time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quarter {
    low: f64,
    middle: f64,
    high: f64,
}

impl Course {
    /// The course of points in the order of time, with a trend if they can have risen by
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
            widened: None,
            beyond_chance: pairs.beyond_chance,
            is_step: is_step(points),
            quarters,
        })
    }

    /// The same, seen over a window that was widened to this.
    pub(super) fn widened_to(self, window: Duration) -> Self {
        match self {
            Self::Moved(trend) => Self::Moved(Trend {
                widened: Some(window),
                ..trend
            }),
            other => other,
        }
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
    /// Chance must not cause it in one of some thousand checks.
    const BEYOND_CHANCE: f64 = 3.2;
    /// Each quarter must rise by this share of an even rise: a measure that slows down is filling
    /// up, not growing.
    const LEAST_OF_EVEN: f64 = 0.3;
    /// No two neighbouring quarters may have more than this share of the rise between them.
    const MOST_AT_ONCE: f64 = 0.7;
    /// The share of the rise that the troughs and the peaks must have.
    const ENVELOPE: f64 = 0.5;

    /// The shape.
    pub(super) fn shape(&self) -> Shape {
        let [first, .., last] = &self.quarters;
        let rise = last.middle - first.middle;
        if rise <= 0.0 || self.beyond_chance < Self::BEYOND_CHANCE {
            return Shape::Other;
        }
        let steps = self.steps();
        if self.is_step || steps.iter().any(|step| *step > rise * Self::MOST_AT_ONCE) {
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

    /// The slope per hour.
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

/// Whether two levels with a jump between them fit the points better than a line: by the sum of
/// squared residuals.
fn is_step(points: &[Point]) -> bool {
    let Some(first) = points.first() else {
        return false;
    };
    let places: Vec<(f64, f64)> = points
        .iter()
        .map(|point| {
            let after = (point.at - first.at).as_secs_f64();
            (after, point.mean() - first.mean())
        })
        .collect();
    let all = Sums::of(&places);
    let mut before = Sums::default();
    let mut least = f64::MAX;
    for place in &places[..places.len() - 1] {
        before.add(*place);
        least = least.min(before.around_level() + all.without(before).around_level());
    }
    least < all.around_line()
}

/// Sums over points, from which residuals are derived.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    fn of(places: &[(f64, f64)]) -> Self {
        let mut sums = Self::default();
        places.iter().for_each(|place| sums.add(*place));
        sums
    }

    fn add(&mut self, (x, y): (f64, f64)) {
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
        self.yy += y * y;
    }

    fn without(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            x: self.x - other.x,
            y: self.y - other.y,
            xx: self.xx - other.xx,
            xy: self.xy - other.xy,
            yy: self.yy - other.yy,
        }
    }

    /// The sum of squared distances from the mean.
    fn around_level(self) -> f64 {
        (self.yy - self.y * self.y / self.count).max(0.0)
    }

    /// The sum of squared distances from the best line.
    fn around_line(self) -> f64 {
        let (x, xy) = (
            self.xx - self.x * self.x / self.count,
            self.xy - self.x * self.y / self.count,
        );
        let explained = if x > 0.0 { xy * xy / x } else { 0.0 };
        (self.around_level() - explained).max(0.0)
    }
}

/// Statistics of all pairs of points.
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
        // The variance by chance (Mann–Kendall). Ties make it smaller; ignoring them errs on the
        // side of fewer findings.
        let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
        Self {
            rising: rising / (slopes.len() as f64).max(1.0),
            beyond_chance: (rising - falling) / variance.sqrt().max(1.0),
            slope: median(&mut slopes),
        }
    }
}

/// The median; of an even number, the mean of the middle two; of none, zero.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Points a second apart.
    fn points(values: impl IntoIterator<Item = f64>) -> Vec<Point> {
        let place = |(second, value)| Point::of(Duration::from_secs(second), value);
        (0..).zip(values).map(place).collect()
    }

    fn shape(values: impl IntoIterator<Item = f64>) -> Shape {
        let course = Course::of(&points(values), f64::MIN);
        course.trend().unwrap().shape()
    }

    fn line(count: u32) -> impl Iterator<Item = f64> {
        (0..count).map(f64::from)
    }

    #[test]
    fn a_quarter_of_outliers_does_not_move_the_slope() {
        let wild = (0..60).map(|second| match second % 4 {
            3 => -1e9,
            _ => 5.0 * f64::from(second),
        });
        let slope = Pairs::of(&points(wild)).slope;
        assert!((slope - 5.0).abs() < 0.5, "{slope}");
    }

    #[test]
    fn growth_is_distinguished_from_fluctuation() {
        let teeth = |second: f64| 10.0 * (second / 7.0).fract();
        assert_eq!(shape(line(40)), Shape::Growth);
        assert_eq!(
            shape(line(40).map(|second| second + teeth(second))),
            Shape::Growth
        );
        assert_eq!(
            shape(line(40).map(|second| (second / 6.0).floor())),
            Shape::Growth
        );
        assert_eq!(shape(line(40).map(teeth)), Shape::Other);
        assert_eq!(shape(line(40).map(|second| -second)), Shape::Other);
        assert_eq!(shape(line(40).map(|_| 3.0)), Shape::Other);
        assert_ne!(
            shape(line(40).map(|second| second.min(15.0))),
            Shape::Growth
        );
        for place in 1..39 {
            let step = line(40).map(|second| if second < f64::from(place) { 0.0 } else { 9.0 });
            assert_ne!(shape(step), Shape::Growth, "a step at {place}");
            let noisy = line(40).map(|second| {
                let high = if second < f64::from(place) { 0.0 } else { 9.0 };
                high + teeth(second) / 20.0
            });
            assert_ne!(shape(noisy), Shape::Growth, "a step at {place}");
        }
    }

    #[test]
    fn too_few_points_or_an_empty_quarter_are_unknown() {
        assert_eq!(Course::of(&points(line(7)), 0.0), Course::Unknown);
        let mut gap = points(line(40));
        gap.retain(|point| !(9..21).contains(&point.at.as_secs()));
        assert_eq!(Course::of(&gap, 0.0), Course::Unknown);
        assert_eq!(Course::of(&points(line(40)), 100.0), Course::Level);
    }

    proptest! {
        #[test]
        fn the_median_is_the_middle_of_the_sorted(
            mut values in prop::collection::vec(-1e6..1e6_f64, 1..60),
        ) {
            let found = median(&mut values.clone());
            values.sort_by(f64::total_cmp);
            let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
            prop_assert_eq!(found, (lower + upper) / 2.0);
        }

        #[test]
        fn residual_sums_equal_the_sums_point_by_point(
            places in prop::collection::vec((0.0..100.0_f64, -100.0..100.0_f64), 3..40),
            slope in -3.0..3.0_f64,
            level in -100.0..100.0_f64,
        ) {
            let left = |slope: f64, level: f64| -> f64 {
                places.iter().map(|(x, y)| (y - slope * x - level).powi(2)).sum()
            };
            let sums = Sums::of(&places);
            let mean = sums.y / sums.count;
            prop_assert!((sums.around_level() - left(0.0, mean)).abs() < 1e-4);
            prop_assert!(sums.around_line() <= left(slope, level) + 1e-4);
            prop_assert!(sums.around_line() <= sums.around_level() + 1e-4);
        }

        #[test]
        fn the_slope_follows_the_scale_and_not_the_level(
            values in prop::collection::vec(-100.0..100.0_f64, 8..40),
            level in -1e3..1e3_f64,
            scale in 0.1..10.0_f64,
        ) {
            let before = Pairs::of(&points(values.iter().copied()));
            let after = Pairs::of(&points(values.iter().map(|value| value * scale + level)));
            prop_assert!((after.slope - before.slope * scale).abs() < 1e-6);
            prop_assert!((after.rising - before.rising).abs() < 0.01);
            let back = Pairs::of(&points(values.iter().map(|value| -value)));
            prop_assert!((back.slope + before.slope).abs() < 1e-9);
            prop_assert!((back.beyond_chance + before.beyond_chance).abs() < 1e-9);
        }
    }
}
