//! Which package may depend on which: from cargo's own knowledge, against a positive list.

mod table;

use super::offence::Offence;
use crate::workspace::{Dependency, Member};
use table::{ALWAYS_IN_COMMAND, COMMAND, LIBRARIES, OS, ROWS, Row};

const RULE: &str = "layering";
const TABLE: &str = "xtask/src/tidy/layering/table.rs";

pub(crate) fn check(members: &[Member]) -> Vec<Offence> {
    let mut offences = names(members, ROWS);
    for member in members {
        if let Some(row) = ROWS.iter().find(|row| row.package == member.name) {
            offences.extend(packages(member, row, members));
        }
    }
    for (package, allowed) in LIBRARIES {
        if let Some(member) = members.iter().find(|member| member.name == *package) {
            offences.extend(libraries(member, allowed));
        }
    }
    if let Some(command) = members.iter().find(|member| member.name == COMMAND) {
        offences.extend(features(command));
    }
    offences
}

/// Every package has its row and every row its package, or a misspelt name would pass for ever.
fn names(members: &[Member], rows: &[Row]) -> Vec<Offence> {
    let has_row = |name: &str| rows.iter().any(|row| row.package == name);
    let is_member = |name: &str| members.iter().any(|member| member.name == name);
    let mut offences = Vec::new();
    for member in members.iter().filter(|member| !has_row(&member.name)) {
        let message = format!("package `{}` has no row in {TABLE}", member.name);
        offences.push(Offence::failure(RULE, &member.manifest, 0, message));
    }
    let mut table = |message: String| offences.push(Offence::failure(RULE, TABLE, 0, message));
    for row in rows {
        if !is_member(row.package) {
            table(format!("there is no package `{}`", row.package));
        }
        for known in row.knows.iter().chain(row.tests_know) {
            if !has_row(known) {
                table(format!(
                    "`{}` may know `{known}`, which has no row",
                    row.package
                ));
            }
        }
    }
    offences
}

/// Dependencies within the workspace.
fn packages(member: &Member, row: &Row, members: &[Member]) -> Vec<Offence> {
    let of_workspace =
        |dependency: &&Dependency| members.iter().any(|other| other.name == dependency.name);
    let allowed = |dependency: &Dependency| {
        let name = dependency.name.as_str();
        row.knows.contains(&name) || dependency.dev && row.tests_know.contains(&name)
    };
    let inner = member.dependencies.iter().filter(of_workspace);
    let wrong = inner.filter(|dependency| !allowed(dependency));
    wrong
        .map(|dependency| {
            let what = if dependency.dev { "its tests" } else { "it" };
            let message = format!(
                "`{}` depends on `{}`, but {what} may know only: {}",
                member.name,
                dependency.name,
                listed(row, dependency.dev)
            );
            Offence::failure(RULE, &member.manifest, 0, message)
        })
        .collect()
}

fn listed(row: &Row, dev: bool) -> String {
    let tests = if dev { row.tests_know } else { &[] };
    let names: Vec<_> = row.knows.iter().chain(tests).copied().collect();
    if names.is_empty() {
        "none of the workspace".to_owned()
    } else {
        names.join(", ")
    }
}

/// The external libraries of a package that is bound to a list of them.
fn libraries(member: &Member, allowed: &[&str]) -> Vec<Offence> {
    let name = &member.name;
    let shipped = || {
        member
            .dependencies
            .iter()
            .filter(|dependency| !dependency.dev && dependency.name != OS)
    };
    let foreign = shipped().filter(|dependency| !allowed.contains(&dependency.name.as_str()));
    let mut offences: Vec<_> = foreign
        .map(|dependency| {
            let message = format!(
                "`{name}` may not depend on `{}`; its libraries are listed in {TABLE}",
                dependency.name
            );
            Offence::failure(RULE, &member.manifest, 0, message)
        })
        .collect();
    for listed in allowed {
        if !shipped().any(|dependency| dependency.name == *listed) {
            let message =
                format!("`{name}` does not depend on `{listed}`; remove it from the list");
            offences.push(Offence::failure(RULE, TABLE, 0, message));
        }
    }
    offences
}

/// The command brings each family behind a feature.
fn features(command: &Member) -> Vec<Offence> {
    let families = command.dependencies.iter().filter(|dependency| {
        !dependency.dev
            && dependency.name.starts_with("backstop-")
            && !ALWAYS_IN_COMMAND.contains(&dependency.name.as_str())
    });
    let bound = families.filter(|dependency| !dependency.optional);
    bound
        .map(|dependency| {
            let message = format!("`{}` must be optional, behind a feature", dependency.name);
            Offence::failure(RULE, &command.manifest, 0, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[&str]) -> Member {
        let own = |name: &&str| Dependency {
            name: name.trim_end_matches(['?', '!']).to_owned(),
            optional: name.ends_with('?'),
            dev: name.ends_with('!'),
        };
        Member {
            name: name.to_owned(),
            manifest: format!("{name}/Cargo.toml"),
            dependencies: dependencies.iter().map(own).collect(),
            ..Member::default()
        }
    }

    fn of_packages(subject: &Member) -> Vec<Offence> {
        let names = ROWS.iter().map(|row| member(row.package, &[]));
        let members: Vec<_> = names.filter(|other| other.name != subject.name).collect();
        let row = ROWS.iter().find(|row| row.package == subject.name).unwrap();
        packages(subject, row, &members)
    }

    #[test]
    fn an_adapter_knows_core_and_its_tests_the_testkit() {
        let right = member(
            "backstop-tempfs",
            &["backstop-core", "backstop-testkit!", "duckdb"],
        );
        assert_eq!(of_packages(&right), []);
    }

    #[test]
    fn an_adapter_that_knows_another_fails() {
        let wrong = of_packages(&member("backstop-process", &["backstop-tempfs"]));
        assert!(
            wrong[0]
                .message
                .contains("may know only: backstop-os, backstop-core"),
            "{wrong:?}"
        );
        assert_eq!(
            of_packages(&member("backstop-process", &["backstop-tempfs!"])).len(),
            1
        );
        assert_eq!(
            of_packages(&member("backstop-process", &["backstop-testkit"])).len(),
            1
        );
    }

    #[test]
    fn core_that_knows_a_runtime_or_an_adapter_fails() {
        assert_eq!(
            of_packages(&member("backstop-core", &["backstop-tempfs"])).len(),
            1
        );
        let core = member("backstop-core", &["libc", "tokio", "tempfile!"]);
        let wrong = libraries(&core, &["libc"]);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].message.contains("`tokio`"));
    }

    #[test]
    fn a_listed_library_that_core_does_not_use_fails() {
        assert_eq!(libraries(&member("backstop-core", &[]), &["lbc"]).len(), 1);
    }

    #[test]
    fn a_family_the_command_cannot_leave_out_fails() {
        let command = member(
            "backstop",
            &["backstop-core", "backstop-db", "backstop-excel?"],
        );
        let wrong = features(&command);
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].message.contains("`backstop-db`"));
    }

    #[test]
    fn a_package_without_a_row_and_a_row_without_a_package_fail() {
        let rows = [Row {
            package: "backstop-croe",
            knows: &["backstop-nothing"],
            tests_know: &[],
        }];
        let wrong = names(&[member("backstop-core", &[])], &rows);
        let messages: Vec<_> = wrong
            .iter()
            .map(|offence| offence.message.as_str())
            .collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[0].contains("`backstop-core` has no row"));
        assert!(messages[1].contains("no package `backstop-croe`"));
        assert!(messages[2].contains("`backstop-nothing`"));
    }
}
