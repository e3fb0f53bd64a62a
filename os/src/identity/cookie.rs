//! A random name by which a resource is found after its owner died.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 128 random bits written into whatever a resource leaves behind: a child's environment, a
/// directory's name, a session's capability.
///
/// It is chosen before the resource is created, so that a resource whose owner died before
/// recording it is still found, and is proven to be Backstop's.
///
/// # Examples
/// ```
/// use backstop_os::identity::Cookie;
///
/// let cookie = Cookie::random();
/// let text = cookie.to_string();
/// assert_eq!(text.len(), 32);
/// assert_eq!(text.parse::<Cookie>()?, cookie);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cookie([u8; 16]);

impl Cookie {
    /// The environment variable that carries the cookie into a child process.
    pub const ENVIRONMENT_VARIABLE: &'static str = "BACKSTOP_COOKIE";

    /// The environment variable by which a program finds the children that it started itself: their
    /// cookies, outermost first, joined by `:`.
    ///
    /// Unlike [`ENVIRONMENT_VARIABLE`](Self::ENVIRONMENT_VARIABLE), which names the run that a
    /// process belongs to and stays the same for all its descendants.
    pub const LINEAGE_VARIABLE: &'static str = "BACKSTOP_CHILD";

    /// Draws a new cookie from the kernel's random source (one `getrandom` call).
    #[must_use]
    pub fn random() -> Self {
        Self(crate::random::bytes())
    }

    /// Makes a cookie from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Sixty of its bits in twelve letters and digits, for names that must be short: a socket's
    /// path may have 107 bytes, and browsers create theirs three directories deep.
    #[must_use]
    pub fn abbreviation(&self) -> String {
        // Crockford's digits: no two look alike.
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let bits = self
            .0
            .iter()
            .take(8)
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..12)
            .map(|place| char::from(DIGITS[(bits >> (59 - 5 * place)) as usize & 31]))
            .collect()
    }

    /// The cookie's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Cookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cookie({self})")
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cookie is 32 lower-case hexadecimal digits")]
pub struct ParseCookieError;

impl FromStr for Cookie {
    type Err = ParseCookieError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(ParseCookieError);
        }
        let mut bytes = [0_u8; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn digit(character: u8) -> Result<u8, ParseCookieError> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(ParseCookieError),
    }
}

impl Serialize for Cookie {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cookie {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_the_same_cookie() {
        let cookie = Cookie::from_bytes([0x0f; 16]);
        assert_eq!(cookie.to_string(), "0f".repeat(16));
        assert_eq!(cookie.to_string().parse(), Ok(cookie));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "0f",
            &"0F".repeat(16),
            &"zz".repeat(16),
            &"0f".repeat(17),
        ] {
            assert_eq!(text.parse::<Cookie>(), Err(ParseCookieError), "{text}");
        }
    }

    #[test]
    fn an_abbreviation_is_short_and_of_the_first_bits() {
        let zeros = Cookie::from_bytes([0; 16]);
        assert_eq!(zeros.abbreviation(), "000000000000");
        let ones = Cookie::from_bytes([0xff; 16]);
        assert_eq!(ones.abbreviation(), "zzzzzzzzzzzz");
        let mut bytes = [0; 16];
        bytes[7] = 0x10;
        assert_eq!(Cookie::from_bytes(bytes).abbreviation(), "000000000001");
    }

    #[test]
    fn two_cookies_differ() {
        assert_ne!(Cookie::random(), Cookie::random());
    }
}
