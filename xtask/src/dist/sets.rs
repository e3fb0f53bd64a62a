//! The deployments and the features each is made of.

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
    /// All are in the program: it runs where there is no C library, or another one, and starts without
    /// a loader.
    Static,
    /// They are the system's, for a family whose library comes as a shared one (DuckDB, OpenCV), or that
    /// looks names up in a network: the C library loads its name services at run time.
    Shared,
}

pub(crate) const ALL: &[Set] = &[
    // Processes and temp files are the command itself and stand behind no feature.
    Set {
        name: "minimal",
        features: &[],
        linking: Linking::Static,
    },
    Set {
        name: "excel",
        features: &["excel"],
        linking: Linking::Static,
    },
    Set {
        name: "vision",
        features: &["camera"],
        linking: Linking::Shared,
    },
    Set {
        name: "browser",
        features: &["webdriver"],
        linking: Linking::Shared,
    },
    Set {
        name: "data",
        features: &["excel", "db"],
        linking: Linking::Shared,
    },
    Set {
        name: "full",
        features: &[
            "excel",
            "db",
            "camera",
            "webdriver",
            "memory",
            "dashboard",
            "lint",
        ],
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
            bail!("no set `{name}`; there are {}", known.join(", "));
        };
        chosen.push(set);
    }
    Ok(chosen)
}

impl Set {
    /// Says what keeps it from being built, if anything does.
    pub(crate) fn missing(&self, package: Option<&Member>) -> Option<String> {
        let Some(package) = package else {
            return Some("not yet: the package `backstop` is missing".to_owned());
        };
        let absent = |feature: &&&str| !package.features.contains_key(**feature);
        let absent: Vec<_> = self.features.iter().filter(absent).collect();
        let names: Vec<_> = absent.iter().map(|name| format!("`{name}`")).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("not yet: feature {one} is missing")),
            many => Some(format!("not yet: features {} are missing", many.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(features: &[&str]) -> Member {
        let features = features.iter().map(|name| ((*name).to_owned(), Vec::new()));
        Member {
            features: features.collect(),
            ..Member::default()
        }
    }

    fn set(name: &str) -> &'static Set {
        choose(&[name.to_owned()]).unwrap()[0]
    }

    #[test]
    fn a_set_whose_feature_is_missing_says_which() {
        let missing = set("data").missing(Some(&package(&["excel"])));
        assert_eq!(missing.unwrap(), "not yet: feature `db` is missing");
        assert_eq!(set("data").missing(Some(&package(&["excel", "db"]))), None);
        assert_eq!(set("minimal").missing(Some(&package(&[]))), None);
        assert!(set("minimal").missing(None).is_some());
    }

    #[test]
    fn an_unknown_set_is_an_error_and_full_has_everything() {
        assert!(choose(&["exel".to_owned()]).is_err());
        let full = set("full").features;
        for other in ALL {
            assert!(other.features.iter().all(|name| full.contains(name)));
        }
    }

    #[test]
    fn what_needs_a_shared_library_or_a_name_service_is_not_linked_statically() {
        assert_eq!(set("minimal").linking, Linking::Static);
        let needs = |set: &Set| {
            let shared = ["db", "camera", "webdriver", "dashboard"];
            set.features.iter().any(|name| shared.contains(name))
        };
        for set in ALL.iter().filter(|set| needs(set)) {
            assert_eq!(set.linking, Linking::Shared, "{}", set.name);
        }
    }
}
