//! The sampled backtraces for a finding.

use super::finding::{Finding, FindingSubject};
use crate::release::{BacktraceSampling, SiteBacktraces};

/// The sampled backtraces of the site, or of all sites of the kind, that a finding about this
/// process refers to; the most recently used site first. Empty while [`BacktraceSampling`] is off,
/// or if none of its resources was sampled.
#[must_use]
pub fn backtraces_of(finding: &Finding) -> Vec<SiteBacktraces> {
    let mut kept = BacktraceSampling::kept();
    kept.retain(|place| match &finding.subject {
        FindingSubject::Kind { kind } => place.kind.name() == kind,
        FindingSubject::Site { kind, site } => {
            place.kind.name() == kind && place.site.to_string() == *site
        }
        FindingSubject::Process | FindingSubject::System => false,
    });
    kept
}
