//! Days, weeks and months.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::Releases;
use crate::report::series::{Collector, Reading};

/// How a period is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// By day.
    #[default]
    Day,
    /// By week, starting on Monday.
    Week,
    /// By month.
    Month,
}

/// A day, week or month of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeriodAccount {
    /// Its first day, by the calendar of the report's time zone.
    pub date: Date,
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// Samples.
    pub samples: u64,
    /// Memory, in bytes.
    pub memory: Option<MinMeanMax>,
    /// How fast memory grew, in bytes per hour, if known.
    pub memory_per_hour: Option<f64>,
    /// Maximum number of open file descriptors.
    pub handles: Option<f64>,
    /// Maximum number of threads.
    pub threads: Option<f64>,
    /// Findings that were opened.
    pub opened: u64,
    /// Findings that were cleared.
    pub cleared: u64,
    /// Alerts.
    pub alerts: u64,
    /// How releases ended.
    pub releases: Releases,
}

/// Minimum, mean and maximum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MinMeanMax {
    /// The minimum.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The maximum.
    pub max: f64,
}

impl View {
    /// The first day of the period that contains this day.
    fn first_of(self, date: Date) -> Date {
        match self {
            Self::Day => date,
            Self::Week => {
                let days = date.weekday().to_monday_zero_offset();
                date.checked_sub(i64::from(days).days()).unwrap_or(date)
            }
            Self::Month => date.first_of_month(),
        }
    }

    fn after(self, first: Date) -> Date {
        let span = match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
        };
        first.checked_add(span).unwrap_or(Date::MAX)
    }
}

#[derive(Debug)]
pub(super) struct Period {
    until: Timestamp,
    from: Timestamp,
    pub(super) samples: u64,
    pub(super) memory: Collector,
    pub(super) handles: Option<f64>,
    pub(super) threads: Option<f64>,
    pub(super) opened: u64,
    pub(super) cleared: u64,
    pub(super) alerts: u64,
    pub(super) releases: Releases,
}

impl Period {
    /// Points of memory in a period: enough to determine growth.
    const POINTS: usize = 48;

    pub(super) fn memory(&mut self, reading: Reading) {
        self.memory.push(reading);
    }
}

/// The days, weeks or months of a period, by their first days.
#[derive(Debug)]
pub(super) struct Periods {
    zone: TimeZone,
    view: View,
    periods: BTreeMap<Date, Period>,
    /// The last one used: the calendar is consulted only when another one starts.
    current: Option<Date>,
}

impl Periods {
    pub(super) fn new(zone: TimeZone, view: View) -> Self {
        Self {
            zone,
            view,
            periods: BTreeMap::new(),
            current: None,
        }
    }

    pub(super) fn at(&mut self, time: Timestamp) -> &mut Period {
        let is_in = |period: &Period| (period.from..period.until).contains(&time);
        let date = match self.current {
            Some(date) if self.periods.get(&date).is_some_and(is_in) => date,
            _ => self.view.first_of(self.zone.to_datetime(time).date()),
        };
        self.current = Some(date);
        let (zone, view) = (&self.zone, self.view);
        self.periods.entry(date).or_insert_with(|| {
            let begin = |date: Date| {
                let zoned = date.to_zoned(zone.clone());
                zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
            };
            Period {
                from: begin(date),
                until: begin(view.after(date)),
                samples: 0,
                memory: Collector::new(Period::POINTS),
                handles: None,
                threads: None,
                opened: 0,
                cleared: 0,
                alerts: 0,
                releases: Releases::default(),
            }
        })
    }

    pub(super) fn finish(self) -> Vec<PeriodAccount> {
        let account = |(date, period): (Date, Period)| PeriodAccount {
            date,
            from: period.from,
            until: period.until,
            samples: period.samples,
            memory: spread(&period.memory),
            memory_per_hour: period.memory.per_hour(),
            handles: period.handles,
            threads: period.threads,
            opened: period.opened,
            cleared: period.cleared,
            alerts: period.alerts,
            releases: period.releases,
        };
        self.periods.into_iter().map(account).collect()
    }
}

fn spread(collector: &Collector) -> Option<MinMeanMax> {
    Some(MinMeanMax {
        min: collector.least()?,
        mean: collector.mean()?,
        max: collector.peak()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_week_begins_on_monday_and_a_month_on_its_first() {
        let sunday = date(2026, 11, 22);
        assert_eq!(View::Week.first_of(sunday), date(2026, 11, 16));
        assert_eq!(View::Week.first_of(date(2026, 11, 16)), date(2026, 11, 16));
        assert_eq!(View::Month.first_of(sunday), date(2026, 11, 1));
        assert_eq!(View::Month.after(date(2026, 12, 1)), date(2027, 1, 1));
    }

    #[test]
    fn days_are_the_zones_own_and_may_have_25_hours() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let mut periods = Periods::new(zone, View::Day);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // 24 October, 23:30 in Berlin; and the day on which summer time ends.
        periods.at(at("2026-10-24T21:30:00Z")).samples += 1;
        periods.at(at("2026-10-24T22:30:00Z")).samples += 1;
        periods.at(at("2026-10-25T22:30:00Z")).samples += 1;
        let days = periods.finish();
        assert_eq!(days.len(), 2);
        assert_eq!((days[1].date, days[1].samples), (date(2026, 10, 25), 2));
        let long = days[1].until.duration_since(days[1].from);
        assert_eq!(long.as_hours(), 25);
    }
}
