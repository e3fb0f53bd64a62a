//! No bytes make the ledger's reader panic or tell what was never written: truncated, flipped or random
//! ones are damage that is listed, or one error that names the file and the place.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind};
use backstop_core::ledger::{Entry, LedgerReading};
use backstop_core::release::Tracking;
use backstop_core::resource::{Kind, Recipe};
use proptest::prelude::*;

/// A ledger with resources in every state but closed, and texts of its own.
fn sound() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let backstop = Backstop::builder()
            .tracking(Tracking::Directory(place.path().join("ledgers")))
            .start();
        let kind = Kind::new("test.bytes");
        let guards: Vec<_> = (0..40)
            .map(|number| {
                backstop.track_with(kind, format!("number {number}"), (), |()| {
                    Ok::<(), Error>(())
                })
            })
            .collect();
        let recipe = Recipe::of(&vec!["how"; 100]).unwrap();
        let intent = backstop.intend(kind, "announced").recipe(recipe).declare();
        let ledger = backstop.ledger().unwrap();
        let bytes = std::fs::read(ledger.path().unwrap()).unwrap();
        drop(guards);
        intent.abandon();
        ledger.remove().unwrap();
        bytes
    })
}

/// Reads all that there is to read.
fn read(bytes: Vec<u8>) -> Result<usize, Error> {
    let reading = LedgerReading::of_bytes(bytes, Path::new("test.ledger"))?;
    let _ = (reading.owner(), reading.untracked(), reading.damage().len());
    Ok(reading.entries().len())
}

#[test]
fn the_sound_ledger_is_read_whole() {
    assert_eq!(read(sound().to_vec()).unwrap(), 41);
}

/// Every text that the sound ledger has: labels, kinds, sites, recipes.
fn written() -> &'static BTreeSet<String> {
    static TEXTS: OnceLock<BTreeSet<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let path = Path::new("test.ledger");
        let reading = LedgerReading::of_bytes(sound().to_vec(), path).unwrap();
        assert_eq!(reading.damage(), []);
        reading.entries().iter().flat_map(texts_of).collect()
    })
}

fn texts_of(entry: &Entry) -> Vec<String> {
    let recipe = entry
        .recipe
        .as_ref()
        .map(|recipe| recipe.as_str().to_owned());
    let texts = [&entry.label, &entry.kind, &entry.site].map(Clone::clone);
    texts.into_iter().chain(recipe).collect()
}

/// What the reader gives of damaged bytes is an error that names the file and the place, or entries
/// with texts that were written: what does not check is given as unreadable, and never as something
/// else.
fn assert_answered(bytes: Vec<u8>) -> Option<LedgerReading> {
    let reading = match LedgerReading::of_bytes(bytes, Path::new("test.ledger")) {
        Ok(reading) => reading,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{}", error.chain());
            let said = error.chain();
            assert!(
                said.contains("test.ledger") && said.contains("offset"),
                "{said}"
            );
            return None;
        }
    };
    for text in reading.entries().iter().flat_map(texts_of) {
        let is_known = text.is_empty() || text.starts_with("(unreadable: ");
        assert!(
            is_known || written().contains(&text),
            "never written: {text:?}"
        );
    }
    for damage in reading.damage() {
        assert!(!damage.what.is_empty(), "{damage:?}");
    }
    Some(reading)
}

/// As above; and where less is read than was written, that is listed as damage.
fn assert_answered_cut_to(length: usize) {
    assert!(length < sound().len());
    if let Some(reading) = assert_answered(sound()[..length].to_vec()) {
        assert_ne!(reading.damage(), [], "{length} bytes, and no word of it");
    }
}

#[test]
fn a_ledger_cut_short_anywhere_in_its_first_pages_is_answered() {
    for length in (0..sound().len().min(20_000)).step_by(7) {
        assert_answered_cut_to(length);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_cut_short_is_answered(part in 0.0..1.0_f64) {
        assert_answered_cut_to((sound().len() as f64 * part) as usize);
    }

    #[test]
    fn flipped_bits_are_answered(flips in prop::collection::vec((0.0..1.0_f64, 0..8_u8), 1..200)) {
        let mut bytes = sound().to_vec();
        let length = bytes.len() as f64;
        for (part, bit) in flips {
            bytes[(length * part) as usize] ^= 1 << bit;
        }
        assert_answered(bytes);
    }

    /// In the first pages, where everything that is used is: the most of a whole ledger is empty.
    #[test]
    fn flipped_bits_of_what_is_used_are_answered(
        flips in prop::collection::vec((0..20_000_usize, 0..8_u8), 1..20),
    ) {
        let mut bytes = sound().to_vec();
        for (offset, bit) in flips {
            bytes[offset] ^= 1 << bit;
        }
        assert_answered(bytes);
    }

    #[test]
    fn words_of_any_value_behind_a_sound_header_are_answered(
        words in prop::collection::vec((4096..20_000_usize, any::<u32>()), 1..200),
    ) {
        let mut bytes = sound().to_vec();
        for (offset, word) in words {
            let offset = offset & !3;
            bytes[offset..offset + 4].copy_from_slice(&word.to_ne_bytes());
        }
        // The header is sound: what is behind it is damaged, and the ledger is still read.
        prop_assert!(assert_answered(bytes).is_some());
    }

    /// Behind a beginning that is a ledger's, so that not the first bytes alone decide.
    #[test]
    fn random_bytes_are_answered(
        beginning in prop::sample::select(vec![0_usize, 8, 12, 16, 32]),
        bytes in prop::collection::vec(any::<u8>(), 0..20_000),
    ) {
        let bytes = [&sound()[..beginning], &bytes].concat();
        prop_assert!(assert_answered(bytes).is_none());
    }
}

#[test]
fn a_file_larger_than_any_ledger_is_refused_by_its_length() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("1.ledger");
    // Without a byte in it: nothing of it is read.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(LedgerReading::LARGEST + 1).unwrap();
    let error = LedgerReading::of_path(&path).unwrap_err();
    assert_eq!(error.kind(), backstop_core::error::ErrorKind::Limit);
    let chain = error.chain();
    assert!(
        chain.contains("1.ledger") && chain.contains("limit"),
        "{chain}"
    );
}
