//! Target `receipt`: a file of receipts.

use backstop_core::reclaim::Receipts;

/// Reads receipts: every line is one, or is counted as none.
pub fn take(bytes: &[u8]) {
    let (receipts, unreadable) = Receipts::parse(bytes);
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty()).count();
    assert_eq!(receipts.len() as u64 + unreadable, lines as u64);
    for receipt in receipts {
        // What was read can be written and read again. The items are not compared: a fraction of many
        // digits, which no real receipt has, is rounded to a neighbouring value.
        let mut line = serde_json::to_vec(&receipt).expect("a receipt is JSON");
        line.push(b'\n');
        let (again, unreadable) = Receipts::parse(&line);
        assert_eq!((again.len(), unreadable), (1, 0));
        assert_eq!((&again[0].at, again[0].by), (&receipt.at, receipt.by));
    }
}
