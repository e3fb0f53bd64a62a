//! Named memory states and what changed between them.

use std::io;

use backstop_core::monitor::{Dumps, MemoryState};
use backstop_core::release::{Backstop, Owned, Tracked, Tracking};
use backstop_core::resource::{Bytes, Footprint, Kind};

const PAGE: Kind = Kind::new("test.page");
const PORT: Kind = Kind::new("test.port");

fn dumps() -> (Backstop, Dumps) {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    (backstop, Dumps::new(backstop))
}

fn page(backstop: Backstop) -> Tracked<Owned<()>> {
    let owned = Owned::new(PAGE, "page", (), |()| Ok::<_, io::Error>(()));
    backstop.track(owned.with_footprint(Footprint::bytes(Bytes(1000))))
}

fn port(backstop: Backstop) -> Tracked<Owned<()>> {
    backstop.track_with(PORT, "port", (), |()| Ok::<_, io::Error>(()))
}

#[test]
fn opened_released_and_left_resources_are_listed_by_kind_and_site() {
    let (backstop, dumps) = dumps();
    let mut old: Vec<_> = (0..5).map(|_| page(backstop)).collect();
    dumps.dump("before");
    old.truncate(3);
    let new: Vec<_> = (0..4).map(|_| page(backstop)).collect();
    for _ in 0..10 {
        drop(port(backstop));
    }
    dumps.dump("after");
    let comparison = dumps.compare("before", "after").unwrap();
    let [pages, ports] = &comparison.kinds[..] else {
        panic!("{comparison:?}");
    };
    assert_eq!((pages.opened, pages.gone, pages.left), (4, 2, 4));
    assert_eq!((pages.open.before, pages.open.after), (5, 7));
    assert_eq!(pages.bytes.difference(), 2000);
    assert_eq!((ports.opened, ports.gone, ports.left), (10, 10, 0));
    let [site] = &comparison.sites[..] else {
        panic!("{comparison:?}");
    };
    assert_eq!((site.gone, site.left), (2, 4));
    assert!(site.site.contains("dumps.rs:"));
    assert!(comparison.is_exact);
    let text = comparison.to_string();
    assert!(
        text.contains("before → after") && text.contains("test.page"),
        "{text}"
    );
    let json = serde_json::to_value(&comparison).unwrap();
    assert_eq!(json["kinds"][0]["left"], 4);
    drop((old, new));
}

#[test]
fn memory_and_handles_are_compared() {
    let (_, dumps) = dumps();
    dumps.dump("before");
    let block = vec![7_u8; 64 << 20];
    let files: Vec<_> = (0..200)
        .map(|_| std::fs::File::open("/dev/null").unwrap())
        .collect();
    dumps.dump("after");
    let comparison = dumps.compare("before", "after").unwrap();
    assert!(comparison.resident.difference() > 60 << 20, "{comparison}");
    // glibc tells since 2.33.
    if let Some(heap) = comparison.heap_in_use {
        assert!(heap.difference() > 60 << 20, "{comparison}");
    }
    assert!(
        comparison.handles.unwrap().difference() > 100,
        "{comparison}"
    );
    drop((block, files));
}

#[test]
fn states_beyond_the_last_are_dropped_and_the_error_says_so() {
    let (_, dumps) = dumps();
    for number in 0..=Dumps::KEPT {
        dumps.dump(number.to_string());
        dumps.dump(number.to_string());
    }
    assert_eq!((dumps.states().len(), dumps.dropped()), (Dumps::KEPT, 1));
    let error = dumps.compare("0", "1").unwrap_err().to_string();
    assert!(
        error.contains("name 0") && error.contains("dropped 1"),
        "{error}"
    );
}

#[test]
fn more_than_can_be_listed_are_compared_by_number_and_that_is_disclosed() {
    let (backstop, dumps) = dumps();
    let many: Vec<_> = (0..MemoryState::LISTED).map(|_| page(backstop)).collect();
    dumps.dump("before");
    let more: Vec<_> = (0..10).map(|_| page(backstop)).collect();
    let after = dumps.dump("after");
    assert_eq!(after.unlisted, 10);
    let comparison = dumps.compare("before", "after").unwrap();
    assert!(!comparison.is_exact);
    assert_eq!(
        (comparison.kinds[0].opened, comparison.sites[0].left),
        (10, 10)
    );
    drop((many, more));
}
