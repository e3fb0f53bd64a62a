//! A real program that misbehaves, with a real browser.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use backstop_os::process_table;
use backstop_testkit::{Suite, skip};
use serde_json::Value;
use stage::Stage;

fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    })
}

#[test]
fn a_killed_script_with_a_browser_leaves_nothing_and_all_of_it_is_named() {
    for program in ["chromedriver", "chromium", "python3"] {
        if !has(program) {
            skip(Suite::Browser, &format!("{program} is not installed"));
            return;
        }
    }
    let stage = Stage::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/misbehaves.py");
    let report = stage.path("work/report.json");
    let finished = stage.run(&[
        "run",
        "--report",
        report.to_str().unwrap(),
        "--",
        "python3",
        script,
    ]);
    assert_eq!(finished.code, Some(137), "{finished:?}");
    let facts: Value =
        serde_json::from_slice(&std::fs::read(stage.path("work/facts.json")).unwrap()).unwrap();

    // The summary names it: processes by number and name, both ports, the files.
    let text = &finished.stderr;
    for number in ["driver", "server", "driver_port", "server_port"] {
        let number = facts[number].to_string();
        assert!(text.contains(&number), "{number} is not in {text}");
    }
    for word in [
        "chromedriver",
        "http.server",
        "left behind, and gone now",
        "temp files",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let account: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let processes = account["processes"].as_array().unwrap();
    assert!(
        processes
            .iter()
            .any(|process| process["pid"] == facts["browser"]),
        "{account}"
    );
    assert!(
        processes.len() >= 6,
        "a browser is many processes: {account}"
    );
    assert!(
        account["files"]["files"].as_u64().unwrap() >= 40,
        "{account}"
    );

    // And it is gone.
    for process in processes {
        let pid = process["pid"].as_i64().unwrap() as i32;
        assert!(
            process_table::stat(pid).is_err(),
            "{process} is still there"
        );
    }
    for port in ["driver_port", "server_port"] {
        let port = facts[port].as_u64().unwrap() as u16;
        assert!(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(),
            "port {port} answers"
        );
    }
    for place in ["temp", "profile"] {
        assert!(
            !Path::new(facts[place].as_str().unwrap()).exists(),
            "{facts}"
        );
    }
    assert_eq!(account["stuck"].as_array().unwrap().len(), 0, "{account}");
    assert_eq!(stage.left(), [] as [String; 0]);
}
