//! Which kinds a package has, from its source: so that none is forgotten in its test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names in every `Kind::new("…")` beneath `src` of the package in `directory`, which is
/// `env!("CARGO_MANIFEST_DIR")` in its test.
///
/// # Panics
/// The sources cannot be read.
#[must_use]
pub fn kinds_of(directory: &str) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    gather(&Path::new(directory).join("src"), &mut kinds);
    kinds
}

fn gather(directory: &Path, kinds: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("the package has its sources") {
        let path = entry.expect("a directory of sources can be listed").path();
        if path.is_dir() {
            gather(&path, kinds);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let names = text.split("Kind::new(\"").skip(1);
            kinds.extend(names.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
}
