//! No bytes make the ledger's reader panic: truncated, flipped or random ones are damage, or an error.
#![cfg(test)]

use std::path::Path;
use std::sync::OnceLock;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::ledger::LedgerReading;
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

#[test]
fn a_ledger_cut_short_anywhere_in_its_first_pages_is_answered() {
    for length in (0..sound().len().min(20_000)).step_by(7) {
        let _ = read(sound()[..length].to_vec());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_cut_short_is_answered(part in 0.0..1.0_f64) {
        let length = (sound().len() as f64 * part) as usize;
        let _ = read(sound()[..length].to_vec());
    }

    #[test]
    fn flipped_bits_are_answered(flips in prop::collection::vec((0.0..1.0_f64, 0..8_u8), 1..200)) {
        let mut bytes = sound().to_vec();
        let length = bytes.len() as f64;
        for (part, bit) in flips {
            bytes[(length * part) as usize] ^= 1 << bit;
        }
        let _ = read(bytes);
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
        let _ = read(bytes);
    }

    #[test]
    fn random_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
        prop_assert!(read(bytes).is_err());
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
