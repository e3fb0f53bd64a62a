//! Process trees of any kind: one child with everything that it starts, contained, released as a whole,
//! and reclaimed by any program after its owner was killed.
//!
//! Takes a command and how its tree is to be held together; returns a [`ContainedChild`], which an adapter
//! wraps or tracks as it is. What is written in the ledger is a [`TreeRecipe`] of the form `tree/1`, so
//! that a [`TreeReclaimer`] needs to know nothing of the kind.
//!
//! A process belongs to the tree if it is in the tree's cgroup, carries the tree's cookie in its
//! environment, was found to belong to it before, or descends from one of these. That a process shows no
//! cookie proves nothing: of the 12 processes of a Chromium session 4 do.

mod contained_child;

mod containment;
mod leader;
mod recipe;

mod plan;
mod spawn;

mod kill;
mod release;

mod batch;
mod found;
mod reclaimer;
mod recorded;

pub use contained_child::{ContainedChild, Member};
pub use containment::Containment;
pub use plan::{AnnouncedTree, TreePlan};
pub use recipe::TreeRecipe;
pub use reclaimer::TreeReclaimer;
pub use spawn::{Pipes, SpawnedTree};
