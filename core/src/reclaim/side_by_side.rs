//! One act on many items, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// More threads than this only wait for each other: what is removed from one directory is removed one
/// at a time, and only reading, and freeing what was removed, run in parallel.
const MOST_WORKERS: usize = 4;
/// The maximum number of answers that are handed over at once.
const LONGEST_HAND: usize = 64;

/// Applies `act` to each of `items`, in parallel, and passes each answer with its item's index to `settled`
/// on this thread as it comes: in any order, each once.
///
/// Each thread has a value of its own from `own`. Where no other thread is available, all is done on this
/// one. It returns when all is done.
///
/// # Panics
/// When `act` does.
pub fn side_by_side<T: Sync, S, R: Send>(
    items: &[T],
    own: impl Fn() -> S + Sync,
    act: impl Fn(&mut S, &T) -> R + Sync,
    mut settled: impl FnMut(usize, R),
) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let workers = processors.min(MOST_WORKERS).min(items.len());
    if workers < 2 {
        let mut own = own();
        for (index, item) in items.iter().enumerate() {
            settled(index, act(&mut own, item));
        }
        return;
    }
    // Small batches where there is little to do, so that an act is recorded soon after it was done.
    let hand = (items.len() / (workers * 64)).clamp(1, LONGEST_HAND);
    // Relaxed: it only shares the items out; the answers come through the channel.
    let next = AtomicUsize::new(0);
    let work = |answers: mpsc::Sender<Vec<(usize, R)>>| {
        let mut own = own();
        loop {
            let first = next.fetch_add(hand, Ordering::Relaxed);
            let mine = items.iter().enumerate().skip(first).take(hand);
            let done: Vec<_> = mine
                .map(|(index, item)| (index, act(&mut own, item)))
                .collect();
            // The receiver outlives all senders, unless this thread panics already.
            if done.is_empty() || answers.send(done).is_err() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let start = |_: &usize| {
            let sender = sender.clone();
            let work = &work;
            let worker = thread::Builder::new().name("backstop-sweep".to_owned());
            worker.spawn_scoped(scope, move || work(sender)).is_ok()
        };
        if (0..workers).filter(start).count() == 0 {
            work(sender.clone());
        }
        drop(sender);
        for (index, answer) in receiver.into_iter().flatten() {
            settled(index, answer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_done_once_and_answered_with_its_index() {
        for count in [0, 1, 2, 7, 10_000] {
            let items: Vec<usize> = (0..count).collect();
            let mut answers = vec![0; count];
            side_by_side(
                &items,
                || (),
                |(), item| item + 1,
                |index, answer| answers[index] += answer,
            );
            let expected: Vec<usize> = (1..=count).collect();
            assert_eq!(answers, expected);
        }
    }
}
