//! Which findings become alerts, and when: pure, by the time of the observations.

use std::collections::HashMap;
use std::time::Duration;

use super::episode::Episode;
use super::level::Level;
use super::message::{Alert, Transition};
use super::rules::AlertRules;
use backstop_core::monitor::{
    Change, Finding, FindingKind, FindingSubject, Observation, suggestions,
};

/// Decides what is delivered. The last report about a finding matches its state at most an interval
/// and a calm after it last changed, however much is suppressed in the meantime.
#[derive(Debug)]
pub(super) struct Triage {
    rules: AlertRules,
    /// By kind first, so that a finding is found without copying its subject.
    episodes: HashMap<FindingKind, HashMap<FindingSubject, Episode>>,
    count: usize,
    allowances: [Allowance; Level::ALL.len()],
    look: u64,
    serial: u64,
    suppressed: u64,
    lost: u64,
    undisclosed: u64,
}

/// How many alerts a level may still have in this interval.
#[derive(Debug, Clone, Copy, Default)]
struct Allowance {
    begun: Option<Duration>,
    used: u32,
}

impl Triage {
    pub(super) fn new(rules: AlertRules) -> Self {
        Self {
            rules,
            episodes: HashMap::new(),
            count: 0,
            allowances: Default::default(),
            look: 0,
            serial: 0,
            suppressed: 0,
            lost: 0,
            undisclosed: 0,
        }
    }

    /// Changes that had no alert of their own.
    pub(super) fn suppressed(&self) -> u64 {
        self.suppressed
    }

    /// Changes that were not and will not be reported.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Findings that currently have an alert.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes an observation, and returns what is to be delivered, highest level first, at most
    /// `room`. The rest waits.
    pub(super) fn observe(&mut self, observation: &Observation, room: usize) -> Vec<Alert> {
        let at = observation.sample.at.awake;
        self.look += 1;
        let mut floor = None;
        for finding in &observation.open {
            let _ = self.see(finding, &mut floor);
        }
        for change in &observation.changes {
            match change {
                Change::Opened(finding) | Change::Severity(finding) => {
                    if !self.see(finding, &mut floor) {
                        self.lose(1);
                    }
                }
                Change::Cleared(finding) => self.clear(finding),
            }
        }
        self.follow(at);
        self.deliver(observation, room)
    }

    /// Records the state of a finding. False if it is an alert and there is no place for it.
    /// `floor` is the lowest level that has a place, once it was determined.
    fn see(&mut self, finding: &Finding, floor: &mut Option<Option<Level>>) -> bool {
        let level = self.rules.level(finding.severity);
        let look = self.look;
        if let Some(episode) = self.find(finding) {
            episode.see(finding, level);
            episode.look = look;
            return true;
        }
        if level.is_none() {
            return true;
        }
        if self.count >= self.rules.most_findings {
            let least = *floor.get_or_insert_with(|| self.least());
            if level <= least {
                return false;
            }
            *floor = None;
            self.evict(least);
        }
        let mut episode = Episode::new(finding);
        episode.see(finding, level);
        episode.look = look;
        // Updated immediately, so that an eviction later in this observation uses its level.
        episode.follow(Duration::ZERO, &self.rules);
        let subjects = self.episodes.entry(finding.kind).or_default();
        subjects.insert(finding.subject.clone(), episode);
        self.count += 1;
        true
    }

    fn find(&mut self, finding: &Finding) -> Option<&mut Episode> {
        self.episodes
            .get_mut(&finding.kind)?
            .get_mut(&finding.subject)
    }

    /// A cleared finding has its last evidence, which is worth showing.
    fn clear(&mut self, finding: &Finding) {
        let look = self.look;
        if let Some(episode) = self.find(finding).filter(|episode| episode.look < look) {
            episode.see(finding, None);
            episode.look = look;
        }
    }

    fn least(&self) -> Option<Level> {
        let episodes = self.episodes.values().flat_map(HashMap::values);
        episodes.map(Episode::wanted).min().flatten()
    }

    /// Evicts one with this level.
    fn evict(&mut self, level: Option<Level>) {
        let victim = self.episodes.iter().find_map(|(kind, subjects)| {
            let episode = subjects.values().find(|one| one.wanted() == level)?;
            Some((*kind, episode.finding().subject.clone()))
        });
        if let Some((kind, subject)) = victim
            && let Some(subjects) = self.episodes.get_mut(&kind)
            && let Some(episode) = subjects.remove(&subject)
        {
            self.count -= 1;
            // At least its end will not be reported.
            self.lose(episode.changes().max(1));
        }
    }

    pub(super) fn lose(&mut self, changes: u64) {
        self.lost += changes;
        self.undisclosed += changes;
    }

    fn follow(&mut self, at: Duration) {
        let (rules, look) = (&self.rules, self.look);
        let mut forgotten = 0;
        for subjects in self.episodes.values_mut() {
            subjects.retain(|_, episode| {
                if episode.look < look {
                    episode.miss();
                }
                episode.follow(at, rules);
                let over = episode.is_over(at, rules);
                if over {
                    // They came and went while alerts were suppressed.
                    forgotten += episode.changes();
                }
                !over
            });
        }
        self.episodes.retain(|_, subjects| !subjects.is_empty());
        self.count = self.episodes.values().map(HashMap::len).sum();
        self.lose(forgotten);
    }

    fn deliver(&mut self, observation: &Observation, room: usize) -> Vec<Alert> {
        let at = observation.sample.at.awake;
        let mut due: Vec<(Transition, Level, &mut Episode)> = self
            .episodes
            .values_mut()
            .flat_map(HashMap::values_mut)
            .filter_map(|episode| {
                let (transition, level) = episode.due(at, &self.rules)?;
                Some((transition, level, episode))
            })
            .collect();
        due.sort_by(|(_, left, first), (_, right, second)| {
            let age = |episode: &Episode| episode.finding().first_seen.awake;
            right.cmp(left).then_with(|| age(first).cmp(&age(second)))
        });
        let mut alerts = Vec::new();
        for (transition, level, episode) in due {
            if alerts.len() >= room {
                break;
            }
            if !self.allowances[level as usize].take(at, &self.rules) {
                continue;
            }
            self.serial += 1;
            let suppressed = episode.tell(transition, level, at);
            self.suppressed += suppressed;
            alerts.push(Alert {
                serial: self.serial,
                transition,
                level,
                suggestions: match transition {
                    Transition::Resolved => Vec::new(),
                    _ => suggestions(episode.finding(), observation.sample.ledger.as_ref()),
                },
                finding: episode.finding().clone(),
                at: observation.sample.at,
                suppressed,
                lost: std::mem::take(&mut self.undisclosed),
            });
        }
        alerts
    }
}

impl Allowance {
    fn take(&mut self, at: Duration, rules: &AlertRules) -> bool {
        let over = |begun| at.saturating_sub(begun) >= rules.interval;
        if self.begun.is_none_or(over) {
            *self = Self {
                begun: Some(at),
                used: 0,
            };
        }
        let granted = self.used < rules.burst;
        self.used += u32::from(granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstop_core::monitor::{Evidence, Moment, ProcessSample, Sample, Severity, Unit};
    use proptest::prelude::*;

    fn finding(subject: &str, severity: Severity, at: Moment) -> Finding {
        Finding {
            kind: FindingKind::GrowingSite,
            subject: FindingSubject::Kind {
                kind: subject.into(),
            },
            severity,
            evidence: Evidence {
                value: 60.0,
                limit: 50.0,
                unit: Unit::Count,
                per_hour: None,
                text: "60 more in ten minutes".into(),
                sparse: None,
            },
            first_seen: at,
            last_seen: at,
            cleared: None,
            seen: 1,
            openings: 1,
        }
    }

    fn observation(at: Moment, open: Vec<Finding>, changes: Vec<Change>) -> Observation {
        Observation {
            sample: Sample {
                at,
                disturbances: Vec::new(),
                left_out: Vec::new(),
                process: ProcessSample::default(),
                system: None,
                ledger: None,
            },
            changes,
            open,
        }
    }

    /// Returns what is delivered when these are open, this many seconds after the start.
    struct Play {
        triage: Triage,
        start: Moment,
    }

    impl Play {
        fn new(rules: AlertRules) -> Self {
            Self {
                triage: Triage::new(rules),
                start: Moment::now(),
            }
        }

        fn at(&mut self, seconds: u64, open: &[(&str, Severity)]) -> Vec<Alert> {
            let at = self.start.later(Duration::from_secs(seconds));
            let open = open.iter().map(|(name, how)| finding(name, *how, at));
            self.triage
                .observe(&observation(at, open.collect(), Vec::new()), usize::MAX)
        }

        /// The same, abbreviated.
        fn told(&mut self, seconds: u64, open: &[(&str, Severity)]) -> Vec<(Transition, Level)> {
            let alerts = self.at(seconds, open).into_iter();
            alerts
                .map(|alert| (alert.transition, alert.level))
                .collect()
        }
    }

    #[test]
    fn an_alert_says_what_to_do_until_it_is_resolved() {
        let mut triage = Triage::new(AlertRules::default());
        let start = Moment::now();
        let full = Finding {
            kind: FindingKind::SystemMemoryNearLimit,
            ..finding("a", Severity::Critical, start)
        };
        let raised = triage.observe(&observation(start, vec![full], Vec::new()), 1);
        assert_eq!(raised[0].suggestions.len(), 1, "{raised:?}");
        let line = raised[0].to_string();
        assert!(
            line.contains(
                "; suggestion: The machine is short of memory, in this or other programs."
            ),
            "{line}"
        );
        let mut resolved = Vec::new();
        for minute in 1..120 {
            let at = start.later(Duration::from_secs(60 * minute));
            resolved.extend(triage.observe(&observation(at, Vec::new(), Vec::new()), 1));
        }
        assert_eq!(resolved[0].transition, Transition::Resolved);
        assert_eq!(resolved[0].suggestions, []);
    }

    #[test]
    fn a_finding_is_reported_when_it_starts_gets_worse_lasts_and_ends() {
        use Severity::{Critical, High, Low};
        let mut play = Play::new(AlertRules::default());
        assert_eq!(play.told(0, &[("a", Low)]), []);
        assert_eq!(
            play.told(10, &[("a", High)]),
            [(Transition::Raised, Level::Error)]
        );
        assert_eq!(play.told(20, &[("a", High)]), []);
        assert_eq!(
            play.told(30, &[("a", Critical)]),
            [(Transition::Worsened, Level::Critical)]
        );
        assert_eq!(play.told(40, &[("a", High)]), []);
        assert_eq!(
            play.told(100, &[("a", High)]),
            [(Transition::Eased, Level::Error)]
        );
        assert_eq!(play.told(3000, &[("a", High)]), []);
        assert_eq!(
            play.told(3700, &[("a", High)]),
            [(Transition::Reminded, Level::Error)]
        );
        assert_eq!(play.told(3800, &[]), []);
        assert_eq!(play.told(3830, &[]), [(Transition::Resolved, Level::Error)]);
        assert_eq!(play.triage.count(), 1);
        assert_eq!(play.told(3890, &[]), []);
        assert_eq!(play.triage.count(), 0);
    }

    #[test]
    fn a_fluctuating_finding_is_one_alert_and_the_rest_is_counted() {
        let mut play = Play::new(AlertRules::default());
        let mut alerts = Vec::new();
        for second in 0..600 {
            let open = [("a", Severity::Medium)];
            let open = if second % 2 == 0 { &open[..] } else { &[] };
            alerts.extend(play.at(second, open));
        }
        assert_eq!(alerts.len(), 1);
        let end = play.at(640, &[]);
        assert_eq!(end[0].transition, Transition::Resolved);
        assert_eq!(end[0].suppressed, 598);
    }

    #[test]
    fn a_storm_is_reported_in_part_most_severe_first() {
        let rules = AlertRules::default();
        let rules = rules.with_burst(2).unwrap().with_most_findings(3).unwrap();
        let mut play = Play::new(rules);
        let (low, high) = (Severity::Medium, Severity::Critical);
        let open = [("a", low), ("b", low), ("c", low), ("d", high), ("e", high)];
        let alerts = play.at(0, &open);
        let names: Vec<_> = alerts
            .iter()
            .map(|alert| (alert.level, alert.lost))
            .collect();
        assert_eq!(play.triage.count(), 3);
        assert_eq!(
            names,
            [
                (Level::Critical, 2),
                (Level::Critical, 0),
                (Level::Warning, 0)
            ]
        );
    }

    #[test]
    fn alerts_without_room_wait() {
        let mut play = Play::new(AlertRules::default());
        let at = play.start;
        let open = vec![
            finding("a", Severity::High, at),
            finding("b", Severity::High, at),
        ];
        let observation = observation(at, open, Vec::new());
        assert_eq!(play.triage.observe(&observation, 0), []);
        assert_eq!(play.triage.observe(&observation, 1).len(), 1);
        assert_eq!(play.triage.observe(&observation, 9).len(), 1);
    }

    /// What a listener knows about one finding.
    #[derive(Default, Clone, Copy)]
    struct Heard {
        level: Option<Level>,
        last: Option<(Level, u64)>,
    }

    fn severities() -> impl Strategy<Value = Option<Severity>> {
        prop_oneof![
            Just(None),
            Just(Some(Severity::Low)),
            Just(Some(Severity::Medium)),
            Just(Some(Severity::High)),
            Just(Some(Severity::Critical)),
        ]
    }

    proptest! {
        #[test]
        fn alerts_are_throttled_all_changes_are_counted_and_the_last_report_is_true(
            steps in proptest::collection::vec((0_u64..50, [severities(), severities(), severities()]), 1..60),
            burst in 1_u32..5,
        ) {
            let rules = AlertRules::default().with_burst(burst).unwrap();
            let interval = rules.interval.as_secs();
            let mut play = Play::new(rules.clone());
            let names = ["a", "b", "c"];
            let mut heard = [Heard::default(); 3];
            let mut levels = [None; 3];
            let (mut now, mut changes, mut accounted) = (0, 0, 0);
            let mut told = Vec::new();
            let quiet = steps.last().unwrap().1;
            let end = (0..40).map(|_| (31, quiet));
            for (pause, severities) in steps.into_iter().chain(end) {
                now += pause;
                let mut open: Vec<_> = names.into_iter().zip(severities)
                    .filter_map(|(name, severity)| Some((name, severity?)))
                    .collect();
                open.sort_by_key(|(_, severity)| std::cmp::Reverse(*severity));
                for (level, severity) in levels.iter_mut().zip(severities) {
                    let new = severity.and_then(|severity| rules.level(severity));
                    changes += u64::from(new != *level);
                    *level = new;
                }
                for alert in play.at(now, &open) {
                    accounted += alert.suppressed + alert.lost;
                    accounted += u64::from(alert.transition != Transition::Reminded);
                    told.push((alert.level, now));
                    let name = alert.finding.subject.to_string();
                    let one = &mut heard[names.iter().position(|one| *one == name).unwrap()];
                    let legal = match alert.transition {
                        Transition::Raised => one.level.is_none(),
                        Transition::Worsened => one.level.is_some_and(|old| alert.level > old),
                        Transition::Eased => one.level.is_some_and(|old| alert.level < old),
                        Transition::Reminded | Transition::Resolved => one.level == Some(alert.level),
                    };
                    prop_assert!(legal, "{:?} after {:?}", alert, one.level);
                    if let Some((level, at)) = one.last {
                        prop_assert!(now - at >= interval || alert.level > level);
                    }
                    one.last = Some((alert.level, now));
                    let over = alert.transition == Transition::Resolved;
                    one.level = (!over).then_some(alert.level);
                }
            }
            // Two windows of an interval may meet.
            for (level, at) in &told {
                let near = |(other, time): &&(Level, u64)| other == level && (*at..at + interval).contains(time);
                prop_assert!(told.iter().filter(near).count() <= 2 * burst as usize);
            }
            for (one, level) in heard.iter().zip(levels) {
                prop_assert_eq!(one.level, level);
            }
            let episodes = play.triage.episodes.values().flat_map(HashMap::values);
            let held_back: u64 = episodes.map(Episode::changes).sum();
            prop_assert_eq!(accounted + held_back + play.triage.undisclosed, changes);
        }
    }
}
