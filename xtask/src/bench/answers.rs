//! The output of the benchmarks: one line of JSON for each answer.

use std::process::{Command, Stdio};

use anyhow::Context;
use serde::Deserialize;

use crate::program;

/// One answer. A question can have several, of which each has its aspect.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answer {
    pub(crate) question: String,
    pub(crate) aspect: Option<String>,
    pub(crate) ours: Figure,
    pub(crate) peers: Vec<Figure>,
    pub(crate) against: Option<String>,
    pub(crate) ratio: Option<Ratio>,
    pub(crate) goal: Option<String>,
    pub(crate) met: Option<bool>,
    pub(crate) notes: Vec<String>,
}

/// The result of one contender.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `None` for a peer that is not installed.
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
    /// What a peer needs of the system that ours does not.
    #[serde(default)]
    pub(crate) needs: Option<String>,
}

/// Ours over a peer's, within each pair of runs.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) pairs: usize,
}

/// Runs the benchmarks, which report their progress on standard error; returns the answers, and whether
/// all questions were answered.
pub(crate) fn ask(command: &mut Command) -> anyhow::Result<(Vec<Answer>, bool)> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", program::line(command)))?;
    let text = String::from_utf8(output.stdout)
        .context("the output of the benchmarks is not valid UTF-8")?;
    Ok((parse(&text)?, output.status.success()))
}

fn parse(text: &str) -> anyhow::Result<Vec<Answer>> {
    let answers = text.lines().map(|line| {
        serde_json::from_str(line)
            .with_context(|| format!("unexpected output of the benchmarks: {line}"))
    });
    answers.collect()
}

impl Answer {
    /// The question, with what of it is answered.
    pub(crate) fn title(&self) -> String {
        match &self.aspect {
            Some(aspect) => format!("{}, {aspect}", self.question),
            None => self.question.clone(),
        }
    }

    /// Whether the goal is met, as one word.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }
}

impl Figure {
    /// The value with its unit.
    pub(crate) fn shown(&self) -> String {
        match self.value {
            Some(value) => format!("{} {}", number(value), self.unit),
            None if self.version == "not installed" => self.version.clone(),
            None => "–".to_owned(),
        }
    }
}

impl Ratio {
    /// The median with the spread.
    pub(crate) fn shown(&self) -> String {
        let [median, min, max] = [self.median, self.min, self.max].map(number);
        format!("{median}× ({min}–{max}, {} pairs)", self.pairs)
    }
}

/// Three significant digits.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const LINE: &str = r#"{"question":"pool_checkout","aspect":null,
        "ours":{"name":"backstop","version":"0.1.0","value":61.25,"min":60,"max":70,"unit":"ns"},
        "peers":[{"name":"bb8","version":"not installed","value":null,"min":null,"max":null,"unit":"ns"}],
        "against":"r2d2","ratio":{"median":0.4,"min":0.31,"max":12.25,"pairs":9},
        "goal":"≤ 0.5×","met":true,"notes":["one"]}"#;

    #[test]
    fn an_answer_is_read_and_shown() {
        let answer = parse(&LINE.replace('\n', "")).unwrap().remove(0);
        assert_eq!(answer.title(), "pool_checkout");
        assert_eq!(answer.ours.shown(), "61.2 ns");
        assert_eq!(answer.peers[0].shown(), "not installed");
        assert_eq!(answer.ratio.unwrap().shown(), "0.40× (0.31–12.2, 9 pairs)");
        assert_eq!(answer.verdict(), "met");
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_quotes_it() {
        let error = parse("hello").unwrap_err();
        assert!(format!("{error:#}").contains("hello"));
    }
}
