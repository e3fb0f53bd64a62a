//! Target `recipe`: one recipe, as each family's reclaimer reads and judges it.

use std::sync::LazyLock;

use backstop_core::ledger::{Entry, OwnerRecord, State};
use backstop_core::resource::{Footprint, Kind, Recipe, ResourceId};
use backstop_os::identity::{Cookie, ProcessIdentity};
use backstop_os::process;

/// Every kind with a reclaimer, and one for each reclaimer that goes by the form alone, with the place of
/// the reclaimer; the first byte chooses.
static KINDS: LazyLock<Vec<(usize, Kind)>> = LazyLock::new(|| {
    let mut kinds = Vec::new();
    for (index, reclaimer) in super::reclaimers().iter().enumerate() {
        let known = match reclaimer.kinds() {
            [] => &[Kind::new("fuzz.unknown")],
            known => known,
        };
        kinds.extend(known.iter().map(|kind| (index, *kind)));
    }
    kinds
});

/// A dead owner of this boot and this pid namespace, or the judges would look no further.
static OWNER: LazyLock<OwnerRecord> = LazyLock::new(|| OwnerRecord {
    cookie: Cookie::from_bytes([7; 16]),
    run: None,
    process: ProcessIdentity {
        pid: i32::MAX,
        ..process::identity_of_self().expect("this process can be read")
    },
    user: 0,
    command: "fuzz".to_owned(),
    started: 0,
});

/// Judges a recipe: the kind's number, then the text.
pub fn take(bytes: &[u8]) {
    let Some((kind, text)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let Ok(recipe) = Recipe::from_text(text) else {
        return;
    };
    let (reclaimer, kind) = KINDS[usize::from(*kind) % KINDS.len()];
    let entry = Entry {
        id: ResourceId {
            slot: 0,
            generation: 1,
        },
        state: State::Live,
        kind: kind.name().to_owned(),
        label: "fuzz".to_owned(),
        site: "fuzz".to_owned(),
        opened: 0,
        touched: 0,
        footprint: Footprint::default(),
        parent: None,
        thread: 0,
        recipe: Some(recipe),
        has_recipe: true,
    };
    let _ = super::judge_by(super::reclaimers()[reclaimer].as_ref(), &OWNER, &entry);
}
