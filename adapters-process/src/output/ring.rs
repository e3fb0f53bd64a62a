//! The beginning and the end of a stream.

use std::collections::VecDeque;

use serde::Serialize;

use crate::config::CaptureLimits;

/// The captured part of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Captured {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes, none of which are in the head.
    pub tail: Vec<u8>,
    /// How many bytes between them were not kept.
    pub dropped: u64,
    /// How many lines a callback received in parts.
    pub cut_lines: u64,
    /// How often a callback panicked.
    pub callback_panics: u64,
    /// Why the stream was not read to its end, if it was not: which process may still write to it.
    pub abandoned: Option<String>,
}

impl Captured {
    /// Whether the stream was read to its end and kept whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.dropped == 0 && self.abandoned.is_none()
    }

    /// How many bytes were read.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.head.len() as u64 + self.dropped + self.tail.len() as u64
    }

    /// The captured text, with a line about what was dropped; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let tail = String::from_utf8_lossy(&self.tail);
        match self.dropped {
            // In one piece, because a character may be split between the two.
            0 => String::from_utf8_lossy(&[self.head.as_slice(), &self.tail].concat()).into_owned(),
            dropped => format!(
                "{}\n[{dropped} bytes were not kept]\n{tail}",
                String::from_utf8_lossy(&self.head)
            ),
        }
    }
}

/// A stream while it is read.
#[derive(Debug)]
pub(super) struct Ring {
    limits: CaptureLimits,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl Ring {
    pub(super) fn new(limits: CaptureLimits) -> Self {
        Self {
            limits,
            head: Vec::new(),
            tail: VecDeque::new(),
            dropped: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.limits.head - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        // Of a chunk longer than the tail only its end can be kept.
        let skipped = rest.len().saturating_sub(self.limits.tail);
        self.tail.extend(&rest[skipped..]);
        let excess = self.tail.len().saturating_sub(self.limits.tail);
        drop(self.tail.drain(..excess));
        self.dropped += (skipped + excess) as u64;
    }

    pub(super) fn captured(&self) -> Captured {
        Captured {
            head: self.head.clone(),
            tail: self.tail.iter().copied().collect(),
            dropped: self.dropped,
            ..Captured::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(head: usize, tail: usize, pushes: &[&[u8]]) -> Captured {
        let mut ring = Ring::new(CaptureLimits {
            head,
            tail,
            line: 1,
        });
        for bytes in pushes {
            ring.push(bytes);
        }
        ring.captured()
    }

    #[test]
    fn beginning_and_end_are_kept_and_the_rest_is_counted() {
        for pushes in [
            [b"abcdefghij".as_slice(), b""],
            [b"abcd", b"efghij"],
            [b"a", b"bcdefghij"],
            [b"abcdefghi", b"j"],
        ] {
            let captured = ring(3, 2, &pushes);
            assert_eq!(
                (
                    captured.head.as_slice(),
                    captured.tail.as_slice(),
                    captured.dropped
                ),
                (b"abc".as_slice(), b"ij".as_slice(), 5)
            );
            assert_eq!(captured.total(), 10);
            assert!(!captured.is_whole());
        }
    }

    #[test]
    fn what_fits_is_whole_also_across_a_character() {
        let captured = ring(1, 9, &["äß".as_bytes()]);
        assert!(captured.is_whole());
        assert_eq!(captured.text(), "äß");
        assert_eq!(ring(0, 0, &[b"abc"]).dropped, 3);
    }
}
