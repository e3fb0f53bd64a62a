//! Signals by number and name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A signal that can be sent, blocked or forwarded: 1–31 and the real-time signals 34–64 of Linux.
///
/// 32 and 33 belong to the C library's threads and are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(u8);

/// One signal, as read from a signal source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The signal that arrived.
    pub signal: Signal,
    /// Why it was sent (`si_code`): 0 by a process with `kill`, above 0 by the kernel.
    pub code: i32,
    /// The process that sent it, or the child that it reports on, in the reader's pid namespace.
    pub sender: Option<i32>,
}

impl Received {
    /// Whether the kernel sent it, as for a key at the terminal, rather than a process.
    #[must_use]
    pub const fn is_from_kernel(&self) -> bool {
        self.code > 0
    }
}

/// Linux's numbers on all architectures but MIPS, SPARC and Alpha.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

const FIRST_REAL_TIME: u8 = 34;
const LAST: u8 = 64;

impl Signal {
    /// The terminal was closed.
    pub const HUP: Self = Self(1);
    /// Interrupt from the keyboard.
    pub const INT: Self = Self(2);
    /// Quit from the keyboard.
    pub const QUIT: Self = Self(3);
    /// Kill, which cannot be caught.
    pub const KILL: Self = Self(9);
    /// The first signal for the user's own use.
    pub const USR1: Self = Self(10);
    /// The second signal for the user's own use.
    pub const USR2: Self = Self(12);
    /// Request to terminate.
    pub const TERM: Self = Self(15);
    /// A child changed state.
    pub const CHLD: Self = Self(17);
    /// Continue after a stop.
    pub const CONT: Self = Self(18);
    /// Stop, which cannot be caught.
    pub const STOP: Self = Self(19);
    /// Stop from the keyboard.
    pub const TSTP: Self = Self(20);
    /// A background process read from the terminal.
    pub const TTIN: Self = Self(21);
    /// A background process wrote to the terminal.
    pub const TTOU: Self = Self(22);
    /// The terminal changed its size.
    pub const WINCH: Self = Self(28);

    /// The signal with this number, or `None` if it cannot be sent.
    #[must_use]
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            1..=31 | 34..=64 => Some(Self(number as u8)),
            _ => None,
        }
    }

    /// The signal's number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0 as i32
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0) - 1) {
            Some(name) => write!(formatter, "SIG{name}"),
            None if self.0 == FIRST_REAL_TIME => formatter.write_str("SIGRTMIN"),
            None => write!(formatter, "SIGRTMIN+{}", self.0 - FIRST_REAL_TIME),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is neither a signal's name nor its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid signal: expected a name such as TERM or SIGTERM, or a number from 1 to 31 or 34 to 64"
)]
pub struct ParseSignalError;

impl FromStr for Signal {
    type Err = ParseSignalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(number) = text.parse() {
            return Self::from_number(number).ok_or(ParseSignalError);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(index) = NAMES.iter().position(|known| *known == name) {
            return Self::from_number(index as i32 + 1).ok_or(ParseSignalError);
        }
        let number = match name {
            "IOT" => Some(6),
            "CLD" => Some(17),
            "POLL" => Some(29),
            "RTMIN" => Some(FIRST_REAL_TIME),
            "RTMAX" => Some(LAST),
            _ => real_time(name),
        };
        number
            .and_then(|number| Self::from_number(i32::from(number)))
            .ok_or(ParseSignalError)
    }
}

/// `RTMIN+n` or `RTMAX-n`, within the real-time signals.
fn real_time(name: &str) -> Option<u8> {
    let number = if let Some(offset) = name.strip_prefix("RTMIN+") {
        FIRST_REAL_TIME.checked_add(offset.parse().ok()?)?
    } else {
        LAST.checked_sub(name.strip_prefix("RTMAX-")?.parse().ok()?)?
    };
    (FIRST_REAL_TIME..=LAST).contains(&number).then_some(number)
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_long_name_and_number_are_the_same_signal() {
        for text in ["TERM", "SIGTERM", "term", "15"] {
            assert_eq!(text.parse(), Ok(Signal::TERM), "{text}");
        }
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
    }

    #[test]
    fn every_signal_reads_back_what_it_prints() {
        for number in (1..=31).chain(34..=64) {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(signal.to_string().parse(), Ok(signal));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "SIG",
            "0",
            "-1",
            "32",
            "33",
            "65",
            "TERMINATE",
            "RTMIN+31",
            "RTMIN+999",
            "RTMAX-31",
            "SIGSIGTERM",
            "15 ",
        ] {
            assert_eq!(text.parse::<Signal>(), Err(ParseSignalError), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn numbers_are_those_of_the_system() {
        for (signal, number) in [
            (Signal::USR1, libc::SIGUSR1),
            (Signal::CHLD, libc::SIGCHLD),
            (Signal::STOP, libc::SIGSTOP),
            (Signal::WINCH, libc::SIGWINCH),
        ] {
            assert_eq!(signal.number(), number);
        }
    }
}
