//! The deployments and the features each is made of. A family brings its sets along: none is listed
//! here that cannot be built.

use anyhow::bail;

use crate::workspace::Member;

/// One kind of deployment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) name: &'static str,
    /// Features of the command's package, each named like the adapter it brings.
    pub(crate) features: &'static [&'static str],
    pub(crate) linking: Linking,
}

/// How the program finds the libraries that are not written in Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linking {
    /// All are linked into the program: it runs without a C library, or with another one, and starts
    /// without a loader.
    Static,
    /// They are the system's, for a family whose library comes as a shared one, or that looks names up
    /// in a network: the C library loads its name services at run time.
    Shared,
}

pub(crate) const ALL: &[Set] = &[
    // Processes and temp files are the command itself and are behind no feature.
    Set {
        name: "minimal",
        features: &[],
        linking: Linking::Static,
    },
    // Looks up users' names, which the C library does by services that it loads at run time.
    Set {
        name: "full",
        features: &["monitor"],
        linking: Linking::Shared,
    },
];

/// The sets of these names, or all.
pub(crate) fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Set>> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let Some(set) = ALL.iter().find(|set| set.name == name) else {
            let known: Vec<_> = ALL.iter().map(|set| set.name).collect();
            bail!("no set `{name}` (expected: {})", known.join(", "));
        };
        chosen.push(set);
    }
    Ok(chosen)
}

impl Set {
    /// Checks that the command's package has each of its features.
    ///
    /// # Errors
    /// Those that it does not have.
    pub(crate) fn check(&self, package: &Member) -> anyhow::Result<()> {
        let absent = self
            .features
            .iter()
            .filter(|feature| !package.features.contains_key(**feature));
        let names: Vec<_> = absent.map(|name| format!("`{name}`")).collect();
        if names.is_empty() {
            return Ok(());
        }
        bail!(
            "the set `{}` names features that `{}` does not have: {}",
            self.name,
            package.name,
            names.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn every_set_that_is_listed_can_be_built_from_this_workspace() {
        let workspace = Workspace::load().unwrap();
        let package = workspace.member(super::super::PACKAGE).unwrap();
        for set in ALL {
            set.check(package).unwrap();
        }
        // And every feature of the command is in a set that is built and tested.
        for feature in package.features.keys().filter(|name| *name != "default") {
            assert!(
                ALL.iter()
                    .any(|set| set.features.contains(&feature.as_str())),
                "the feature `{feature}` is in no set"
            );
        }
    }

    #[test]
    fn a_set_whose_feature_is_missing_says_which() {
        let package = Member {
            name: "backstop".to_owned(),
            ..Member::default()
        };
        let set = Set {
            name: "data",
            features: &["excel", "db"],
            linking: Linking::Shared,
        };
        assert_eq!(
            set.check(&package).unwrap_err().to_string(),
            "the set `data` names features that `backstop` does not have: `excel`, `db`"
        );
    }

    #[test]
    fn an_unknown_set_is_an_error() {
        assert!(choose(&["exel".to_owned()]).is_err());
        assert_eq!(choose(&["minimal".to_owned()]).unwrap(), [&ALL[0]]);
    }
}
