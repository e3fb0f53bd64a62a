//! What to do about a finding: each suggestion is derived from a rule that it names.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, FindingKind, FindingSubject};
use super::sample::{Holding, LedgerSample, SiteTally};
use crate::resource::Bytes;
use crate::text::show_duration;

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The rule that it is derived from.
    pub rule: Rule,
    /// What was observed and what to do, in sentences for people.
    pub text: String,
    /// Where in the code, if the ledger tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// The rules. Each says when it applies; [`suggestions`] applies no other, and none in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// Memory grows or is near its limit, and tracked resources occupy at least half of the growth
    /// or of the memory: the site with most bytes is named.
    MostBytes,
    /// Memory grows or is near its limit, and tracked resources occupy less than half of it: a heap
    /// profile is needed.
    MemoryNotTracked,
    /// The allocator keeps memory that the program freed.
    AllocatorKeeps,
    /// Memory grows outside the program's own allocator.
    NotOwnAllocator,
    /// File descriptors grow or are near their limit, and tracked resources have at least half of
    /// them: the site with most of them is named.
    MostHandles,
    /// File descriptors grow or are near their limit, and tracked resources have less than half of
    /// them.
    HandlesNotTracked,
    /// Resources grow in number: the site of that kind with most of them is named.
    MostOpen,
    /// Threads or children grow in number, and resources of a kind for them are open: the site with
    /// most of them is named.
    MostRunning,
    /// Threads or children grow in number, and no resource for them is open.
    RunningNotTracked,
    /// A resource is open and untouched: the one untouched for longest is named.
    LongestIdle,
    /// A resource is open beyond its limit: the oldest is named.
    Oldest,
    /// The thread that opened a resource has ended.
    ThreadEnded,
    /// A thread, timer or task keeps running after it was asked to stop.
    NotStopping,
    /// The machine's memory is nearly all in use.
    MachineFull,
    /// Releases end stuck.
    StuckReleases,
}

/// What to do about a finding, by the rules that apply. `ledger` is the sample that the finding is
/// based on; without one, rules that need the ledger do not apply.
#[must_use]
pub fn suggestions(finding: &Finding, ledger: Option<&LedgerSample>) -> Vec<Suggestion> {
    let view = View { finding, ledger };
    let suggestion = match finding.kind {
        FindingKind::GrowingMemory | FindingKind::MemoryNearLimit => view.memory(),
        FindingKind::RetainedMemory => Some(Rule::AllocatorKeeps.says(
            "The program freed this memory and the allocator keeps it. Trim the allocator; if it \
             comes back, use fewer arenas (MALLOC_ARENA_MAX) or another allocator.",
        )),
        FindingKind::NativeMemory => Some(Rule::NotOwnAllocator.says(
            "The memory was allocated by C libraries: it is not in the program's own allocator, and \
             a profile of its heap does not show it. Release what is open of the families that call \
             C libraries, and compare.",
        )),
        FindingKind::GrowingHandles | FindingKind::HandlesNearLimit => view.handles(),
        FindingKind::GrowingThreads => {
            view.running("threads", &["process.thread", "process.timer"])
        }
        FindingKind::GrowingChildren => view.running(
            "children",
            &["process.child", "process.worker", "process.server"],
        ),
        FindingKind::GrowingKind | FindingKind::GrowingSite => view.most_open(),
        FindingKind::HeldIdle => view.longest_idle(),
        FindingKind::OverLifetime => view.oldest(),
        FindingKind::OrphanedResource => view.thread_ended(),
        FindingKind::OrphanedThread => Some(view.here(
            Rule::NotStopping,
            "It was asked to stop, or lost its owner, and keeps running. A thread \
             cannot be ended from outside: make it check its stop token in every loop and wait \
             with a limit.",
        )),
        FindingKind::SystemMemoryNearLimit => Some(Rule::MachineFull.says(
            "The machine is short of memory, in this or other programs. Shrink caches and defer what can \
             wait, before the kernel chooses what to kill.",
        )),
        FindingKind::FailedCleanup => Some(view.here(
            Rule::StuckReleases,
            "Releases end stuck. The history names the holder of each: end the holder, or set a \
             longer deadline for the kind if the release is only slow.",
        )),
    };
    suggestion.into_iter().collect()
}

/// A finding with the ledger that it is based on.
struct View<'a> {
    finding: &'a Finding,
    ledger: Option<&'a LedgerSample>,
}

impl View<'_> {
    fn memory(&self) -> Option<Suggestion> {
        let Some(ledger) = self.ledger else {
            return Some(Rule::MemoryNotTracked.says(
                "The program has no ledger, so no resource can be named. Take a heap profile with the \
                 tools of its language, before and after a step of the work.",
            ));
        };
        let tracked: Bytes = ledger.kinds.values().map(|tally| tally.bytes).sum();
        let top = self.top_site(|site| site.tally.bytes.0);
        Some(match top {
            Some(top) if self.is_half(tracked.0) => Rule::MostBytes.says_at(
                &top.site,
                format!(
                    "Tracked resources occupy {tracked}, of which {} are in {} open {} from this site. \
                     Release them earlier, or limit their number.",
                    top.tally.bytes, top.tally.live, top.kind
                ),
            ),
            _ => Rule::MemoryNotTracked.says(format!(
                "Tracked resources occupy {tracked}, less than half: the rest are ordinary \
                 allocations. Take a heap profile (feature heap-profile), or compare dumps of the \
                 memory state before and after a step of the work.",
            )),
        })
    }

    fn handles(&self) -> Option<Suggestion> {
        let Some(ledger) = self.ledger else {
            return Some(Rule::HandlesNotTracked.says(
                "The program has no ledger, so no resource can be named. List its open files with \
                 `ls -l /proc/PID/fd`.",
            ));
        };
        let tracked: u64 = ledger.kinds.values().map(|tally| tally.handles).sum();
        let top = self.top_site(|site| site.tally.handles);
        let is_half = match self.finding.kind {
            // Its evidence is a share of the limit, so the ledger's figures are only required to be
            // non-zero.
            FindingKind::HandlesNearLimit => tracked > 0,
            _ => self.is_half(tracked),
        };
        Some(match top {
            Some(top) if is_half => Rule::MostHandles.says_at(
                &top.site,
                format!(
                    "Tracked resources have {tracked} open files, of which {} are in {} open {} from this \
                     site. Release them after use, or limit their number.",
                    top.tally.handles, top.tally.live, top.kind
                ),
            ),
            _ => Rule::HandlesNotTracked.says(format!(
                "Tracked resources have {tracked} of the open files. List the others with \
                 `ls -l /proc/PID/fd`; open them tracked, and the next finding names the site.",
            )),
        })
    }

    fn running(&self, what: &str, kinds: &[&str]) -> Option<Suggestion> {
        let sites = self.ledger?.sites.iter();
        let top = sites
            .filter(|site| kinds.contains(&site.kind.as_str()))
            .max_by_key(|site| site.tally.live);
        Some(match top {
            Some(top) => Rule::MostRunning.says_at(
                &top.site,
                format!(
                    "{} {} started at this site are running, the oldest for {}. Stop them when their \
                     work is done, or limit their number.",
                    top.tally.live,
                    top.kind,
                    show_duration(top.oldest)
                ),
            ),
            None => Rule::RunningNotTracked.says(format!(
                "None of the {what} are tracked. Start them tracked, and the next finding names the \
                 site.",
            )),
        })
    }

    fn most_open(&self) -> Option<Suggestion> {
        let top = self.top_site(|site| site.tally.live)?;
        Some(Rule::MostOpen.says_at(
            &top.site,
            format!(
                "{} {} from this site are open, the oldest for {}. Open them in a scope that ends \
                 with the work, or take them from a pool with a limit.",
                top.tally.live,
                top.kind,
                show_duration(top.oldest)
            ),
        ))
    }

    fn longest_idle(&self) -> Option<Suggestion> {
        let one = self.suspect(|one| one.idle, |one| !one.idle.is_zero())?;
        Some(Rule::LongestIdle.says_at(
            &one.site,
            format!(
                "{} {} was not used for {}. Release it when it is no longer needed, or set an idle \
                 limit in the policy of its kind and touch it at each use.",
                one.kind,
                one.label,
                show_duration(one.idle)
            ),
        ))
    }

    fn oldest(&self) -> Option<Suggestion> {
        let one = self.suspect(|one| one.age, |_| true)?;
        Some(Rule::Oldest.says_at(
            &one.site,
            format!(
                "{} {} has been open for {}. Set a lifetime limit in the policy of its kind to \
                 release it, or allow the kind a longer lifetime.",
                one.kind,
                one.label,
                show_duration(one.age)
            ),
        ))
    }

    fn thread_ended(&self) -> Option<Suggestion> {
        let one = self.suspect(|one| one.age, |one| one.thread_ended)?;
        Some(Rule::ThreadEnded.says_at(
            &one.site,
            format!(
                "Thread {} opened {} {} and has ended, and the guard was kept elsewhere. Open it in \
                 a scope of that thread, or touch it where it is used.",
                one.thread, one.kind, one.label
            ),
        ))
    }

    fn here(&self, rule: Rule, text: &str) -> Suggestion {
        let mut suggestion = rule.says(text);
        if let FindingSubject::Site { site, .. } = &self.finding.subject {
            suggestion.site = Some(site.clone());
        }
        suggestion
    }

    /// Whether this is at least half of what the finding measured.
    fn is_half(&self, tracked: u64) -> bool {
        tracked as f64 * 2.0 >= self.finding.evidence.value
    }

    /// The site of the finding's subject that has most of something, if any.
    fn top_site(&self, measure: impl Fn(&SiteTally) -> u64) -> Option<&SiteTally> {
        let sites = self.ledger?.sites.iter();
        sites
            .filter(|one| self.is_about(&one.kind, &one.site) && measure(one) > 0)
            .max_by_key(|one| measure(one))
    }

    fn suspect<T: Ord>(
        &self,
        measure: impl Fn(&Holding) -> T,
        is_one: impl Fn(&Holding) -> bool,
    ) -> Option<&Holding> {
        let suspects = self.ledger?.suspects.iter();
        suspects
            .filter(|one| self.is_about(&one.kind, &one.site) && is_one(one))
            .max_by_key(|one| measure(one))
    }

    fn is_about(&self, kind: &str, site: &str) -> bool {
        match &self.finding.subject {
            FindingSubject::Process | FindingSubject::System => true,
            FindingSubject::Kind { kind: own } => own == kind,
            FindingSubject::Site {
                kind: own,
                site: own_site,
            } => own == kind && own_site == site,
        }
    }
}

impl Rule {
    fn says(self, text: impl Into<String>) -> Suggestion {
        Suggestion {
            rule: self,
            text: text.into(),
            site: None,
        }
    }

    fn says_at(self, site: &str, text: String) -> Suggestion {
        Suggestion {
            site: Some(site.to_owned()),
            ..self.says(text)
        }
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(site) = &self.site {
            write!(formatter, "{site}: ")?;
        }
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::monitor::{Evidence, LedgerTally, Moment, Severity, Unit};

    fn finding(kind: FindingKind, subject: FindingSubject, value: f64) -> Finding {
        let now = Moment::now();
        Finding {
            kind,
            subject,
            severity: Severity::High,
            evidence: Evidence {
                value,
                limit: 1.0,
                unit: Unit::Count,
                per_hour: None,
                text: String::new(),
                sparse: None,
            },
            first_seen: now,
            last_seen: now,
            cleared: None,
            seen: 1,
            openings: 1,
        }
    }

    fn site(kind: &str, site: &str, live: u64, bytes: u64, handles: u64) -> SiteTally {
        SiteTally {
            kind: kind.into(),
            site: site.into(),
            tally: LedgerTally {
                live,
                bytes: Bytes(bytes),
                handles,
            },
            oldest: Duration::from_secs(60),
        }
    }

    fn holding(site: &str, idle: u64, thread_ended: bool) -> Holding {
        Holding {
            id: None,
            kind: "db.connection".into(),
            label: "main".into(),
            site: site.into(),
            age: Duration::from_secs(900),
            idle: Duration::from_secs(idle),
            thread: 7,
            thread_ended,
            passed: None,
            bytes: Bytes(0),
        }
    }

    fn ledger() -> LedgerSample {
        let sites = vec![
            site("tempfs.file", "a.rs:1:1", 500, 10, 20),
            site("db.connection", "b.rs:2:2", 5, 4_000, 80),
            site("process.thread", "c.rs:3:3", 9, 0, 0),
        ];
        let mut ledger = LedgerSample {
            suspects: vec![
                holding("b.rs:2:2", 700, false),
                holding("b.rs:9:9", 900, true),
            ],
            ..LedgerSample::default()
        };
        for one in &sites {
            ledger.kinds.insert(one.kind.clone(), one.tally);
        }
        ledger.sites = sites;
        ledger
    }

    fn one(kind: FindingKind, subject: FindingSubject, value: f64) -> Suggestion {
        let finding = finding(kind, subject, value);
        let mut found = suggestions(&finding, Some(&ledger()));
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn memory_in_the_ledger_names_the_place_with_most_bytes() {
        let suggestion = one(FindingKind::GrowingMemory, FindingSubject::Process, 8_000.0);
        assert_eq!(suggestion.rule, Rule::MostBytes);
        assert_eq!(suggestion.site.as_deref(), Some("b.rs:2:2"));
    }

    #[test]
    fn memory_outside_the_ledger_suggests_a_profile_and_names_no_site() {
        let suggestion = one(FindingKind::GrowingMemory, FindingSubject::Process, 9_000.0);
        assert_eq!(suggestion.rule, Rule::MemoryNotTracked);
        assert_eq!(suggestion.site, None);
    }

    #[test]
    fn handles_name_the_place_with_most_of_them_or_none() {
        let half = one(FindingKind::GrowingHandles, FindingSubject::Process, 150.0);
        assert_eq!(half.site.as_deref(), Some("b.rs:2:2"));
        let less = one(FindingKind::GrowingHandles, FindingSubject::Process, 1000.0);
        assert_eq!(less.rule, Rule::HandlesNotTracked);
    }

    #[test]
    fn growth_of_a_kind_names_a_place_of_that_kind() {
        let kind = "db.connection".to_owned();
        let suggestion = one(FindingKind::GrowingKind, FindingSubject::Kind { kind }, 5.0);
        assert_eq!(suggestion.site.as_deref(), Some("b.rs:2:2"));
        assert!(
            suggestion.text.contains("5 db.connection from this site"),
            "{suggestion}"
        );
    }

    #[test]
    fn threads_and_children_are_distinguished() {
        let threads = one(FindingKind::GrowingThreads, FindingSubject::Process, 9.0);
        assert_eq!(threads.site.as_deref(), Some("c.rs:3:3"));
        let children = one(FindingKind::GrowingChildren, FindingSubject::Process, 9.0);
        assert_eq!(children.rule, Rule::RunningNotTracked);
    }

    #[test]
    fn a_holding_is_named_by_what_the_finding_says_of_it() {
        let kind = "db.connection".to_owned();
        let idle = one(
            FindingKind::HeldIdle,
            FindingSubject::Site {
                kind: kind.clone(),
                site: "b.rs:2:2".into(),
            },
            700.0,
        );
        assert_eq!(idle.site.as_deref(), Some("b.rs:2:2"));
        let orphan = one(
            FindingKind::OrphanedResource,
            FindingSubject::Kind { kind },
            1.0,
        );
        assert_eq!(orphan.site.as_deref(), Some("b.rs:9:9"));
    }

    #[test]
    fn without_a_ledger_no_site_is_named() {
        for kind in FindingKind::ALL {
            for suggestion in suggestions(&finding(kind, FindingSubject::Process, 1.0), None) {
                assert_eq!(suggestion.site, None);
            }
        }
    }
}
