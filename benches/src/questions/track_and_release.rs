//! What does it cost to track a resource and release it, crash-safe, on one thread?

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use backstop_benches::hot_path;
use backstop_benches::tracker::Tracker;
use dashmap::DashMap;

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, in_turn, nanoseconds_each};
use crate::peer;

pub(crate) const NAME: &str = "track_and_release";

/// What a slot of the ledger holds, as a value of a map.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) _kind: &'static str,
    pub(super) _label: &'static str,
    pub(super) _site: &'static std::panic::Location<'static>,
    pub(super) _bytes: u64,
    pub(super) _opened: u64,
}

/// Inserts a record and removes it, `times` times.
#[track_caller]
pub(super) fn insert_and_remove(map: &DashMap<u64, Record>, first: u64, times: u64) {
    let site = std::panic::Location::caller();
    for key in first..first + times {
        let record = Record {
            _kind: "bench.flag",
            _label: "flag",
            _site: site,
            _bytes: 0,
            _opened: key,
        };
        map.insert(key, black_box(record));
        black_box(map.remove(&key));
    }
}

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let rounds = effort.pick(9, 25);
    let times = effort.pick(200_000, 1_000_000);
    let tracker = Tracker::start()?;
    let backstop = tracker.backstop();
    let map = DashMap::new();
    // For the whole process, as a program sets it: a subscriber of one thread costs more.
    tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
    let mut socket = echo()?;

    let mut ours = || {
        Ok(nanoseconds_each(times, |times| {
            hot_path::track_and_release(backstop, times);
        }))
    };
    let mut dashmap = || {
        Ok(nanoseconds_each(times, |times| {
            insert_and_remove(&map, 0, times);
        }))
    };
    let mut span = || Ok(nanoseconds_each(times, enter_and_close_spans));
    let mut record = || {
        let mut sent = Ok(());
        let took = nanoseconds_each(times / 200, |times| sent = send_records(&mut socket, times));
        sent?;
        Ok(took)
    };
    let series = in_turn(
        rounds,
        &mut [&mut ours, &mut dashmap, &mut span, &mut record],
    )?;

    let unit = "ns";
    let figure = Figure::ours("backstop, ledger in a file", &series[0], unit);
    let peers = [
        Figure::of(
            "dashmap insert + remove (not crash-safe)",
            peer::library("dashmap"),
            &series[1],
            unit,
        ),
        Figure::of(
            "tracing span (not crash-safe)",
            peer::library("tracing-subscriber"),
            &series[2],
            unit,
        ),
        Figure::of(
            "record over a loopback socket, acknowledged",
            "this kernel",
            &series[3],
            unit,
        ),
    ];
    let ratio = Ratio::of(&series[0], &series[1]);
    Ok(vec![
        Answer::new(NAME, figure)
            .peers(peers)
            .against("dashmap", ratio)
            .goal(Goal::AtMost(1.0))
            .note("for information: about 50 ns on a machine on which dashmap takes as long"),
    ])
}

fn enter_and_close_spans(times: u64) {
    for opened in 0..times {
        let span = tracing::info_span!("resource", kind = "bench.flag", opened);
        drop(black_box(span.enter()));
    }
}

/// A connection whose other end answers each record with a byte.
fn echo() -> anyhow::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    thread::spawn(move || {
        let mut record = [0; 64];
        while far.read_exact(&mut record).is_ok() && far.write_all(&[1]).is_ok() {}
    });
    Ok(near)
}

fn send_records(socket: &mut TcpStream, times: u64) -> std::io::Result<()> {
    let record = [7; 64];
    for _ in 0..times {
        socket.write_all(&record)?;
        socket.read_exact(&mut [0])?;
    }
    Ok(())
}
