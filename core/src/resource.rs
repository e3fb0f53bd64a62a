//! What has to be released, and how it is described.
//!
//! Takes nothing from other modules; defines the trait that adapters implement,
//! [`TrackedResource`], and its terms: kind, label, footprint, site, rung, presence, recipe.

mod tracked_resource;

mod deadline;
mod footprint;
mod id;
mod kind;
mod presence;
mod recipe;
mod rung;
mod site;

pub use deadline::Deadline;
pub use footprint::{Bytes, Footprint, ParseBytesError};
pub use id::ResourceId;
pub use kind::Kind;
pub use presence::Presence;
pub use recipe::{Form, Recipe};
pub use rung::{Progress, Rung, Step};
pub use site::Site;
pub use tracked_resource::{Blocking, TrackedResource};
