//! One measure over time, in a bounded number of points however long the period.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use backstop_core::monitor::Unit;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Measure {
    /// Resident memory of the process or tree.
    Memory,
    /// File descriptors.
    Handles,
    /// Threads.
    Threads,
    /// Direct children.
    Children,
    /// Processor time, in percent of one core.
    Processor,
    /// Open resources in the ledger.
    Resources,
    /// Memory in use on the machine, in percent.
    SystemMemory,
}

/// A measure over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// The measure.
    pub measure: Measure,
    /// Its unit.
    pub unit: Unit,
    /// The minimum.
    pub least: f64,
    /// The mean of all samples.
    pub mean: f64,
    /// The maximum.
    pub peak: f64,
    /// When the maximum was reached.
    pub peak_at: Timestamp,
    /// The last value.
    pub last: f64,
    /// How fast it grows, in `unit` per hour: the median slope between any two points of one run.
    /// `None` if no run was long enough.
    pub per_hour: Option<f64>,
    /// Its limit, if known.
    pub limit: Option<f64>,
    /// How many seconds a point represents.
    pub width_seconds: u64,
    /// The points, oldest first; at most [`Series::POINTS`].
    pub points: Vec<Point>,
}

/// The samples of some time, combined into one point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The mean of their times.
    pub at: Timestamp,
    /// The minimum.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The maximum.
    pub max: f64,
    /// Number of samples.
    pub samples: u64,
    /// Whether there is no data before it: after a gap, or in another run.
    pub begins: bool,
}

impl Measure {
    /// Every measure, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Memory,
        Self::Handles,
        Self::Threads,
        Self::Children,
        Self::Processor,
        Self::Resources,
        Self::SystemMemory,
    ];

    /// The unit.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Memory => Unit::Bytes,
            Self::Processor | Self::SystemMemory => Unit::Percent,
            Self::Handles | Self::Threads | Self::Children | Self::Resources => Unit::Count,
        }
    }

    /// The name, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Memory => "Memory",
            Self::Handles => "Open files",
            Self::Threads => "Threads",
            Self::Children => "Children",
            Self::Processor => "Processor",
            Self::Resources => "Open resources",
            Self::SystemMemory => "Machine memory",
        }
    }

    /// What exactly is measured.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Memory => "resident memory of the process or tree",
            Self::Handles => "open file descriptors",
            Self::Threads => "threads",
            Self::Children => "direct children",
            Self::Processor => "processor time; 100 % is one core",
            Self::Resources => "open resources in the ledger",
            Self::SystemMemory => "share of the machine's memory in use",
        }
    }

    /// Whether its growth is meaningful: a measure that falls by itself does not grow.
    pub(super) const fn grows(self) -> bool {
        !matches!(self, Self::Processor | Self::SystemMemory)
    }
}

impl Series {
    /// The maximum number of points.
    pub const POINTS: usize = 240;
}

/// One value and when it was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) at: Timestamp,
    pub(super) value: f64,
    /// Slopes are only taken within one stretch, a time without gaps.
    pub(super) stretch: u32,
}

/// Builds a series from values that arrive one by one. The width of a point doubles when there are
/// too many, so that a minute is shown by the second and a month by the hour.
#[derive(Debug, Clone)]
pub(super) struct Collector {
    most: usize,
    width: i64,
    buckets: BTreeMap<i64, Bucket>,
    peak: Option<(f64, Timestamp)>,
    last: f64,
    /// Whether there is no data before the next value.
    broken: bool,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Sum of the times since the bucket's own start, in seconds.
    times: f64,
    min: f64,
    max: f64,
    sum: f64,
    count: u64,
    begins: bool,
    stretch: u32,
    /// Whether it has values of more than one stretch.
    mixed: bool,
}

impl Collector {
    /// The minimum length of a stretch for determining growth.
    const TELLING: f64 = 600.0;

    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            width: 1,
            buckets: BTreeMap::new(),
            peak: None,
            last: 0.0,
            broken: true,
        }
    }

    /// There is no data until the next value.
    pub(super) fn interrupt(&mut self) {
        self.broken = true;
    }

    pub(super) fn push(&mut self, reading: Reading) {
        let Reading { at, value, .. } = reading;
        if !value.is_finite() {
            return;
        }
        self.last = value;
        if self.peak.is_none_or(|(peak, _)| value > peak) {
            self.peak = Some((value, at));
        }
        let index = at.as_second().div_euclid(self.width);
        let bucket = Bucket {
            times: at.as_millisecond() as f64 / 1000.0 - (index * self.width) as f64,
            min: value,
            max: value,
            sum: value,
            count: 1,
            begins: std::mem::take(&mut self.broken),
            stretch: reading.stretch,
            mixed: false,
        };
        self.buckets
            .entry(index)
            .and_modify(|other| other.merge(&bucket, 0.0))
            .or_insert(bucket);
        while self.buckets.len() > self.most {
            self.widen();
        }
    }

    fn widen(&mut self) {
        let width = self.width;
        self.width *= 2;
        for (index, mut bucket) in std::mem::take(&mut self.buckets) {
            let offset = index.rem_euclid(2) * width;
            match self.buckets.entry(index.div_euclid(2)) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    bucket.times += offset as f64 * bucket.count as f64;
                    place.insert(bucket);
                }
                std::collections::btree_map::Entry::Occupied(mut place) => {
                    place.get_mut().merge(&bucket, offset as f64);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub(super) fn peak(&self) -> Option<f64> {
        self.peak.map(|(peak, _)| peak)
    }

    pub(super) fn least(&self) -> Option<f64> {
        let least = self.buckets.values().map(|bucket| bucket.min);
        least.min_by(f64::total_cmp)
    }

    pub(super) fn mean(&self) -> Option<f64> {
        let (sum, count) = self
            .buckets
            .values()
            .fold((0.0, 0), |(sum, count), bucket| {
                (sum + bucket.sum, count + bucket.count)
            });
        (count > 0).then(|| sum / count as f64)
    }

    /// The median slope between any two points of one stretch (Theil–Sen), in units per hour: one
    /// peak, or a step at the start, does not move it.
    pub(super) fn per_hour(&self) -> Option<f64> {
        let points: Vec<(f64, f64, u32)> = self
            .buckets
            .iter()
            .filter(|(_, bucket)| !bucket.mixed)
            .map(|(index, bucket)| {
                let time = (index * self.width) as f64 + bucket.times / bucket.count as f64;
                (time, bucket.sum / bucket.count as f64, bucket.stretch)
            })
            .collect();
        let mut slopes = Vec::new();
        let mut longest = 0.0_f64;
        for (place, (time, value, stretch)) in points.iter().enumerate() {
            for (later, other, same) in &points[place + 1..] {
                if same == stretch && later > time {
                    longest = longest.max(later - time);
                    slopes.push((other - value) / (later - time) * 3600.0);
                }
            }
        }
        if longest < Self::TELLING {
            return None;
        }
        let middle = slopes.len() / 2;
        let (_, median, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
        Some(*median)
    }

    pub(super) fn finish(&self, measure: Measure, limit: Option<f64>) -> Option<Series> {
        let (peak, peak_at) = self.peak?;
        Some(Series {
            measure,
            unit: measure.unit(),
            least: self.least()?,
            mean: self.mean()?,
            peak,
            peak_at,
            last: self.last,
            per_hour: self.per_hour().filter(|_| measure.grows()),
            limit,
            width_seconds: self.width.unsigned_abs(),
            points: self.points(),
        })
    }

    fn points(&self) -> Vec<Point> {
        let point = |(index, bucket): (&i64, &Bucket)| {
            let begin = Timestamp::from_second(index * self.width).unwrap_or(Timestamp::MIN);
            let offset = SignedDuration::from_secs_f64(bucket.times / bucket.count as f64);
            Point {
                at: begin.checked_add(offset).unwrap_or(begin),
                min: bucket.min,
                mean: bucket.sum / bucket.count as f64,
                max: bucket.max,
                samples: bucket.count,
                begins: bucket.begins,
            }
        };
        self.buckets.iter().map(point).collect()
    }
}

impl Bucket {
    /// Merges a later one, whose own start is `offset` seconds after this one's.
    fn merge(&mut self, later: &Self, offset: f64) {
        self.times += later.times + offset * later.count as f64;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.sum += later.sum;
        self.count += later.count;
        // A gap within a point is shown before it: a break that is displaced by less than a point
        // is better than none.
        self.begins |= later.begins;
        self.mixed |= later.mixed || later.stretch != self.stretch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(second: i64, value: f64) -> Reading {
        Reading {
            at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
            value,
            stretch: 0,
        }
    }

    #[test]
    fn a_month_has_few_points_and_none_of_its_peaks_is_lost() {
        let mut collector = Collector::new(Series::POINTS);
        for second in (0..30 * 86_400).step_by(30) {
            let value = if second == 1_000_020 {
                1e9
            } else {
                second as f64
            };
            collector.push(reading(second, value));
        }
        let series = collector.finish(Measure::Memory, None).unwrap();
        assert!((100..=Series::POINTS).contains(&series.points.len()));
        assert_eq!(series.points.iter().map(|p| p.samples).sum::<u64>(), 86_400);
        assert_eq!(series.peak, 1e9);
        assert_eq!(series.peak_at, reading(1_000_020, 0.0).at);
        assert!(series.points.iter().any(|point| point.max == 1e9));
        assert!(series.points.is_sorted_by_key(|point| point.at));
        assert!((series.per_hour.unwrap() - 3600.0).abs() < 1.0);
        // A point is at the mean of its samples' times.
        let second = series.points[1];
        let expected = second.at.as_second() - 1_800_000_000;
        assert!((second.mean - expected as f64).abs() <= 1.0, "{second:?}");
    }

    #[test]
    fn a_restart_does_not_count_as_shrinking() {
        let mut collector = Collector::new(Series::POINTS);
        for run in 0..4_u32 {
            for second in 0..3600 {
                let at = i64::from(run) * 3600 + second;
                collector.push(Reading {
                    stretch: run,
                    ..reading(at, second as f64)
                });
            }
        }
        assert!((collector.per_hour().unwrap() - 3600.0).abs() < 1.0);
    }

    #[test]
    fn a_short_run_has_no_growth() {
        let mut collector = Collector::new(Series::POINTS);
        assert_eq!(collector.per_hour(), None);
        for second in 0..300 {
            collector.push(reading(second, second as f64));
        }
        assert_eq!(collector.per_hour(), None);
        collector.push(reading(300, f64::NAN));
        assert_eq!(collector.least(), Some(0.0));
    }
}
