//! What is allowed to be left.

use crate::resource::Kind;

/// Threads of this library, which serve the whole process.
const OWN_THREADS: &str = "backstop-";

/// What is allowed to be left.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    pub(super) threads: Vec<String>,
    pub(super) handles: Vec<String>,
    pub(super) children: Vec<String>,
    pub(super) kinds: Vec<Kind>,
    pub(super) files: Vec<String>,
}

impl Allowed {
    pub(super) fn thread(&self, name: &str) -> bool {
        name.starts_with(OWN_THREADS) || begins_with_one(name, &self.threads)
    }

    pub(super) fn handle(&self, what: &str) -> bool {
        self.handles.iter().any(|text| what.contains(text))
    }

    pub(super) fn child(&self, name: &str) -> bool {
        begins_with_one(name, &self.children)
    }

    pub(super) fn kind(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    pub(super) fn file(&self, path: &str) -> bool {
        self.files.iter().any(|text| path.contains(text))
    }
}

/// The kernel cuts names to 15 bytes, so a longer prefix is cut as well.
fn begins_with_one(name: &str, prefixes: &[String]) -> bool {
    const KEPT: usize = 15;
    prefixes
        .iter()
        .map(|prefix| &prefix.as_bytes()[..prefix.len().min(KEPT)])
        .any(|prefix| name.as_bytes().starts_with(prefix))
}
