//! The answer to a question: one JSON line.

use serde::Serialize;

use crate::measure::{Ratio, Series};
use crate::peer;

/// One answer. A question can have several, of which each has its aspect.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answer {
    pub(crate) question: &'static str,
    /// What of the question it answers; `None` for the question itself.
    pub(crate) aspect: Option<String>,
    pub(crate) ours: Figure,
    pub(crate) peers: Vec<Figure>,
    /// The peer that the ratio is to.
    pub(crate) against: Option<String>,
    pub(crate) ratio: Option<Ratio>,
    pub(crate) goal: Option<String>,
    pub(crate) met: Option<bool>,
    pub(crate) notes: Vec<String>,
}

/// The result of one contender.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The median; `None` for a peer that is not installed.
    pub(crate) value: Option<f64>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) unit: &'static str,
    /// What a peer needs of the system, and does not do, where that is not what ours needs and does.
    pub(crate) needs: Option<&'static str>,
}

/// The version of a peer that is not here.
const NOT_INSTALLED: &str = "not installed";

/// What a figure or a ratio must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub(crate) fn of(
        name: impl Into<String>,
        version: impl Into<String>,
        series: &Series,
        unit: &'static str,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            value: Some(series.median()),
            min: Some(series.min()),
            max: Some(series.max()),
            unit,
            needs: None,
        }
    }

    /// Ours, at this version.
    pub(crate) fn ours(name: impl Into<String>, series: &Series, unit: &'static str) -> Self {
        Self::of(name, env!("CARGO_PKG_VERSION"), series, unit)
    }

    /// A peer that is not here.
    pub(crate) fn missing(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            version: NOT_INSTALLED.to_owned(),
            value: None,
            min: None,
            max: None,
            unit,
            needs: None,
        }
    }

    pub(crate) fn needs(mut self, needs: Option<&'static str>) -> Self {
        self.needs = needs;
        self
    }

    fn is_missing(&self) -> bool {
        self.value.is_none() && self.version == NOT_INSTALLED
    }
}

impl Answer {
    pub(crate) fn new(question: &'static str, ours: Figure) -> Self {
        Self {
            question,
            aspect: None,
            ours,
            peers: Vec::new(),
            against: None,
            ratio: None,
            goal: None,
            met: None,
            notes: Vec::new(),
        }
    }

    pub(crate) fn aspect(mut self, aspect: impl Into<String>) -> Self {
        self.aspect = Some(aspect.into());
        self
    }

    pub(crate) fn peer(mut self, peer: Figure) -> Self {
        self.peers.push(peer);
        self
    }

    pub(crate) fn peers(mut self, peers: impl IntoIterator<Item = Figure>) -> Self {
        self.peers.extend(peers);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The ratio to a peer, without a goal.
    pub(crate) fn against(mut self, peer: impl Into<String>, ratio: Ratio) -> Self {
        self.against = Some(peer.into());
        self.ratio = Some(ratio);
        self
    }

    /// Holds the ratio's median against a goal.
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        let ratio = self.ratio.map(|ratio| ratio.median);
        self.goal = Some(goal.text("×"));
        self.met = ratio.map(|ratio| goal.is_met(ratio));
        self
    }

    /// Holds our own figure against a goal.
    pub(crate) fn absolute_goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal.text(&format!(" {}", self.ours.unit)));
        self.met = self.ours.value.map(|value| goal.is_met(value));
        self
    }
}

impl Answer {
    /// The same, marked as missed if a peer is not installed: without its peers a figure cannot be compared.
    /// Peers that are [optional](peer::OPTIONAL) are named with the reason.
    pub(crate) fn with_its_peers(mut self) -> Self {
        let optional = |peer: &Figure| {
            let mut all = peer::OPTIONAL.iter();
            all.find(|(name, _)| *name == peer.name)
        };
        let missing: Vec<Figure> = self
            .peers
            .iter()
            .filter(|peer| peer.is_missing())
            .cloned()
            .collect();
        for peer in missing {
            if let Some((name, why)) = optional(&peer) {
                self.notes.push(format!("without {name}: {why}"));
            } else {
                self.goal.get_or_insert_with(|| "all peers".to_owned());
                self.met = Some(false);
                self.notes
                    .push(format!("missed: {} is not installed", peer.name));
            }
        }
        self
    }
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {limit}{unit}"),
            Self::AtLeast(limit) => format!("≥ {limit}{unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(peer: &'static str) -> Answer {
        let ours = Figure::ours("backstop", &Series(vec![0.0]), "survivors");
        Answer::new("five_processes", ours)
            .peer(Figure::missing(peer, "survivors"))
            .absolute_goal(Goal::AtMost(0.0))
            .with_its_peers()
    }

    #[test]
    fn a_question_without_a_peer_is_missed_and_one_without_an_optional_peer_is_not() {
        let missed = answer("tini");
        assert_eq!(missed.met, Some(false));
        assert_eq!(missed.notes, ["missed: tini is not installed"]);
        for (name, why) in peer::OPTIONAL {
            let met = answer(name);
            assert_eq!(met.met, Some(true));
            assert!(met.notes[0].contains(why));
        }
    }
}
