//! One process's line of `/proc/PID/stat`, parsed in place: nothing is copied or allocated, because
//! a sampler reads thousands of them.

use super::process_state::{ParseStatError, ProcessState};

/// The fields of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatLine<'a> {
    pub(super) pid: i32,
    pub(super) ppid: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) state: ProcessState,
    pub(super) start_ticks: u64,
    pub(super) processor_ticks: u64,
    pub(super) comm: &'a [u8],
    pub(super) pages: u64,
    pub(super) threads: u32,
    pub(super) is_kernel_thread: bool,
}

/// `PF_KTHREAD` of the kernel's `sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

impl<'a> StatLine<'a> {
    /// The name is in parentheses and may contain anything, including parentheses, spaces and line
    /// ends, so it ends at the last closing parenthesis of the line.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, ParseStatError> {
        let open = line.iter().position(|byte| *byte == b'(');
        let close = line.iter().rposition(|byte| *byte == b')');
        let (Some(open), Some(close)) = (open, close) else {
            return Err(ParseStatError { field: 2 });
        };
        if close < open {
            return Err(ParseStatError { field: 2 });
        }
        let pid = number(line[..open].trim_ascii()).ok_or(ParseStatError { field: 1 })?;
        let mut fields = Fields {
            rest: &line[close + 1..],
            next: 3,
        };
        let letter = fields.text(3)?;
        let ppid = fields.number(4)?;
        let group = fields.number(5)?;
        let session = fields.number(6)?;
        let flags: u64 = fields.number(9)?;
        let user: u64 = fields.number(14)?;
        let system: u64 = fields.number(15)?;
        let threads = fields.number(20)?;
        let start_ticks = fields.number(22)?;
        let pages: i64 = fields.number(24)?;
        Ok(Self {
            pid,
            ppid,
            group,
            session,
            state: ProcessState::from_letter(letter[0]),
            start_ticks,
            processor_ticks: user.saturating_add(system),
            comm: &line[open + 1..close],
            // The kernel's counter can be negative for a moment.
            pages: u64::try_from(pages).unwrap_or(0),
            threads,
            is_kernel_thread: flags & KERNEL_THREAD != 0,
        })
    }
}

/// The fields after the name, taken in ascending order of their numbers in the manual page.
struct Fields<'a> {
    rest: &'a [u8],
    next: usize,
}

impl<'a> Fields<'a> {
    /// A field, which is never empty.
    fn text(&mut self, field: usize) -> Result<&'a [u8], ParseStatError> {
        loop {
            let start = self.rest.trim_ascii_start();
            let end = start.iter().position(u8::is_ascii_whitespace);
            let (found, rest) = start.split_at(end.unwrap_or(start.len()));
            if found.is_empty() {
                return Err(ParseStatError { field });
            }
            self.rest = rest;
            self.next += 1;
            if self.next > field {
                return Ok(found);
            }
        }
    }

    fn number<T: TryFrom<i128>>(&mut self, field: usize) -> Result<T, ParseStatError> {
        number(self.text(field)?).ok_or(ParseStatError { field })
    }
}

/// A decimal number in the range of `T`.
fn number<T: TryFrom<i128>>(text: &[u8]) -> Option<T> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // No field has more digits than the largest 64-bit number.
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
    }
    let value = i128::from(value);
    T::try_from(if negative { -value } else { value }).ok()
}
