//! Target `history`: a day of a history, and the report made of it.

use std::path::PathBuf;

use backstop_service::history::History;
use backstop_service::report::{Account, Request};

/// Makes every form of a report of one day: each line is one, or is named among what is not known.
pub fn take(bytes: &[u8]) {
    let place = Place::new();
    let history = History::at(&place.0);
    let day = "2026-11-21".parse().expect("a day");
    std::fs::write(history.day_path(day), bytes).expect("a file of our own");
    let from = "2026-11-20T00:00:00Z".parse().expect("a time");
    let until = "2026-11-23T00:00:00Z".parse().expect("a time");
    let request = Request::between(from, until).expect("a span");
    let account = Account::of(&history, &request).expect("the directory can be read");
    assert!(!account.to_text().is_empty());
    assert!(!account.to_markdown().is_empty());
    assert!(account.to_html().ends_with("</html>"));
    serde_json::to_vec(&account).expect("an account is JSON");
}

/// A directory of this call's own, in memory where there is one.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = PathBuf::from("/dev/shm");
        let home = match shared.is_dir() {
            true => shared,
            false => std::env::temp_dir(),
        };
        let place = home.join(format!("backstop-fuzz-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&place).expect("a directory of our own");
        Self(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
