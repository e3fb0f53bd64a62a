//! A service with its own resources and a directory on disk.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::release::{Owned, Tracked, Tracking};
use backstop_core::resource::Kind;
use backstop_service::alert::{Alert, RemedyRules};
use backstop_service::config::Settings;
use backstop_service::history::{History, Line};
use backstop_service::{Service, ServiceBuilder};
use backstop_testkit::role::Actor;

pub(crate) const KIND: Kind = Kind::new("db.connection");

pub(crate) struct Scene {
    pub(crate) backstop: Backstop,
    place: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            backstop: Backstop::builder().tracking(Tracking::Anonymous).start(),
            place: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Settings that sample often, and write into the directory.
    pub(crate) fn settings(&self, more: &[(&str, &str)]) -> Settings {
        let (history, log) = (self.path("history"), self.path("log"));
        let mut all = vec![
            ("monitor.interval", "20ms"),
            ("history.directory", history.to_str().unwrap()),
            ("alert.log-directory", log.to_str().unwrap()),
        ];
        all.extend(more);
        settings(&all)
    }

    /// A service whose alerts are also received here.
    pub(crate) fn service(&self, rules: RemedyRules) -> (ServiceBuilder, Receiver<Alert>) {
        let (told, alerts) = channel();
        let builder = Service::builder()
            .backstop(self.backstop)
            .remedies(rules)
            .sink("test", move |alert: &Alert| drop(told.send(alert.clone())));
        (builder, alerts)
    }

    pub(crate) fn open(&self) -> Tracked<Owned<()>> {
        let release = |()| Ok::<_, std::io::Error>(());
        self.backstop.track_with(KIND, "held", (), release)
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        lines(&self.path("history"))
    }
}

pub(crate) fn settings(all: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, text) in all {
        settings.set(name, text).unwrap();
    }
    settings.checked().unwrap()
}

pub(crate) fn lines(directory: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    let reading = History::at(directory).read_last(None, |line| lines.push(line));
    assert!(reading.unwrap().unreadable.is_empty());
    lines
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let late = std::time::Instant::now() + Actor::PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < late, "timed out");
        std::thread::sleep(Duration::from_millis(2));
    }
}
