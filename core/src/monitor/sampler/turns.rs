//! Whose turn it is to be read.

use std::time::Duration;

/// What is read when there is time for it, whatever was not read for the longest first.
#[derive(Debug)]
pub(super) struct Turns<T, const N: usize>([(T, Option<Duration>); N]);

impl<T: Copy, const N: usize> Turns<T, N> {
    /// Those that have never been read go in this order.
    pub(super) fn new(all: [T; N]) -> Self {
        Self(all.map(|each| (each, None)))
    }

    /// Who is next at `now`, in awake time; `None` once each has had its turn.
    pub(super) fn next(&mut self, now: Duration) -> Option<T> {
        let oldest = self.0.iter_mut().min_by_key(|(_, read)| *read)?;
        if oldest.1.is_some_and(|read| read >= now) {
            return None;
        }
        oldest.1 = Some(now);
        Some(oldest.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_each_goes_once() {
        let mut turns = Turns::new(['a', 'b', 'c']);
        let at = Duration::from_secs;
        assert_eq!(
            (turns.next(at(1)), turns.next(at(1))),
            (Some('a'), Some('b'))
        );
        let second: Vec<_> = std::iter::from_fn(|| turns.next(at(2))).collect();
        assert_eq!(second, ['c', 'a', 'b']);
        assert_eq!(turns.next(at(2)), None);
    }
}
