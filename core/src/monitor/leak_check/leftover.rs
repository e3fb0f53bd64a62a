//! What is left that was not there before, as often as the body ran.

use std::collections::BTreeMap;

use super::belongings::Belongings;
use super::{Leak, LeakCheck, LeakSort};
use crate::release::{Openings, StillOpen};

/// What is left now. `openings` are the resources that the calling thread opened in the meantime.
pub(super) fn leaks(check: &LeakCheck, before: &Belongings, openings: &Openings) -> Vec<Leak> {
    let now = check.belongings();
    let mut left = Leftovers::default();
    left.add_resources(check, before, &now, openings);
    left.add_handles(check, before, &now);
    for (number, name) in &now.threads {
        if !before.threads.contains_key(number) && !check.allowed.thread(name) {
            left.add(check, LeakSort::Thread, "", format!("{name} ({number})"));
        }
    }
    for (pid, name) in &now.children {
        if !before.children.contains_key(pid) && !check.allowed.child(name) {
            left.add(check, LeakSort::Child, "", format!("{pid} {name}"));
        }
    }
    for path in now.files.difference(&before.files) {
        let path = path.to_string_lossy();
        if !check.allowed.file(&path) {
            left.add(check, LeakSort::TempFile, "", path.into_owned());
        }
    }
    left.of_every_run(check.repetitions)
}

/// By sort, by what it is, and by site.
#[derive(Default)]
struct Leftovers(BTreeMap<(LeakSort, String, String), (u64, Vec<String>)>);

impl Leftovers {
    fn add_resources(
        &mut self,
        check: &LeakCheck,
        before: &Belongings,
        now: &Belongings,
        openings: &Openings,
    ) {
        let new = now.resources.difference(&before.resources);
        let of_all = new.filter_map(|id| check.backstop?.still_open(*id));
        let is_in_all = |one: &&StillOpen| {
            let backstop = check.backstop;
            backstop.is_some_and(|backstop| one.is_of(backstop))
        };
        let of_thread = openings.left.iter().filter(|one| !is_in_all(one)).cloned();
        for one in of_all.chain(of_thread) {
            if !check.allowed.kind(one.kind) {
                let place = (
                    LeakSort::Resource,
                    one.kind.to_string(),
                    one.site.to_string(),
                );
                self.count(place, one.label);
            }
        }
    }

    /// By what they are: a number says nothing, because it is reused.
    fn add_handles(&mut self, check: &LeakCheck, before: &Belongings, now: &Belongings) {
        for (what, count) in &now.handles {
            let more = count.saturating_sub(before.handles.get(what).copied().unwrap_or(0));
            if !check.allowed.handle(what) {
                for _ in 0..more {
                    self.add(check, LeakSort::Handle, sort_of_handle(what), what.clone());
                }
            }
        }
    }

    /// Counts an untracked item: its site is the check's.
    fn add(&mut self, check: &LeakCheck, sort: LeakSort, what: &str, example: String) {
        let place = (sort, what.to_owned(), check.site.to_string());
        self.count(place, example);
    }

    fn count(&mut self, place: (LeakSort, String, String), example: String) {
        let (count, examples) = self.0.entry(place).or_default();
        *count += 1;
        if examples.len() < Leak::EXAMPLES {
            examples.push(example);
        }
    }

    /// What is left by every run. An item that is left once was initialised at its first use, or
    /// belongs to a cache.
    fn of_every_run(self, repetitions: u32) -> Vec<Leak> {
        let all = self.0.into_iter();
        let of_every_run = all.filter(|(_, (count, _))| *count >= u64::from(repetitions));
        of_every_run
            .map(|((sort, what, site), (count, examples))| Leak {
                sort,
                what,
                site,
                count,
                examples,
            })
            .collect()
    }
}

/// `socket` of `socket:[4711]`, `eventfd` of `anon_inode:[eventfd]`, `file` of a path.
fn sort_of_handle(what: &str) -> &str {
    if let Some(name) = what.strip_prefix("anon_inode:") {
        return name.trim_matches(['[', ']']);
    }
    match what.split_once(":[") {
        Some((sort, _)) if !what.starts_with('/') => sort,
        _ => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_sorted_by_what_it_is() {
        assert_eq!(sort_of_handle("socket:[4711]"), "socket");
        assert_eq!(sort_of_handle("anon_inode:[eventpoll]"), "eventpoll");
        assert_eq!(sort_of_handle("anon_inode:inotify"), "inotify");
        assert_eq!(sort_of_handle("/tmp/a:[b"), "file");
    }
}
