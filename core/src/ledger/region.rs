//! Memory mapped from the ledger's file, whose addresses never move.
#![expect(
    unsafe_code,
    reason = "the ledger's mapped memory is shared with other processes and reached by address"
)]

use std::fs::File;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

/// A part of the file in memory. Its bytes are only accessed through atomics: other processes read
/// them at any time.
#[derive(Debug)]
pub(super) struct Region {
    map: MmapRaw,
    length: usize,
}

impl Region {
    /// Maps `length` bytes of `file` from `offset`, after reserving their space, so that a full
    /// disk is an error here and not a `SIGBUS` later.
    pub(super) fn of_file(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        backstop_os::reserve::reserve(file, offset, length as u64)?;
        let map = MmapOptions::new()
            .offset(offset)
            .len(length)
            .map_raw(file)?;
        Ok(Self { map, length })
    }

    /// Memory of this process only, which ends with it.
    pub(super) fn anonymous(length: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(length).map_anon()?;
        Ok(Self {
            map: map.into(),
            length,
        })
    }

    pub(super) fn u64_at(&self, offset: usize) -> &AtomicU64 {
        let pointer = self.checked(offset, 8);
        // SAFETY: in bounds and aligned by `checked`; the mapping lives as long as `self`; every
        // access in this process is atomic.
        unsafe { pointer.cast::<AtomicU64>().as_ref() }
    }

    pub(super) fn u32_at(&self, offset: usize) -> &AtomicU32 {
        let pointer = self.checked(offset, 4);
        // SAFETY: as for `u64_at`.
        unsafe { pointer.cast::<AtomicU32>().as_ref() }
    }

    /// Stores bytes at a multiple of eight. Writers of one range never overlap; readers in other
    /// processes verify checksums.
    pub(super) fn store(&self, offset: usize, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        let mut at = offset;
        for chunk in &mut chunks {
            let word = chunk.try_into().map_or(0, u64::from_ne_bytes);
            // Relaxed, because a record is published by the slot's state, stored with Release.
            self.u64_at(at).store(word, Ordering::Relaxed);
            at += 8;
        }
        for byte in chunks.remainder() {
            let pointer = self.checked(at, 1);
            // SAFETY: in bounds by `checked`; the mapping lives as long as `self`.
            unsafe { pointer.cast::<AtomicU8>().as_ref() }.store(*byte, Ordering::Relaxed);
            at += 1;
        }
    }

    /// The address of the 64-byte line at `offset`.
    pub(super) fn line_at(&self, offset: usize) -> NonNull<u8> {
        assert!(
            offset.is_multiple_of(64),
            "a slot is aligned to a cache line"
        );
        self.checked(offset, 64)
    }

    fn checked(&self, offset: usize, size: usize) -> NonNull<u8> {
        assert!(
            offset.is_multiple_of(size.min(8))
                && offset
                    .checked_add(size)
                    .is_some_and(|end| end <= self.length),
            "access out of bounds"
        );
        NonNull::new(self.map.as_mut_ptr().wrapping_add(offset))
            .expect("a mapping is never at address zero")
    }
}
