//! A picture of a few lines.

use std::path::Path;

use anyhow::{anyhow, ensure};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;
use serde::Serialize;

/// A picture.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) scale: Scale,
    pub(super) legend: Legend,
    pub(super) lines: Vec<Line>,
}

/// How both axes grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// In which upper corner no line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Legend {
    Left,
    Right,
}

/// One line of it.
#[derive(Serialize)]
pub(super) struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// Told apart also by those who see few colours.
const COLOURS: [RGBColor; 3] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(120, 120, 120),
];

impl Line {
    pub(super) fn new(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points }
    }
}

impl Plot {
    pub(super) fn draw(&self, path: &Path) -> anyhow::Result<()> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        ensure!(points().next().is_some(), "nothing to draw");
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let left = least(&mut points().map(|(x, _)| *x));
        let right = most(&mut points().map(|(x, _)| *x)).max(left * 2.0);
        let bottom = least(&mut points().map(|(_, y)| *y));
        let top = most(&mut points().map(|(_, y)| *y));

        let area = SVGBackend::new(path, (720, 440)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut builder = ChartBuilder::on(&area);
        builder
            .caption(self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(46)
            .y_label_area_size(72);
        // Above the highest line there is room for the names of all.
        match self.scale {
            Scale::Linear => {
                let chart = builder.build_cartesian_2d(0.0..right * 1.05, 0.0..top * 1.35);
                self.fill(chart.map_err(failed)?)?;
            }
            Scale::Log => {
                let (across, up) = (left..right * 1.2, bottom / 2.0..top * 4.0);
                let chart = builder.build_cartesian_2d(across.log_scale(), up.log_scale());
                self.fill(chart.map_err(failed)?)?;
            }
        }
        area.present().map_err(failed)
    }

    fn fill<'a, X, Y>(
        &self,
        mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    ) -> anyhow::Result<()>
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 14))
            .light_line_style(WHITE)
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .draw()
            .map_err(failed)?;
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style).point_size(4))
                .map_err(failed)?
                .label(line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        let corner = match self.legend {
            Legend::Left => SeriesLabelPosition::UpperLeft,
            Legend::Right => SeriesLabelPosition::UpperRight,
        };
        chart
            .configure_series_labels()
            .position(corner)
            .label_font(("sans-serif", 14))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .draw()
            .map_err(failed)
    }
}

/// A number of at most three digits, with its thousands or millions named.
fn short(value: f64) -> String {
    match value {
        _ if value >= 1e6 => format!("{} M", rounded(value / 1e6)),
        _ if value >= 1e4 => format!("{} k", rounded(value / 1e3)),
        _ => rounded(value),
    }
}

fn rounded(value: f64) -> String {
    if value >= 10.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the picture cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_the_axes_are_short() {
        let shown = [0.25, 1.0, 9.5, 10.0, 4000.0, 10_000.0, 1e7].map(short);
        assert_eq!(shown, ["0.25", "1", "9.5", "10", "4000", "10 k", "10 M"]);
    }
}
