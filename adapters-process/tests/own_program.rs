//! A program that is its own worker, which the usual test harness would not let it be.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use backstop_core::error::ErrorKind;
use backstop_process::{ProcessWorker, enter_worker};

fn main() {
    enter_worker("square", |number: i64| {
        assert!(number != 13, "on purpose");
        if number == 1 {
            loop {
                std::thread::park();
            }
        }
        number.checked_mul(number).ok_or("too large")
    });
    // Listing is all that a harness is asked for besides running.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let long = Duration::from_secs(30);
    let worker = ProcessWorker::of_this_program("square");
    let square = |number: i64, span| worker.request::<i64, i64>(&number, span);
    assert_eq!(square(3, long).unwrap(), 9);
    let error = square(13, long).unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
    let error = square(i64::MAX, long).unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
    assert_eq!(worker.starts(), 1);
    let error = square(1, Duration::from_millis(200)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    assert_eq!(square(4, long).unwrap(), 16);
    assert_eq!(worker.starts(), 2);
    assert!(worker.stop().unwrap().outcome.is_released());
}
