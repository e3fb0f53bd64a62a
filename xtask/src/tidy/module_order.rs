//! Which modules of a crate import which others, as a table: a crate reads from front to back, and no
//! permission outlives its use.

mod mentions;
mod table;

use super::offence::Offence;
use super::tree::Tree;
use table::{CRATES, Crate, Row};

const RULE: &str = "module-order";
const TABLE: &str = "xtask/src/tidy/module_order/table.rs";

pub(crate) fn check(tree: &Tree) -> Vec<Offence> {
    CRATES.iter().flat_map(|one| against(tree, one)).collect()
}

fn against(tree: &Tree, one: &Crate) -> Vec<Offence> {
    let mut offences = forward_only(one);
    let mut used: Vec<(&str, String)> = Vec::new();
    for (path, source) in tree.sources() {
        let Some(inner) = path.strip_prefix(one.sources) else {
            continue;
        };
        // The root names every module: it declares them.
        let module = inner.split('/').next().unwrap_or(inner);
        let module = module.strip_suffix(".rs").unwrap_or(module);
        if module == "lib" {
            continue;
        }
        let Some(row) = one.rows.iter().find(|row| row.module == module) else {
            let message = format!("module `{module}` has no row in {TABLE}");
            offences.push(Offence::failure(RULE, path, 0, message));
            continue;
        };
        for (line, mentioned) in mentions::of_crate(inner, source) {
            // A name that is not a module is an item of the root; its own module is checked.
            let is_module = one.rows.iter().any(|row| row.module == mentioned);
            if mentioned == module || !is_module {
                continue;
            }
            if row.uses.contains(&mentioned.as_str()) {
                used.push((row.module, mentioned));
            } else {
                let message = format!("`{module}` may not use `{mentioned}`: see {TABLE}");
                offences.push(Offence::failure(RULE, path, line, message));
            }
        }
    }
    for row in one.rows {
        let is_used = |name: &str| {
            used.iter()
                .any(|(module, other)| *module == row.module && other == name)
        };
        for name in row.uses.iter().filter(|name| !is_used(name)) {
            let message = format!(
                "{}: `{}` does not use `{name}`; remove it from its row",
                one.sources, row.module
            );
            offences.push(Offence::failure(RULE, TABLE, 0, message));
        }
    }
    offences
}

/// A row permits modules of earlier rows only, so that there is no cycle.
fn forward_only(one: &Crate) -> Vec<Offence> {
    let later = |(index, row): (usize, &Row)| {
        let earlier = &one.rows[..index];
        let is_later = |name: &&&str| !earlier.iter().any(|row| row.module == **name);
        let message = |name: &&str| {
            format!(
                "{}: `{}` does not come after `{name}`, so it may not use it",
                one.sources, row.module
            )
        };
        let names = row.uses.iter().filter(is_later);
        names
            .map(|name| Offence::failure(RULE, TABLE, 0, message(name)))
            .collect::<Vec<_>>()
    };
    one.rows.iter().enumerate().flat_map(later).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: Crate = Crate {
        sources: "core/src/",
        rows: &[
            Row {
                module: "ledger",
                uses: &[],
            },
            Row {
                module: "release",
                uses: &["ledger"],
            },
            Row {
                module: "reclaim",
                uses: &["ledger"],
            },
        ],
    };

    /// Two files that use what their rows permit, and this one.
    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[
            ("core/src/release/a.rs", "use crate::ledger::Slot;"),
            ("core/src/reclaim/a.rs", "use crate::{ledger::Slot};"),
            (path, text),
        ]);
        let offences = against(&tree, &HOUSE).into_iter();
        offences
            .map(|offence| (offence.line, offence.message))
            .collect()
    }

    #[test]
    fn a_module_that_uses_one_outside_its_row_fails() {
        let text = "use std::fmt;\nuse crate::release::Ladder;\n";
        for path in ["core/src/ledger/slot.rs", "core/src/reclaim/b.rs"] {
            let found = found(path, text);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, 2);
        }
    }

    #[test]
    fn what_the_row_permits_and_the_root_declares_passes() {
        assert_eq!(
            found("core/src/lib.rs", "pub use crate::reclaim::Sweep;"),
            []
        );
        assert_eq!(
            found("os/src/linux/mod.rs", "use crate::reclaim::Sweep;"),
            []
        );
    }

    #[test]
    fn tests_and_documentation_may_look_ahead() {
        let text =
            "//! See [`crate::reclaim`].\n#[cfg(test)]\nmod tests { use crate::reclaim::A; }";
        assert_eq!(found("core/src/ledger.rs", text), []);
    }

    #[test]
    fn a_module_without_a_row_fails() {
        assert_eq!(found("core/src/registry/mod.rs", "").len(), 1);
    }

    #[test]
    fn a_permission_that_is_not_used_fails() {
        let tree = Tree::of(&[("core/src/release/a.rs", "use crate::ledger::Slot;")]);
        let found = against(&tree, &HOUSE);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("`reclaim` does not use `ledger`"));
    }

    #[test]
    fn a_row_that_permits_a_later_module_fails() {
        let rows = &[Row {
            module: "ledger",
            uses: &["ledger"],
        }];
        let house = Crate {
            sources: "core/src/",
            rows,
        };
        assert_eq!(forward_only(&house).len(), 1);
    }
}
