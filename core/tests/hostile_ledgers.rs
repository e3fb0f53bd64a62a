//! Every byte of a small real ledger changed or missing: the reader and a sweep answer, act on nothing
//! that was not written so, and lose nothing.
#![cfg(test)]

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::ledger::{Entry, LedgerReading};
use backstop_core::reclaim::{
    Authority, Judgement, Orphan, Reclaimed, Reclaimer, Reclaimers, Sweep, SweepReport,
};
use backstop_core::release::{Intent, Tracking};
use backstop_core::resource::{Deadline, Kind, Recipe, ResourceId};
use proptest::prelude::*;

const ONE: Kind = Kind::new("hostile.one");
const TWO: Kind = Kind::new("hostile.two");
/// Without a reclaimer: it dies with its process.
const PLAIN: Kind = Kind::new("hostile.plain");

/// What a reclaimer acted on: it asks for nothing but a recipe that it can read.
type Acted = (ResourceId, String, String);

/// A ledger as a killed owner leaves it, and what may be reclaimed by it.
struct Sound {
    bytes: Vec<u8>,
    open: BTreeSet<Acted>,
    /// With those that were closed before.
    ever: BTreeSet<Acted>,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let place = tempfile::tempdir().unwrap();
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(place.path().join("ledgers")))
        .start();
    let ledger = backstop.ledger().unwrap();
    let read = || std::fs::read(ledger.path().unwrap()).unwrap();
    let open = |number: u32| {
        let kind = [ONE, TWO][number as usize % 2];
        let draft = backstop.intend(kind, format!("number {number}"));
        let recipe = Recipe::of(&("thing", number)).unwrap();
        draft.recipe(recipe).declare()
    };
    let mut intents: Vec<_> = (0..8).map(open).collect();
    let mut ever = acts_in(&read());
    // Some slots are in their second life, some are closed.
    for intent in intents.drain(3..) {
        intent.abandon();
    }
    intents.extend((8..11).map(open));
    let plain = backstop.track_with(PLAIN, "no recipe", (), |()| Ok::<(), Error>(()));
    let bytes = read();
    let open = acts_in(&bytes);
    assert_eq!(open.len(), 6);
    ever.extend(open.iter().cloned());
    drop(plain);
    intents.into_iter().for_each(Intent::abandon);
    ledger.remove().unwrap();
    Sound { bytes, open, ever }
});

fn acts_in(bytes: &[u8]) -> BTreeSet<Acted> {
    let reading = LedgerReading::of_bytes(bytes.to_vec(), Path::new("sound")).unwrap();
    assert_eq!(reading.damage(), []);
    acts_of(&reading)
}

/// What the reclaimers would be asked to act on.
fn acts_of(reading: &LedgerReading) -> BTreeSet<Acted> {
    let entries = reading.entries();
    let readable = entries.iter().filter(|entry| entry.is_kind_readable());
    readable.filter_map(act_on).collect()
}

fn act_on(entry: &Entry) -> Option<Acted> {
    let recipe = entry.recipe.as_ref()?;
    let read: Result<(String, u32), _> = recipe.read();
    read.ok()?;
    Some((entry.id, entry.kind.clone(), recipe.as_str().to_owned()))
}

/// Reclaims whatever it can read, and notes it down.
#[derive(Clone, Default)]
struct Trusting(Arc<Mutex<BTreeSet<Acted>>>);

impl Reclaimer for Trusting {
    fn kinds(&self) -> &'static [Kind] {
        &[ONE, TWO]
    }

    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        match orphan.read_recipe::<(String, u32)>() {
            Ok(_) => Judgement::Reclaim {
                rule: "trust".into(),
                evidence: Vec::new(),
                act: "note it down".into(),
            },
            Err(error) => Judgement::keep(error.chain()),
        }
    }

    fn reclaim(&self, orphan: &Orphan<'_>, _: &Authority, _: Deadline) -> Reclaimed {
        let acted = act_on(orphan.entry).expect("it was judged by it");
        self.0.lock().unwrap().insert(acted);
        Reclaimed::released()
    }
}

/// A directory in which ledgers are swept.
struct Ground {
    _place: tempfile::TempDir,
    directory: PathBuf,
    ledger: PathBuf,
}

/// What a sweep did with some bytes.
struct Swept {
    acted: BTreeSet<Acted>,
    is_kept: bool,
    report: SweepReport,
}

impl Ground {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("ledgers");
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .unwrap();
        Self {
            ledger: directory.join("1-forged.ledger"),
            directory,
            _place: place,
        }
    }

    fn sweep(&self, bytes: &[u8]) -> Swept {
        std::fs::write(&self.ledger, bytes).unwrap();
        let trusting = Trusting::default();
        let reclaimers = Reclaimers::new().with(trusting.clone());
        let report = Sweep::new(&reclaimers)
            .directories(vec![self.directory.clone()])
            .run();
        let is_kept = self.ledger.exists();
        let acted = std::mem::take(&mut *trusting.0.lock().unwrap());
        Swept {
            acted,
            is_kept,
            report,
        }
    }
}

/// What holds for a ledger with one wound: no act but those that were written, nothing lost.
#[track_caller]
fn assert_harmless(swept: &Swept, wound: &str) {
    let foreign: Vec<_> = swept.acted.difference(&SOUND.open).collect();
    assert!(foreign.is_empty(), "{wound}: acted on {foreign:?}");
    for item in &swept.report.items {
        let is_kept = matches!(item.judgement, Judgement::Keep { .. });
        let is_unreadable = item.kind.starts_with("(unreadable");
        assert!(is_kept || !is_unreadable, "{wound}: {item}");
    }
    let is_lost = !swept.is_kept && swept.acted != SOUND.open;
    assert!(!is_lost, "{wound}: lost some: {:?}", swept.report);
}

/// The bytes of lines that are not all zero: what was written, with the fields beside it.
fn used() -> impl Iterator<Item = usize> {
    let lines = SOUND.bytes.chunks(64).enumerate();
    let used = lines.filter(|(_, line)| line.iter().any(|byte| *byte != 0));
    used.flat_map(|(index, line)| index * 64..index * 64 + line.len())
}

#[test]
fn a_sound_one_is_swept_whole() {
    let swept = Ground::new().sweep(&SOUND.bytes);
    assert_eq!(swept.acted, SOUND.open);
    assert!(!swept.is_kept);
}

/// Each used byte alone; where nothing is used, whole lines: a slot that was never used is inspected as
/// a whole.
#[test]
fn the_reader_answers_any_byte_changed() {
    let used: BTreeSet<usize> = used().collect();
    let lines = (0..SOUND.bytes.len()).step_by(64);
    let unused = lines.filter(|start| !used.contains(start));
    let alone = used.iter().map(|offset| *offset..*offset + 1);
    for range in alone.chain(unused.map(|start| start..start + 64)) {
        let mut bytes = SOUND.bytes.clone();
        bytes[range.clone()]
            .iter_mut()
            .for_each(|byte| *byte ^= 0xff);
        let Ok(reading) = LedgerReading::of_bytes(bytes, Path::new("wounded")) else {
            continue;
        };
        let acts = acts_of(&reading);
        let foreign: Vec<_> = acts.difference(&SOUND.open).collect();
        assert!(foreign.is_empty(), "bytes {range:?}: {foreign:?}");
        let is_told = !reading.damage().is_empty() || reading.entries().len() > acts.len() + 1;
        assert!(
            acts.len() == SOUND.open.len() || is_told,
            "bytes {range:?}: lost one without reporting it"
        );
    }
}

#[test]
fn a_sweep_is_harmless_with_any_bit_of_any_used_byte_changed() {
    let ground = Ground::new();
    let mut bytes = SOUND.bytes.clone();
    let mut count = 0;
    for offset in used() {
        // A bit of each byte, another one in the next, and all of them.
        for bits in [1 << (offset % 8), 1 << ((offset + 3) % 8), 0xff] {
            let old = bytes[offset];
            bytes[offset] ^= bits;
            assert_harmless(&ground.sweep(&bytes), &format!("byte {offset} ^ {bits:#x}"));
            bytes[offset] = old;
            count += 1;
        }
    }
    assert!(count > 3 * 1000, "{count}");
}

/// What has no check sum: the counters in the header, the segment's own header, the slots.
#[test]
fn a_sweep_is_harmless_with_every_bit_of_the_slots_changed() {
    use backstop_core::ledger::layout;
    let ground = Ground::new();
    let mut bytes = SOUND.bytes.clone();
    let counters = layout::SEGMENT_COUNT..layout::SEGMENT_COUNT + 16;
    let slots = layout::HEADER_LENGTH..layout::HEADER_LENGTH + 64 * 12;
    for offset in counters.chain(slots) {
        for bit in 0..8 {
            bytes[offset] ^= 1 << bit;
            assert_harmless(&ground.sweep(&bytes), &format!("byte {offset}, bit {bit}"));
            bytes[offset] ^= 1 << bit;
        }
    }
}

/// Each length at which something used is cut, and of what is not, the ends and the middle of its lines.
fn cuts() -> impl Iterator<Item = usize> {
    let lines = (0..SOUND.bytes.len()).step_by(64);
    let cuts = used().chain(lines.flat_map(|start| [start, start + 1, start + 32, start + 63]));
    let cuts: BTreeSet<usize> = cuts.collect();
    cuts.into_iter().filter(|cut| *cut < SOUND.bytes.len())
}

#[test]
fn the_reader_answers_any_length() {
    for length in cuts() {
        let bytes = SOUND.bytes[..length].to_vec();
        if let Ok(reading) = LedgerReading::of_bytes(bytes, Path::new("cut")) {
            assert_ne!(reading.damage(), [], "{length} bytes, and no word of it");
            assert!(acts_of(&reading).is_subset(&SOUND.open), "{length} bytes");
        }
    }
}

#[test]
fn a_sweep_is_harmless_with_any_length() {
    let ground = Ground::new();
    for length in cuts() {
        let swept = ground.sweep(&SOUND.bytes[..length]);
        assert_harmless(&swept, &format!("cut at {length}"));
    }
}

#[test]
fn a_text_longer_than_any_record_is_not_read() {
    use backstop_core::ledger::layout;
    let mut bytes = SOUND.bytes.clone();
    // The first slot's kind: a record of the right tag, and of all the rest of the file.
    let slot = layout::HEADER_LENGTH + layout::SEGMENT_HEADER;
    let position = u32::from_ne_bytes(*bytes[slot + 36..].first_chunk().unwrap());
    let start = position as usize * layout::RECORD_UNIT;
    let length = layout::RECORD_LIMIT + 1;
    bytes.resize(start + layout::RECORD_HEADER + length, b'x');
    bytes[start..start + 4].copy_from_slice(&(length as u32).to_ne_bytes());
    let payload = &bytes[start + layout::RECORD_HEADER..];
    let checksum = layout::record_checksum(layout::RecordTag::Kind as u32, 0, 0, payload);
    bytes[start + 4..start + 8].copy_from_slice(&checksum.to_ne_bytes());
    let reading = LedgerReading::of_bytes(bytes, Path::new("long")).unwrap();
    let entries = reading.entries();
    assert!(!entries[0].is_kind_readable(), "{}", entries[0].kind);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// With many wounds a closed one may seem open; what it says is then still what was written.
    #[test]
    fn a_sweep_of_a_ledger_with_many_wounds_acts_on_nothing_that_was_never_written(
        wounds in prop::collection::vec((prop::sample::select(used().collect::<Vec<_>>()), any::<u8>()), 1..60),
    ) {
        let mut bytes = SOUND.bytes.clone();
        for (offset, byte) in wounds {
            bytes[offset] = byte;
        }
        let swept = Ground::new().sweep(&bytes);
        prop_assert!(swept.acted.is_subset(&SOUND.ever), "{:?}", swept.acted);
    }

    #[test]
    fn a_sweep_of_random_bytes_keeps_them(bytes in prop::collection::vec(any::<u8>(), 0..10_000)) {
        let swept = Ground::new().sweep(&bytes);
        prop_assert!(swept.acted.is_empty() && swept.is_kept);
    }
}
