//! Finding what a recipe names, and proving its identity.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use backstop_os::directory::Directory;
use backstop_os::files::{LockAttempt, Removal, RemovalRefusal};
use backstop_os::identity::FileIdentity;
use backstop_os::{lock, user};

use crate::place::recipe::{EntryForm, EntryRecipe};
use crate::place::removal::{Doomed, is_same};
use crate::reclaim::{Authority, Judgement, Orphan};
use crate::resource::Deadline;

/// The result of a search.
pub(super) enum Finding {
    /// Nothing is to be done, for this reason.
    Settled(Judgement),
    /// It is there, and it is the recorded one.
    Proven(Box<Proven>),
}

/// An entry that is proven to be the recorded one.
pub(super) struct Proven {
    recipe: EntryRecipe,
    directory: Directory,
    /// What is to be removed: the recorded file, or the one that was found under a proven name.
    identity: Option<FileIdentity>,
    pub(super) evidence: Vec<String>,
    /// Held until it is removed, so that no other cleaner interferes.
    _locks: Vec<std::fs::File>,
}

impl Proven {
    pub(super) fn path(&self) -> PathBuf {
        self.recipe.path()
    }

    /// Removes it with all that is in it, for its dead owner.
    ///
    /// # Errors
    /// It is another file by now, or the system refused before anything was removed.
    pub(super) fn remove(
        &self,
        _authority: &Authority<'_>,
        deadline: Deadline,
    ) -> Result<Removal, RemovalRefusal> {
        self.doomed().remove(deadline)
    }

    fn doomed(&self) -> Doomed<'_> {
        Doomed {
            directory: &self.directory,
            name: &self.recipe.name,
            cookie: self.recipe.cookie,
            identity: self.identity.as_ref(),
        }
    }
}

/// A leased root whose lock is held once for all of its entries: taken for each, they would exclude one
/// another.
pub(super) struct HeldRoot {
    identity: FileIdentity,
    _lock: std::fs::File,
}

impl HeldRoot {
    /// Acquires the lock of the root that an entry is in; `None` if that is not a leased root, if another
    /// process holds the lock, or if the root cannot be distinguished from a successor.
    pub(super) fn of(recipe: &EntryRecipe) -> Option<Self> {
        let path = recipe.directory.to_path();
        let root = Directory::open(&path).ok().filter(|_| recipe.leased)?;
        let identity = root.identity().ok().filter(FileIdentity::is_strong)?;
        let lock = unlocked(&root, &path, &mut Vec::new()).ok().flatten()?;
        Some(Self {
            identity,
            _lock: lock,
        })
    }
}

/// Searches for the entry of an orphan, in a root that is held or that it locks itself. Changes nothing but
/// locks, which it releases again.
pub(super) fn find(orphan: &Orphan<'_>, held: Option<&HeldRoot>) -> Finding {
    match look(orphan, held) {
        Ok(proven) => Finding::Proven(Box::new(proven)),
        Err(judgement) => Finding::Settled(judgement),
    }
}

/// An early end is a verdict, hence in place of an error.
fn look(orphan: &Orphan<'_>, held: Option<&HeldRoot>) -> Result<Proven, Judgement> {
    let recipe: EntryRecipe = orphan
        .read_recipe()
        .map_err(|error| Judgement::keep(error.chain()))?;
    if !recipe.name_carries_cookie() {
        return Err(Judgement::keep(
            "the recorded name does not carry the recorded cookie",
        ));
    }
    let is_root = recipe.form == EntryForm::Root;
    if is_root && recipe.cookie != orphan.owner.cookie {
        return Err(Judgement::keep(
            "the root's cookie is not that of the ledger's owner",
        ));
    }
    let mut evidence = Vec::new();
    let mut locks = Vec::new();
    let directory = directory_of(&recipe, held, &mut evidence, &mut locks)?;
    let mut proven = Proven {
        identity: recipe.identity.clone(),
        recipe,
        directory,
        evidence,
        _locks: Vec::new(),
    };
    match proven
        .directory
        .stat_beneath(OsStr::new(&proven.recipe.name))
    {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let doomed = proven.doomed();
            let hidden = |error: io::Error| cannot_look(&proven.path(), &error);
            let unfinished = if doomed.is_in_quarantine().map_err(hidden)? {
                "an earlier removal moved it into the quarantine of its cookie and did not end"
            } else if doomed.has_quarantine().map_err(hidden)? {
                "an earlier removal removed it, and left the empty quarantine of its cookie"
            } else {
                return Err(Judgement::gone(format!(
                    "{} does not exist",
                    proven.path().display()
                )));
            };
            proven.evidence.push(unfinished.to_owned());
        }
        Err(error) => return Err(cannot_look(&proven.path(), &error)),
        Ok(stat) => {
            if stat.is_mount_root == Some(true) {
                return Err(Judgement::keep(format!(
                    "something is mounted on {}",
                    proven.path().display()
                )));
            }
            let us = user::effective_id();
            if stat.owner != us {
                return Err(Judgement::keep(format!(
                    "it belongs to user {}, and not to {us}",
                    stat.owner
                )));
            }
            prove(&mut proven)?;
            if is_root {
                let root = proven
                    .directory
                    .open_beneath(OsStr::new(&proven.recipe.name))
                    .map_err(|error| cannot_look(&proven.path(), &error))?;
                locks.extend(unlocked(&root, &proven.path(), &mut proven.evidence)?);
            }
        }
    }
    proven._locks = locks;
    Ok(proven)
}

/// Opens the directory in which the entry was, and returns what is known of it.
fn directory_of(
    recipe: &EntryRecipe,
    held: Option<&HeldRoot>,
    evidence: &mut Vec<String>,
    locks: &mut Vec<std::fs::File>,
) -> Result<Directory, Judgement> {
    let path = recipe.directory.to_path();
    let what = if recipe.leased { "root" } else { "directory" };
    let directory = match Directory::open(&path) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Judgement::gone(format!(
                "the {what} {} does not exist",
                path.display()
            )));
        }
        Err(error) => return Err(cannot_look(&path, &error)),
    };
    let found = directory
        .identity()
        .map_err(|error| cannot_look(&path, &error))?;
    let recorded = &recipe.directory_identity;
    if is_same(recorded, &found) {
        evidence.push(format!(
            "the {what} {} is the recorded one ({})",
            path.display(),
            by_what(&found)
        ));
    } else if directory
        .stat_beneath(OsStr::new(&recipe.name))
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    {
        return Err(Judgement::gone(format!(
            "the {what} {} was replaced, and {} is not in the new one",
            path.display(),
            recipe.name
        )));
    } else if recipe.leased
        || !recipe
            .identity
            .as_ref()
            .is_some_and(FileIdentity::is_strong)
    {
        // Nothing else would prove its content.
        return Err(replaced(what, &path, recorded, &found));
    }
    if recipe.leased {
        directory
            .require_private()
            .map_err(|error| Judgement::keep(format!("the root {}: {error}", path.display())))?;
        if held.is_some_and(|held| held.identity == found) {
            evidence.push(format!(
                "no other process holds the lock of {}",
                path.display()
            ));
        } else {
            locks.extend(unlocked(&directory, &path, evidence)?);
        }
    }
    Ok(directory)
}

/// Compares what has the name with what was recorded.
fn prove(proven: &mut Proven) -> Result<(), Judgement> {
    let path = proven.path();
    let found = proven
        .directory
        .identity_beneath(OsStr::new(&proven.recipe.name))
        .map_err(|error| cannot_look(&path, &error))?;
    let cookie = proven.recipe.cookie;
    match &proven.recipe.identity {
        Some(recorded) if !is_same(recorded, &found) => {
            return Err(replaced("entry", &path, recorded, &found));
        }
        Some(recorded) if recorded.is_strong() => proven.evidence.push(format!(
            "{} is the recorded one ({})",
            path.display(),
            by_what(recorded)
        )),
        Some(_) => proven.evidence.push(format!(
            "the file system has no file handles: device, inode and birth time are equal, and the name \
             carries the cookie {cookie}"
        )),
        None => {
            proven.evidence.push(format!(
                "only the intent was written: the name carries its cookie {cookie}"
            ));
            // Only the entry found now is removed, and not one that takes its name meanwhile.
            proven.identity = Some(found);
        }
    }
    Ok(())
}

/// Takes the lock of a leased root. Its owner is dead; the kernel drops its locks one after the other,
/// so that a guardian woken by the ledger's can come a moment too early for this one.
fn unlocked(
    root: &Directory,
    path: &std::path::Path,
    evidence: &mut Vec<String>,
) -> Result<Option<std::fs::File>, Judgement> {
    const LONGEST: Duration = Duration::from_secs(1);
    let began = Instant::now();
    let file = root
        .open_again()
        .map_err(|error| cannot_look(path, &error))?;
    loop {
        match lock::try_exclusive(&file) {
            Ok(LockAttempt::Won) => break,
            Ok(LockAttempt::Held) if began.elapsed() < LONGEST => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(LockAttempt::Held) => {
                return Err(Judgement::Keep {
                    reason: format!(
                        "another process holds the lock of the root {}",
                        path.display()
                    ),
                    holder: None,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                evidence.push("the file system has no locks: the ledger's is the proof".to_owned());
                return Ok(None);
            }
            Err(error) => return Err(cannot_look(path, &error)),
        }
    }
    evidence.push(format!("no process holds the lock of {}", path.display()));
    Ok(Some(file))
}

fn by_what(identity: &FileIdentity) -> String {
    match &identity.handle {
        Some((_, bytes)) => format!("handle, {} bytes equal", bytes.len()),
        None => "device, inode and birth time equal; no handle".to_owned(),
    }
}

fn replaced(
    what: &str,
    path: &std::path::Path,
    recorded: &FileIdentity,
    found: &FileIdentity,
) -> Judgement {
    Judgement::keep(format!(
        "the {what} {} was replaced: inode {} was recorded, inode {} is there{}",
        path.display(),
        recorded.inode,
        found.inode,
        if recorded.inode == found.inode {
            ", of another generation"
        } else {
            ""
        }
    ))
}

fn cannot_look(path: &std::path::Path, error: &io::Error) -> Judgement {
    Judgement::keep(format!("{} cannot be inspected: {error}", path.display()))
}
