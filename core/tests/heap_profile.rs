//! Heap profiles, in a program whose allocator is jemalloc.

use std::hint::black_box;
use std::process::Command;

use backstop_core::monitor::heap_profile;

#[global_allocator]
static ALLOCATOR: heap_profile::Allocator = heap_profile::ALLOCATOR;

/// Set in the process that profiles itself: where it writes to.
const PLACE: &str = "BACKSTOP_TEST_PROFILE_PLACE";

const KEPT: usize = 200;
const SIZE: usize = 64 * 1024;

#[inline(never)]
fn who_keeps_memory() -> Vec<Vec<u8>> {
    (0..KEPT).map(|_| black_box(vec![7_u8; SIZE])).collect()
}

#[inline(never)]
fn who_frees_memory() {
    for _ in 0..KEPT {
        drop(black_box(vec![7_u8; SIZE]));
    }
}

/// Runs this test again, with jemalloc set up so.
fn again(test: &str, settings: &str, place: &std::path::Path) -> std::process::Output {
    let program = std::env::current_exe().expect("a program has a path");
    Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads", "1"])
        .env("_RJEM_MALLOC_CONF", settings)
        .env(PLACE, place)
        .output()
        .expect("the test's own program starts")
}

#[test]
fn what_is_in_use_is_shown_by_stack_and_what_was_freed_is_not() {
    if let Some(place) = std::env::var_os(PLACE) {
        let place = std::path::Path::new(&place);
        let kept = who_keeps_memory();
        who_frees_memory();
        let first = heap_profile::dump(place.join("heap.svg")).unwrap();
        let in_use = first.in_use.0 as usize;
        // An estimate: one sample in 4 KiB of 12.5 MiB.
        assert!(
            in_use > KEPT * SIZE / 2 && in_use < KEPT * SIZE * 2,
            "{first:?}"
        );
        // The names that the first one looked up are in the second.
        let second = heap_profile::dump(place.join("heap.pb.gz")).unwrap();
        assert!(second.in_use >= first.in_use, "{second:?}");
        drop(kept);
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let name = "what_is_in_use_is_shown_by_stack_and_what_was_freed_is_not";
    let output = again(name, "prof:true,lg_prof_sample:12", place.path());
    assert!(output.status.success(), "{output:?}");
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
    // What was written on the way is gone.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
}

#[test]
fn a_program_without_profiling_is_told_how_to_start_it() {
    let name = "a_program_without_profiling_is_told_how_to_start_it";
    let Some(place) = std::env::var_os(PLACE) else {
        let place = tempfile::tempdir().unwrap();
        for settings in ["prof:false", "prof:true,prof_active:false"] {
            let output = again(name, settings, &place.path().join("heap.svg"));
            assert!(output.status.success(), "{output:?}");
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
