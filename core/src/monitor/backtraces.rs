//! The sampled backtraces that belong to a finding.

use super::finding::{Finding, Subject};
use crate::release::{BacktraceSampling, SiteBacktraces};

/// The sampled backtraces of the place, or of all places of the kind, that a finding of this process is
/// about; the place last seen first. None while [`BacktraceSampling`] is off, or if none of its
/// resources had its turn.
#[must_use]
pub fn backtraces_of(finding: &Finding) -> Vec<SiteBacktraces> {
    let mut kept = BacktraceSampling::kept();
    kept.retain(|place| match &finding.subject {
        Subject::Kind { kind } => place.kind.name() == kind,
        Subject::Site { kind, site } => {
            place.kind.name() == kind && place.site.to_string() == *site
        }
        Subject::Process | Subject::System => false,
    });
    kept
}
