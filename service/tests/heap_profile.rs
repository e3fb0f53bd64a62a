//! Heap profiles, in a program whose allocator is jemalloc.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use backstop_core::monitor::{
    Change, Evidence, Finding, FindingKind, FindingSubject, Moment, Observation, Observer,
    ProcessSample, Sample, Severity, Unit,
};
use backstop_core::resource::Deadline;
use backstop_os::signal::Signal;
use backstop_service::Service;
use backstop_service::alert::{Alert, Alerts, HeapProfiles, Level, Sink, Transition};
use backstop_service::config::Settings;
use backstop_service::heap_profile;

#[global_allocator]
static ALLOCATOR: heap_profile::Allocator = heap_profile::ALLOCATOR;

/// Set in the process that profiles itself: where it writes to.
const PLACE: &str = "BACKSTOP_TEST_PROFILE_PLACE";

const KEPT: usize = 200;
const SIZE: usize = 64 * 1024;

const PROFILING: &str = "prof:true,lg_prof_sample:12";
const PATIENCE: Duration = Duration::from_secs(60);

#[inline(never)]
fn who_keeps_memory() -> Vec<Vec<u8>> {
    // Not in the tail, where an optimizer would jump to what collects and leave no frame of this.
    black_box((0..KEPT).map(|_| black_box(vec![7_u8; SIZE])).collect())
}

#[inline(never)]
fn who_frees_memory() {
    for _ in 0..KEPT {
        drop(black_box(vec![7_u8; SIZE]));
    }
}

/// Runs this test again with these settings of jemalloc. It must pass there too.
fn again(test: &str, settings: &str, place: &Path) -> Output {
    let program = std::env::current_exe().expect("a program has a path");
    let output = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads", "1"])
        .env("_RJEM_MALLOC_CONF", settings)
        .env(PLACE, place)
        .output()
        .expect("the test's own program starts");
    assert!(output.status.success(), "{output:?}");
    // A filter that matches no test passes too.
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}");
    output
}

#[test]
fn memory_in_use_is_shown_by_stack_and_freed_memory_is_not() {
    if let Some(place) = std::env::var_os(PLACE) {
        let place = Path::new(&place);
        let kept = who_keeps_memory();
        who_frees_memory();
        let first = heap_profile::dump(place.join("heap.svg")).unwrap();
        let in_use = first.in_use.0 as usize;
        // An estimate: one sample in 4 KiB of 12.5 MiB.
        assert!(
            in_use > KEPT * SIZE / 2 && in_use < KEPT * SIZE * 2,
            "{first:?}"
        );
        // The names that the first one resolved are in the second.
        let second = heap_profile::dump(place.join("heap.pb.gz")).unwrap();
        assert!(second.in_use >= first.in_use, "{second:?}");
        drop(kept);
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let name = "memory_in_use_is_shown_by_stack_and_freed_memory_is_not";
    again(name, PROFILING, place.path());
    let graph = std::fs::read_to_string(place.path().join("heap.svg")).unwrap();
    assert!(graph.contains("<svg") && graph.contains("who_keeps_memory"));
    assert!(!graph.contains("who_frees_memory"));
    let unpacked = Command::new("gzip")
        .arg("-dc")
        .arg(place.path().join("heap.pb.gz"))
        .output()
        .unwrap();
    assert!(unpacked.status.success());
    let profile = String::from_utf8_lossy(&unpacked.stdout);
    assert!(profile.contains("inuse_space") && profile.contains("who_keeps_memory"));
    // The temporary files are gone.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
}

#[test]
fn a_program_without_profiling_gets_an_error_with_the_remedy() {
    let name = "a_program_without_profiling_gets_an_error_with_the_remedy";
    let Some(place) = std::env::var_os(PLACE) else {
        let place = tempfile::tempdir().unwrap();
        for settings in ["prof:false", "prof:true,prof_active:false"] {
            let output = again(name, settings, &place.path().join("heap.svg"));
            let text = String::from_utf8_lossy(&output.stdout);
            let wanted = match settings {
                "prof:false" => "_RJEM_MALLOC_CONF=prof:true",
                _ => "prof_active is false",
            };
            assert!(text.contains(wanted), "{text}");
        }
        return;
    };
    println!("{}", heap_profile::dump(place).unwrap_err());
}

/// The names in a directory, in order; none if it does not exist yet.
fn names(place: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn wait_until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As a user at a terminal would.
fn kill_oneself(signal: &str) {
    let command = format!("kill -{signal} {}", std::process::id());
    let sent = Command::new("sh").args(["-c", &command]).status();
    assert!(sent.is_ok_and(|status| status.success()), "{command}");
}

fn finding(kind: FindingKind, severity: Severity, at: Moment) -> Finding {
    Finding {
        kind,
        subject: FindingSubject::Process,
        severity,
        evidence: Evidence {
            value: 60.0,
            limit: 50.0,
            unit: Unit::Bytes,
            per_hour: None,
            text: "60 of 50".into(),
            sparse: None,
        },
        first_seen: at,
        last_seen: at,
        cleared: None,
        seen: 1,
        openings: 1,
    }
}

#[test]
fn a_signal_writes_a_profile_until_the_guard_is_dropped() {
    if let Some(place) = std::env::var_os(PLACE) {
        // It is created with the first profile.
        let place = Path::new(&place).join("heap");
        let kept = who_keeps_memory();
        let profiles = heap_profile::dump_on_signal(Signal::USR2, &place).unwrap();
        for count in 1..=2 {
            kill_oneself("USR2");
            wait_until("a profile is written", || {
                let statistics = profiles.statistics();
                assert_eq!(statistics.failed, 0, "{statistics:?}");
                statistics.written == count
            });
        }
        drop(profiles);
        wait_until("the thread ends", || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            // A thread may end between the listing and the read.
            let mut names = tasks
                .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
            !names.any(|name| name.trim_end() == "backstop-heap")
        });
        kill_oneself("USR2");
        drop(kept);
        println!("still there");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let name = "a_signal_writes_a_profile_until_the_guard_is_dropped";
    let output = again(name, PROFILING, place.path());
    assert!(String::from_utf8_lossy(&output.stdout).contains("still there"));
    let place = place.path().join("heap");
    let names = names(&place);
    assert_eq!(names.len(), 4, "{names:?}");
    for pair in names.chunks(2) {
        let stem = pair[0].strip_suffix("-signal.pb.gz").unwrap();
        assert!(stem.starts_with("heap-"), "{stem}");
        assert_eq!(pair[1], format!("{stem}-signal.svg"));
        let graph = std::fs::read_to_string(place.join(&pair[1])).unwrap();
        assert!(graph.contains("who_keeps_memory"));
    }
}

#[test]
fn profiles_are_written_for_severe_memory_alerts_and_limited() {
    if let Some(place) = std::env::var_os(PLACE) {
        use FindingKind::{GrowingHandles, GrowingMemory, MemoryNearLimit};
        use Severity::{Critical, High, Medium};
        use Transition::{Eased, Raised, Reminded, Resolved, Worsened};
        let place = Path::new(&place);
        let start = Moment::now();
        let kept = NonZeroUsize::new(2).unwrap();
        let mut sink = HeapProfiles::new(place).with_kept(kept);
        let steps = [
            (0, GrowingHandles, Critical, Raised, 0),
            (0, GrowingMemory, Medium, Raised, 0),
            (1, GrowingMemory, High, Raised, 1),
            (2, MemoryNearLimit, Critical, Worsened, 1),
            (60, GrowingMemory, High, Reminded, 1),
            (61, GrowingMemory, High, Eased, 1),
            (61, MemoryNearLimit, Critical, Resolved, 1),
            (61, GrowingMemory, High, Reminded, 2),
            (122, MemoryNearLimit, Critical, Raised, 2),
        ];
        let mut last = Vec::new();
        for (minutes, kind, severity, transition, profiles) in steps {
            let at = start.later(Duration::from_secs(60 * minutes));
            let told = sink.deliver(&Alert {
                serial: 1,
                transition,
                level: Level::from(severity),
                finding: finding(kind, severity, at),
                suggestions: Vec::new(),
                at,
                suppressed: 0,
                lost: 0,
            });
            told.unwrap();
            let now = names(place);
            assert_eq!(now.len(), 2 * profiles, "{minutes} {kind} {transition}");
            last = now;
        }
        // The one of the first minute was removed.
        let words: Vec<_> = last
            .iter()
            .map(|name| name.rsplit_once('-').unwrap().1)
            .collect();
        assert_eq!(
            words,
            ["error.pb.gz", "error.svg", "critical.pb.gz", "critical.svg"]
        );
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let name = "profiles_are_written_for_severe_memory_alerts_and_limited";
    again(name, PROFILING, place.path());
}

#[test]
fn a_service_takes_a_profile_when_memory_is_near_its_limit() {
    if let Some(place) = std::env::var_os(PLACE) {
        let kept = who_keeps_memory();
        let mut settings = Settings::default();
        settings.set("alert.memory-threshold", "1MB").unwrap();
        settings.set("alert.memory-limit", "2MB").unwrap();
        let builder = Service::builder().heap_profiles(&place);
        let service = builder.start(settings.checked().unwrap()).unwrap();
        // A pair: the flame graph comes last.
        wait_until("a profile is written", || {
            let names = names(Path::new(&place));
            names.iter().any(|name| name.ends_with("-critical.svg"))
        });
        drop(service);
        drop(kept);
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let name = "a_service_takes_a_profile_when_memory_is_near_its_limit";
    again(name, PROFILING, place.path());
    let names = names(place.path());
    assert_eq!(names.len(), 2, "{names:?}");
    let graph = std::fs::read_to_string(place.path().join(&names[1])).unwrap();
    assert!(graph.contains("who_keeps_memory"));
}

#[test]
fn without_profiling_alerts_and_signals_report_it_and_the_program_continues() {
    if let Some(place) = std::env::var_os(PLACE) {
        let place = Path::new(&place).join("heap");
        let wanted = "_RJEM_MALLOC_CONF=prof:true";
        assert!(
            heap_profile::check()
                .unwrap_err()
                .to_string()
                .contains(wanted)
        );

        let profiles = heap_profile::dump_on_signal(Signal::USR2, &place).unwrap();
        kill_oneself("USR2");
        wait_until("the signal is answered", || {
            profiles.statistics().failed == 1
        });
        let error = profiles.statistics().last_error.unwrap();
        assert!(error.contains(wanted), "{error}");

        let sink = HeapProfiles::new(&place);
        let alerts = Alerts::builder().sink("heap profiles", sink);
        let alerts = alerts.start().unwrap();
        let at = Moment::now();
        let finding = finding(FindingKind::GrowingMemory, Severity::High, at);
        alerts.clone().observe(&Observation {
            sample: Sample {
                at,
                disturbances: Vec::new(),
                left_out: Vec::new(),
                process: ProcessSample::default(),
                system: None,
                ledger: None,
            },
            changes: vec![Change::Opened(finding.clone())],
            open: vec![finding],
        });
        assert!(alerts.flush(Deadline::after(PATIENCE)));
        let statistics = alerts.statistics();
        let [told] = &statistics.sinks[..] else {
            panic!("{statistics:?}");
        };
        assert_eq!((told.delivered, told.lost), (0, 1));
        let error = told.last_error.as_deref().unwrap();
        assert!(error.contains(wanted), "{error}");
        assert!(!place.exists());
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let name = "without_profiling_alerts_and_signals_report_it_and_the_program_continues";
    again(name, "prof:false", place.path());
}
