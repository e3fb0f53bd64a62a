//! A forked child neither removes its parent's temp files nor makes its own. Without a test harness,
//! because only a process with one thread may fork.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::ErrorKind;
use backstop_core::release::Tracking;
use backstop_os::fork_child::{exit_now, fork_child};
use backstop_os::forked::Forked;
use backstop_os::pinned::PinnedProcess;
use backstop_tempfs::{AtomicOptions, TempOptions};

fn main() {
    let place = tempfile::tempdir().unwrap();
    let ledgers = place.path().join("ledgers");
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(ledgers))
        .start();
    let options = TempOptions::new().backstop(backstop).base(place.path());
    let directory = options.create_dir().unwrap();
    let path = directory.path().to_owned();
    let child = match fork_child().unwrap() {
        Forked::Child => {
            drop(directory);
            let refused = options.create_file().unwrap_err().kind();
            let partial = AtomicOptions::new().create(place.path().join("x"));
            let partial = partial.unwrap_err().kind();
            exit_now(match (refused, partial) {
                (ErrorKind::Unsupported, ErrorKind::Unsupported) => 7,
                _ => 1,
            });
        }
        Forked::Parent { child } => PinnedProcess::pin(child).unwrap(),
    };
    assert!(child.wait_exit(Duration::from_secs(20)).unwrap());
    let code = child.reap().and_then(|status| status.code());
    assert_eq!(code, Some(7));
    assert!(
        path.exists(),
        "a forked child removed its parent's directory"
    );
    assert!(directory.release().outcome.is_released());
    assert!(!path.exists());
}
