//! The bookkeeping of a quota.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use backstop_core::error::{Error, ErrorKind, Retry, Stage};
use backstop_core::place::LeasedEntry;
use backstop_core::release::Scope;
use backstop_core::resource::{Bytes, ResourceId};
use parking_lot::Mutex;
use serde::Serialize;

/// A byte limit shared by temp files and directories.
///
/// A cheap handle: clones are the same quota.
///
/// # Guarantees
/// Writing through [`LimitedAccess`](crate::LimitedAccess) beyond the limit is refused before anything is written.
///
/// # When it does not hold
/// Bytes written by child processes and other libraries are seen only when they are counted: by
/// [`check`](Self::check), and before a write is refused. A directory counts as the disk space allocated
/// to its files, in whole blocks.
///
/// # Examples
/// ```
/// use std::io::Write;
/// use backstop_core::resource::Bytes;
/// use backstop_tempfs::{TempOptions, quota::Quota};
///
/// let quota = Quota::new("import", Bytes(1000));
/// let file = TempOptions::new().quota(&quota).create_file()?;
/// file.access().write_all(&[0; 900])?;
/// let refused = file.access().write_all(&[0; 200]).unwrap_err();
/// assert_eq!(refused.kind(), std::io::ErrorKind::QuotaExceeded);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Quota(Arc<Account>);

#[derive(Debug)]
struct Account {
    name: String,
    limit: Bytes,
    scope: Option<ResourceId>,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    next: u64,
    all: BTreeMap<u64, Member>,
}

#[derive(Debug)]
struct Member {
    path: PathBuf,
    /// Weak, because counting must not keep an entry from being removed.
    entry: Weak<LeasedEntry>,
    bytes: u64,
    /// The sum of all charges so far: shows what was written while a count was running.
    charged: u64,
}

/// The usage of a quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaUsage {
    /// The quota's name.
    pub name: String,
    /// The limit.
    pub limit: Bytes,
    /// Bytes in use.
    pub used: Bytes,
    /// Its members, the largest first.
    pub members: Vec<(PathBuf, Bytes)>,
}

/// One temp file or directory under a quota, until the last of its writers is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Membership(Arc<Seat>);

#[derive(Debug)]
struct Seat {
    quota: Quota,
    number: u64,
}

/// Bytes that were charged and are not yet written.
#[must_use = "bytes that were not written are returned by `settle`"]
pub(crate) struct Charge<'a> {
    seat: &'a Seat,
    bytes: u64,
}

/// How many members an error names.
const NAMED: usize = 5;

impl Quota {
    /// A quota of `limit` bytes, with a name for errors.
    #[must_use]
    pub fn new(name: impl Into<String>, limit: Bytes) -> Self {
        Self::build(name.into(), limit, None)
    }

    /// A quota of `limit` bytes for a scope. Entries created under it belong to the scope in the ledger.
    #[must_use]
    pub fn of_scope(scope: &Scope, limit: Bytes) -> Self {
        Self::build(scope.name().to_owned(), limit, scope.id())
    }

    fn build(name: String, limit: Bytes, scope: Option<ResourceId>) -> Self {
        Self(Arc::new(Account {
            name,
            limit,
            scope,
            members: Mutex::default(),
        }))
    }

    pub(crate) fn scope(&self) -> Option<ResourceId> {
        self.0.scope
    }

    /// The known usage, without reading the disk.
    #[must_use]
    pub fn used(&self) -> Bytes {
        Bytes(self.0.members.lock().total())
    }

    /// Counts all members on the disk.
    #[must_use]
    pub fn count(&self) -> QuotaUsage {
        // Counted without the lock: a large directory takes a while, and its writers must not wait.
        let looks: Vec<_> = {
            let members = self.0.members.lock();
            let look = |(number, member): (&u64, &Member)| {
                Some((*number, member.entry.upgrade()?, member.charged))
            };
            members.all.iter().filter_map(look).collect()
        };
        for (number, entry, before) in looks {
            let Some(bytes) = entry.bytes() else {
                continue;
            };
            if let Some(member) = self.0.members.lock().all.get_mut(&number) {
                // Bytes charged meanwhile may be missing from the count, so they are added.
                member.bytes = bytes.saturating_add(member.charged - before);
            }
        }
        self.usage()
    }

    /// Counts all members, and compares with the limit.
    ///
    /// # Errors
    /// The limit is exceeded; the error names limit, use and the largest members.
    pub fn check(&self) -> Result<QuotaUsage, Error> {
        let usage = self.count();
        if usage.used > usage.limit {
            return Err(usage.exceeded());
        }
        Ok(usage)
    }

    fn usage(&self) -> QuotaUsage {
        let state = self.0.members.lock();
        let size = |member: &Member| (member.path.clone(), Bytes(member.bytes));
        let mut members: Vec<_> = state.all.values().map(size).collect();
        members.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        QuotaUsage {
            name: self.0.name.clone(),
            limit: self.0.limit,
            used: Bytes(state.total()),
            members,
        }
    }

    pub(crate) fn admit(&self, entry: &Arc<LeasedEntry>) -> Membership {
        let mut members = self.0.members.lock();
        let number = members.next;
        members.next += 1;
        let member = Member {
            path: entry.path().to_owned(),
            entry: Arc::downgrade(entry),
            bytes: 0,
            charged: 0,
        };
        members.all.insert(number, member);
        drop(members);
        Membership(Arc::new(Seat {
            quota: self.clone(),
            number,
        }))
    }
}

impl QuotaUsage {
    fn exceeded(&self) -> Error {
        let message = "the quota of temp files is exceeded";
        let error = Error::new(ErrorKind::Limit, Stage::Use, message)
            .retry(Retry::Never)
            .with("quota", &self.name)
            .with("limit", self.limit)
            .with("used", self.used);
        self.members
            .iter()
            .take(NAMED)
            .fold(error, |error, (path, bytes)| {
                error.with("of it", format_args!("{bytes} {}", path.display()))
            })
    }
}

impl Members {
    fn total(&self) -> u64 {
        self.all
            .values()
            .fold(0, |total, member| total.saturating_add(member.bytes))
    }
}

impl Membership {
    /// Charges bytes that are about to be written.
    ///
    /// # Errors
    /// They would exceed the limit, also after a new count of the disk.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Charge<'_>, Error> {
        let seat = &*self.0;
        if !seat.try_charge(bytes) {
            // Something may have been removed since it was charged.
            let usage = seat.quota.count();
            if !seat.try_charge(bytes) {
                return Err(usage.exceeded().with("wanted", Bytes(bytes)));
            }
        }
        Ok(Charge { seat, bytes })
    }
}

impl Seat {
    fn try_charge(&self, bytes: u64) -> bool {
        let mut members = self.quota.0.members.lock();
        // Zero bytes always pass: overwriting is allowed when others have exceeded the limit.
        if bytes > 0 && members.total().saturating_add(bytes) > self.quota.0.limit.0 {
            return false;
        }
        if let Some(member) = members.all.get_mut(&self.number) {
            member.bytes = member.bytes.saturating_add(bytes);
            member.charged = member.charged.saturating_add(bytes);
        }
        true
    }
}

impl Charge<'_> {
    /// Returns what was charged beyond what the file grew.
    pub(crate) fn settle(self, grown: u64) {
        let surplus = self.bytes.saturating_sub(grown);
        let mut members = self.seat.quota.0.members.lock();
        if surplus > 0
            && let Some(member) = members.all.get_mut(&self.seat.number)
        {
            member.bytes = member.bytes.saturating_sub(surplus);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.quota.0.members.lock().all.remove(&self.number);
    }
}
