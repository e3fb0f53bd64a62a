//! Recent measurements, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use super::point::Point;
use super::trend::Course;

/// Measurements of one thing within a window, thinned so that their number is bounded however often
/// samples are taken.
///
/// Measurements that are closer together than the window allows are merged into one [`Point`],
/// which keeps their minimum and maximum: a rise and fall between two points is not lost.
#[derive(Debug, Clone)]
pub(super) struct Series {
    window: Duration,
    step: Duration,
    /// How many points it keeps however old they are, up to [`Series::OLDEST`] windows.
    least: usize,
    points: VecDeque<Point>,
}

impl Series {
    /// No point is kept for longer than so many windows.
    const OLDEST: u32 = 24;
    /// How much wider each next window is in [`Series::widened`].
    const WIDER: f64 = 1.25;

    /// Of what lies `window` back, in about `points` points.
    pub(super) fn new(window: Duration, points: u32) -> Self {
        Self {
            window,
            step: window / points.max(1),
            least: 0,
            points: VecDeque::new(),
        }
    }

    /// Points that are older than the window are kept while there are not more than `least`.
    pub(super) fn keeping(mut self, least: usize) -> Self {
        self.least = least;
        self
    }

    /// Adds a measure, and says whether it made a new point. One that is earlier than the last point,
    /// or no number, is left out.
    pub(super) fn push(&mut self, at: Duration, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        match self.points.back_mut() {
            Some(last) if at < last.at => return false,
            Some(last) if at - last.at < self.step => {
                last.take_in(value);
                return false;
            }
            _ => self.points.push_back(Point::of(at, value)),
        }
        while self.points.front().is_some_and(|first| {
            let age = at - first.at;
            age > self.window.saturating_mul(Self::OLDEST)
                || (age > self.window && self.points.len() > self.least)
        }) {
            self.points.pop_front();
        }
        true
    }

    /// Drops all points.
    pub(super) fn clear(&mut self) {
        self.points.clear();
    }

    /// Number of points.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// The oldest point and the latest.
    pub(super) fn ends(&self) -> Option<(Point, Point)> {
        Some((*self.points.front()?, *self.points.back()?))
    }

    /// The maximum before `moment`.
    pub(super) fn high_before(&self, moment: Duration) -> Option<f64> {
        self.points
            .iter()
            .take_while(|point| point.at < moment)
            .map(|point| point.high)
            .reduce(f64::max)
    }

    /// The course, if it fills three quarters of the window, and can have risen by `at_least`: most
    /// things do not, and cost only a check of their quarters.
    pub(super) fn course(&mut self, at_least: f64) -> Course {
        match self.ends() {
            Some((first, last)) if last.at - first.at >= self.window.mul_f64(0.75) => {
                Course::of(self.points.make_contiguous(), at_least)
            }
            _ => Course::Unknown,
        }
    }
}

impl Series {
    /// Whether its points cover three quarters of this span, however many there are.
    pub(super) fn covers(&self, span: Duration) -> bool {
        let ends = self.ends();
        ends.is_some_and(|(first, last)| last.at - first.at >= span.mul_f64(0.75))
    }

    /// How it went over the narrowest window wider than `window` that has enough points, each quarter of
    /// it: what is read so rarely that the window itself has not.
    pub(super) fn widened(&mut self, window: Duration, at_least: f64) -> Course {
        let Some((first, last)) = self.ends() else {
            return Course::Unknown;
        };
        let points = self.points.make_contiguous();
        let mut wider = window;
        loop {
            wider = wider.mul_f64(Self::WIDER);
            if last.at - first.at < wider.mul_f64(0.75) {
                return Course::Unknown;
            }
            let from = last.at.saturating_sub(wider);
            let start = points.partition_point(|point| point.at < from);
            let course = Course::of(&points[start..], at_least);
            if course != Course::Unknown {
                return course.widened_to(wider);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(count: f64) -> Duration {
        Duration::from_secs_f64(count)
    }

    #[test]
    fn memory_is_bounded_however_often_it_is_sampled() {
        let mut series = Series::new(seconds(60.0), 120);
        for tick in 0..1_000_000_u32 {
            series.push(Duration::from_millis(u64::from(tick)), f64::from(tick % 7));
            assert!(series.len() <= 121, "{}", series.len());
        }
        let (first, last) = series.ends().unwrap();
        assert!(last.at - first.at >= seconds(59.0));
        assert_eq!((first.low, first.high), (0.0, 6.0));
    }

    proptest! {
        #[test]
        fn nothing_within_the_window_is_lost_but_its_place(
            steps in prop::collection::vec((0.0..3.0_f64, -50.0..50.0_f64), 1..200),
        ) {
            let window = seconds(40.0);
            let mut series = Series::new(window, 16);
            let mut at = seconds(5.0);
            let mut all = Vec::new();
            for (step, value) in steps {
                at += seconds(step);
                series.push(at, value);
                all.push((at, value));
            }
            prop_assert!(series.len() <= 17);
            let (first, _) = series.ends().unwrap();
            let kept: Vec<f64> = all.iter().filter(|(when, _)| *when >= first.at).map(|(_, value)| *value).collect();
            let high = kept.iter().copied().fold(f64::MIN, f64::max);
            let low = kept.iter().copied().fold(f64::MAX, f64::min);
            let sum: f64 = series.points.iter().map(|point| point.sum).sum();
            prop_assert_eq!(series.high_before(Duration::MAX), Some(high));
            prop_assert_eq!(series.points.iter().map(|point| point.low).fold(f64::MAX, f64::min), low);
            prop_assert!((sum - kept.iter().sum::<f64>()).abs() < 1e-6);
        }
    }

    #[test]
    fn earlier_times_and_not_a_number_are_ignored() {
        let mut series = Series::new(seconds(10.0), 10);
        series.push(seconds(5.0), 1.0);
        series.push(seconds(4.0), 2.0);
        series.push(seconds(6.0), f64::NAN);
        assert_eq!(series.len(), 1);
    }
}
