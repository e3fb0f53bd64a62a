//! A series as a chart: a line with the band from minimum to maximum, broken where there is no
//! data.
//!
//! The drawing stretches to the available width; its labels are text next to it and keep their
//! size, which text within a drawing does not on a phone.

use std::fmt::Write;

use jiff::Timestamp;
use maud::{Markup, html};

use super::quantity::{self, Clock};
use super::ticks::{self, Scale};
use crate::report::series::{Point, Series};

/// The drawing's own units, which the page stretches.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// The time axis of all charts of a page, so that they can be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// A time marked under a chart.
pub(super) struct Mark {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) severity: String,
    pub(super) text: String,
}

impl Stage {
    fn x(&self, at: Timestamp) -> f64 {
        let all = self.until.duration_since(self.from).as_secs_f64();
        let part = at.duration_since(self.from).as_secs_f64();
        if all <= 0.0 {
            return WIDTH / 2.0;
        }
        (part / all).clamp(0.0, 1.0) * WIDTH
    }
}

/// The figure of a series, with the table of its points behind it.
pub(super) fn figure(series: &Series, stage: Stage, marks: &[Mark], clock: &Clock) -> Markup {
    let scale = Scale::of(series.least, series.peak, series.unit);
    let times = ticks::times(stage.from, stage.until, clock.zone(), 8);
    let show = |value: f64| quantity::value(value, series.unit);
    let id = format!("{:?}", series.measure).to_lowercase();
    let limit = series
        .limit
        .filter(|limit| *limit <= scale.high && *limit > scale.low);
    html! {
        figure.chart {
            figcaption {
                h3 { (series.measure.title()) }
                p.facts {
                    "peak " b { (show(series.peak)) } " at " (clock.minute(series.peak_at))
                    " · mean " (show(series.mean)) " · last " b { (show(series.last)) }
                    @if let Some(per_hour) = series.per_hour {
                        " · " (quantity::rate(per_hour, series.unit))
                    }
                    @if let Some(limit) = series.limit {
                        " · limit " (show(limit))
                    }
                }
            }
            div.plot {
                div.ys aria-hidden="true" {
                    @for tick in &scale.ticks {
                        span style=(format!("bottom:{:.2}%", tick.place * 100.0)) { (tick.label) }
                    }
                }
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none"
                    role="img" aria-labelledby={ (id) "-title " (id) "-desc" }
                    data-measure=(id) data-points=(series.points.len())
                    data-low=(scale.low) data-high=(scale.high) {
                    title id={ (id) "-title" } { (series.measure.title()) }
                    desc id={ (id) "-desc" } { (describe(series, clock)) }
                    path.grid d=(grid(&scale, &times)) {}
                    path.band d=(band(series, stage, &scale)) {}
                    path.line d=(line(series, stage, &scale)) {}
                    @if let Some(limit) = limit {
                        path.limit d=(format!("M0 {0:.1}H{WIDTH}", y(limit, &scale))) {
                            title { "limit " (show(limit)) }
                        }
                    }
                    @for (left, right, point) in columns(series, stage) {
                        rect.hit x=(format!("{left:.1}")) width=(format!("{:.1}", right - left))
                            height=(HEIGHT) data-at=(point.at.as_second()) data-mean=(point.mean) {
                            title { (point_title(point, series, clock)) }
                        }
                    }
                }
                @if !marks.is_empty() {
                    svg.marks viewBox=(format!("0 0 {WIDTH} 8")) preserveAspectRatio="none"
                        role="img" aria-label="when findings were open" {
                        @for mark in marks {
                            rect class=(mark.severity) x=(format!("{:.1}", stage.x(mark.from)))
                                width=(format!("{:.1}", (stage.x(mark.until) - stage.x(mark.from)).max(4.0)))
                                height="8" {
                                title { (mark.text) }
                            }
                        }
                    }
                }
                div.xs aria-hidden="true" {
                    @for (number, tick) in times.iter().enumerate() {
                        span.odd[number % 2 == 1] style=(format!("left:{:.2}%", tick.place * 100.0)) {
                            (tick.label)
                        }
                    }
                }
            }
            details {
                summary { "Show the " (series.points.len()) " points as a table" }
                div.scroll {
                    table {
                        caption { (series.measure.title()) ": " (series.measure.description()) }
                        thead {
                            tr {
                                th scope="col" { "Time" }
                                @for name in ["Min", "Mean", "Max", "Samples"] {
                                    th.number scope="col" { (name) }
                                }
                            }
                        }
                        tbody {
                            @for point in &series.points {
                                tr {
                                    td { (clock.second(point.at)) }
                                    @for value in [point.min, point.mean, point.max] {
                                        td.number { (show(value)) }
                                    }
                                    td.number { (point.samples) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn describe(series: &Series, clock: &Clock) -> String {
    let show = |value: f64| quantity::value(value, series.unit);
    let breaks = series.points.iter().skip(1).filter(|point| point.begins);
    let mut text = format!(
        "{}: from {} to {}, peak {} at {}, {} at the end.",
        series.measure.description(),
        show(series.least),
        show(series.peak),
        show(series.peak),
        clock.minute(series.peak_at),
        show(series.last)
    );
    match breaks.count() {
        0 => {}
        1 => text.push_str(" The line is broken once, where there is no data."),
        count => {
            let _ = write!(
                text,
                " The line is broken {count} times, where there is no data."
            );
        }
    }
    text
}

fn point_title(point: &Point, series: &Series, clock: &Clock) -> String {
    let show = |value: f64| quantity::value(value, series.unit);
    let spread = if point.min == point.max {
        String::new()
    } else {
        format!(" ({} to {})", show(point.min), show(point.max))
    };
    format!("{}: {}{spread}", clock.second(point.at), show(point.mean))
}

fn y(value: f64, scale: &Scale) -> f64 {
    (1.0 - scale.place(value)) * HEIGHT
}

fn grid(scale: &Scale, times: &[ticks::Tick]) -> String {
    let mut path = String::new();
    for tick in &scale.ticks {
        let _ = write!(path, "M0 {:.1}H{WIDTH}", (1.0 - tick.place) * HEIGHT);
    }
    for tick in times {
        let _ = write!(path, "M{:.1} 0V{HEIGHT}", tick.place * WIDTH);
    }
    path
}

/// The points, split where there is no data between them.
fn parts(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.chunk_by(|_, next| !next.begins)
}

fn line(series: &Series, stage: Stage, scale: &Scale) -> String {
    let mut path = String::new();
    for part in parts(&series.points) {
        for (number, point) in part.iter().enumerate() {
            let (x, y) = (stage.x(point.at), y(point.mean, scale));
            let pen = if number == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{pen}{x:.1} {y:.1}");
        }
        if part.len() == 1 {
            // A line of zero length with round ends is a dot.
            path.push_str("h0");
        }
    }
    path
}

fn band(series: &Series, stage: Stage, scale: &Scale) -> String {
    let mut path = String::new();
    for part in parts(&series.points).filter(|part| part.len() > 1) {
        let there = part.iter().map(|point| (point, point.max));
        let back = part.iter().rev().map(|point| (point, point.min));
        for (number, (point, value)) in there.chain(back).enumerate() {
            let (x, y) = (stage.x(point.at), y(value, scale));
            let pen = if number == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{pen}{x:.1} {y:.1}");
        }
        path.push('Z');
    }
    path
}

/// Each point with the column in which a pointer selects it: halfway to its neighbours.
fn columns(series: &Series, stage: Stage) -> impl Iterator<Item = (f64, f64, &Point)> {
    let points = &series.points;
    let x = move |number: usize| stage.x(points[number].at);
    // However isolated a point, its column is no wider than a few of its own width.
    let all = stage
        .until
        .duration_since(stage.from)
        .as_secs_f64()
        .max(1.0);
    let most = (series.width_seconds as f64 / all * WIDTH * 2.0).max(4.0);
    points.iter().enumerate().map(move |(number, point)| {
        let here = x(number);
        let left = match number {
            0 => here - most,
            _ => (here + x(number - 1)) / 2.0,
        };
        let right = match number + 1 {
            next if next == points.len() => here + most,
            next => (here + x(next)) / 2.0,
        };
        let left = left.max(here - most).max(0.0);
        let right = right.min(here + most).min(WIDTH);
        (left, right, point)
    })
}
