//! What a resource occupies.

use std::fmt;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    const UNITS: [(&'static str, u64); 4] = [
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
        ("B", 1),
    ];

    /// This number of megabytes of 10⁶ bytes.
    #[must_use]
    pub const fn megabytes(count: u64) -> Self {
        Self(count.saturating_mul(1_000_000))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match Self::UNITS.iter().find(|(_, size)| self.0 >= *size) {
            Some((unit, size @ 2..)) => format!("{:.1} {unit}", self.0 as f64 / *size as f64),
            _ => format!("{} B", self.0),
        };
        formatter.pad(&text)
    }
}

/// The text is not a size such as `64MB`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid size `{0}`: use a number and a unit, e.g. 64MB (B, kB, MB, GB, KiB, MiB, GiB)")]
pub struct ParseBytesError(String);

impl FromStr for Bytes {
    type Err = ParseBytesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseBytesError(text.to_owned());
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let number: u64 = number.parse().map_err(|_| refuse())?;
        let size: u64 = match unit.trim() {
            "" | "B" | "b" => 1,
            "kB" | "KB" | "k" | "K" => 1_000,
            "MB" | "M" => 1_000_000,
            "GB" | "G" => 1_000_000_000,
            "TB" | "T" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(refuse()),
        };
        number.checked_mul(size).map(Self).ok_or_else(refuse)
    }
}

impl Add for Bytes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self(0), Add::add)
    }
}

/// What a resource occupies: memory or disk space, and file descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Footprint {
    /// Memory or disk space.
    pub bytes: Bytes,
    /// File descriptors, processes and threads.
    pub handles: u32,
}

impl Footprint {
    /// A footprint of file descriptors only.
    #[must_use]
    pub const fn handles(handles: u32) -> Self {
        Self {
            bytes: Bytes(0),
            handles,
        }
    }

    /// A footprint of bytes only.
    #[must_use]
    pub const fn bytes(bytes: Bytes) -> Self {
        Self { bytes, handles: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_and_displayed() {
        assert_eq!("64MB".parse(), Ok(Bytes(64_000_000)));
        assert_eq!("2GiB".parse(), Ok(Bytes(2 << 30)));
        assert_eq!("12".parse(), Ok(Bytes(12)));
        assert_eq!(Bytes(1_530_000).to_string(), "1.5 MB");
        assert_eq!(Bytes(999).to_string(), "999 B");
        assert_eq!(Bytes(0).to_string(), "0 B");
    }

    #[test]
    fn invalid_sizes_are_refused() {
        for text in ["", "MB", "-1MB", "1.5GB", "64 parsec", "99999999999TB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
