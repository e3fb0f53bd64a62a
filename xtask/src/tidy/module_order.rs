//! A module of core imports only from earlier ones, so that core reads from front to back.

mod mentions;

use super::offence::Offence;
use super::tree::Tree;

const RULE: &str = "module-order";
const HERE: &str = "xtask/src/tidy/module_order.rs";
const CORE: &str = "core/src/";

/// Which process, which file, how to ask the system, how to say what went wrong: every module may
/// use these, and they one another. And where a test kills the process, which is nothing otherwise,
/// and atomics that a model checker can take the place of.
const FOUNDATION: &[&str] = &["identity", "os", "error", "kill_point", "sync"];

/// The order of the data's way; then what all of them are told, and what starts them.
const ORDER: &[&str] = &[
    "resource", "ledger", "policy", "release", "monitor", "alert", "reclaim", "report", "config",
    "service",
];

/// A file that may use a later module, and why.
type Exception = (&'static str, &'static str, &'static str);

const EXCEPTIONS: &[Exception] = &[];

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    against(tree, EXCEPTIONS)
}

fn against(tree: &Tree, exceptions: &[Exception]) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut used = vec![false; exceptions.len()];
    for (path, source) in tree.sources() {
        let Some(inner) = path.strip_prefix(CORE) else {
            continue;
        };
        // The root names every module: it declares them.
        let module = inner.split('/').next().unwrap_or(inner);
        let module = module.strip_suffix(".rs").unwrap_or(module);
        if module == "lib" {
            continue;
        }
        let Some(own) = rank(module) else {
            let message = format!("module `{module}` has no place in the order of {HERE}");
            offences.push(Offence::failure(RULE, path, 0, message));
            continue;
        };
        for (line, mentioned) in mentions::of_core(inner, source) {
            // What is no module is an item of the root; it comes from somewhere that is checked.
            let later = rank(&mentioned).is_some_and(|other| other > own);
            let exception = |(file, to, _): &Exception| *file == path && *to == mentioned;
            if let Some(at) = exceptions.iter().position(exception) {
                used[at] |= later;
            } else if later {
                let message = format!("`{module}` comes before `{mentioned}` and may not use it");
                offences.push(Offence::failure(RULE, path, line, message));
            }
        }
    }
    for ((file, to, _), _) in exceptions.iter().zip(used).filter(|(_, used)| !used) {
        let message = format!("the exception of {file} for `{to}` is not needed");
        offences.push(Offence::failure(RULE, HERE, 0, message));
    }
    offences
}

fn rank(module: &str) -> Option<usize> {
    if FOUNDATION.contains(&module) {
        Some(0)
    } else {
        ORDER
            .iter()
            .position(|other| *other == module)
            .map(|at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let offences = check(&Tree::of(&[(path, text)]));
        offences.iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn an_earlier_module_that_uses_a_later_one_fails() {
        let text = "use std::fmt;\nuse crate::release::Ladder;\n";
        assert_eq!(found("core/src/ledger/slot.rs", text), [2]);
        assert_eq!(
            found("core/src/os/linux/mod.rs", "crate::resource::Kind"),
            [1]
        );
    }

    #[test]
    fn a_later_module_may_use_earlier_ones_and_all_the_foundation() {
        let text = "use crate::{ledger::Slot, os};\nuse crate::error::Error;";
        assert!(found("core/src/release.rs", text).is_empty());
        assert!(found("core/src/os/linux/pidfd.rs", "use crate::identity::BootId;").is_empty());
        assert!(found("core/src/lib.rs", "pub use crate::report::Report;").is_empty());
    }

    #[test]
    fn tests_and_documentation_may_look_ahead() {
        let text = "//! See [`crate::report`].\n#[cfg(test)]\nmod tests { use crate::report::A; }";
        assert!(found("core/src/ledger.rs", text).is_empty());
    }

    #[test]
    fn a_module_without_a_place_fails() {
        assert_eq!(found("core/src/registry/mod.rs", ""), [0]);
    }

    #[test]
    fn an_exception_holds_for_its_file_and_must_be_needed() {
        let exceptions = [("core/src/ledger/a.rs", "report", "because")];
        let text = "use crate::report::B;";
        let tree = Tree::of(&[("core/src/ledger/a.rs", text)]);
        assert_eq!(against(&tree, &exceptions), []);
        let tree = Tree::of(&[("core/src/ledger/b.rs", text)]);
        assert_eq!(against(&tree, &exceptions).len(), 2);
    }
}
