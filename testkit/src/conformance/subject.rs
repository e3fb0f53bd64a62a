//! What the suite needs to know of an adapter.

use std::any::Any;
use std::path::Path;

use backstop_core::Backstop;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::Tracked;
use backstop_core::resource::{Presence, TrackedResource};

/// One kind of resource of an adapter, as the conformance suite meets it.
///
/// The suite passes nothing to the adapter and trusts none of its answers: it opens real resources and finds
/// them by [`look`](Self::look), which must not go through the adapter. What that needs is a
/// *trace*, a line of text such as a path or `pid start-time`, because the suite also finds what
/// another process opened.
///
/// # Examples
/// ```no_run
/// use std::path::Path;
/// use backstop_core::Backstop;
/// use backstop_core::release::{Owned, Tracked};
/// use backstop_core::resource::{Kind, Presence};
/// use backstop_testkit::conformance::{self, Subject};
///
/// struct Directories;
///
/// impl Subject for Directories {
///     type Resource = Owned<std::path::PathBuf>;
///
///     fn name(&self) -> &'static str {
///         "example.dir"
///     }
///     #[track_caller]
///     fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<Self::Resource> {
///         let path = place.join(format!("{:?}", std::time::Instant::now()));
///         std::fs::create_dir(&path).unwrap();
///         let label = path.display().to_string();
///         backstop.track_with(Kind::new("example.dir"), label, path, std::fs::remove_dir)
///     }
///     fn trace(&self, resource: &Self::Resource) -> String {
///         use backstop_core::resource::TrackedResource;
///         resource.label().into_owned()
///     }
///     fn look(&self, trace: &str) -> Presence {
///         match Path::new(trace).exists() {
///             true => Presence::present(trace),
///             false => Presence::Gone,
///         }
///     }
/// }
///
/// // In tests/conformance.rs, in a #[test] function:
/// conformance::check(&Directories);
/// ```
pub trait Subject: Send + Sync {
    /// The resource.
    type Resource: TrackedResource;

    /// The suite's name, unique in the test: by custom the kind.
    fn name(&self) -> &'static str;

    /// Opens a new real resource and tracks it in `backstop`. What it needs on disk goes into `place`,
    /// a private directory that the suite takes away afterwards.
    ///
    /// Mark it `#[track_caller]` only if the adapter's own function is called from elsewhere than the
    /// test's file: the suite demands that the site is in the file that called
    /// [`check`](super::check), to catch an adapter that records its own lines.
    fn open(&self, backstop: &Backstop, place: &Path) -> Tracked<Self::Resource>;

    /// One line of text by which [`look`](Self::look) finds the resource, in any process.
    fn trace(&self, resource: &Self::Resource) -> String;

    /// Checks for it without the adapter. `Unknown` where it cannot be seen from the calling process;
    /// behaviours that depend on it are then reported as not applicable.
    fn look(&self, trace: &str) -> Presence;

    /// Whether another process can release it: such an adapter announces it by an intent, writes a
    /// recipe and knows its reclaimer. Default: no, it dies with its process.
    fn has_recipe(&self) -> bool {
        false
    }

    /// The adapter's reclaimers. Default: none.
    fn reclaimers(&self) -> Reclaimers {
        Reclaimers::new()
    }

    /// Destroys it without the adapter, as an `rm -r` or a `kill -9` by another user would; true if
    /// that was done. Used for "already gone", and to clean up what was dismissed. Default: not done.
    fn destroy(&self, trace: &str) -> bool {
        let _ = trace;
        false
    }

    /// Makes every release of it stuck until the value is dropped, if this kind can be held: an open
    /// transaction, a mount, a thread that does not listen. Default: it cannot.
    fn hold(&self, resource: &Tracked<Self::Resource>) -> Option<Box<dyn Any>> {
        let _ = resource;
        None
    }

    /// What is left of resources opened in `place`, by any process and in any state: the
    /// search after an owner was killed while it opened or released. Default: what is left in `place`
    /// itself; a kind that lives elsewhere checks there.
    fn leftovers(&self, place: &Path) -> Vec<String> {
        std::fs::read_dir(place)
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .map(|entry| entry.path().display().to_string())
            .collect()
    }
}
