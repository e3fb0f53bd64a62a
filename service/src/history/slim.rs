//! The part of a sample that is kept for a month.

use std::borrow::Cow;

use backstop_core::monitor::Sample;

/// Further sites, with the fewest resources, are summed up.
const SITES: usize = 16;
/// Further holdings are only counted; a finding names those that matter.
const SUSPECTS: usize = 8;

/// The sample with shortened lists; removed entries are added to the sample's own counts of
/// unlisted ones.
pub(super) fn slim(sample: &Sample) -> Cow<'_, Sample> {
    let is_long = |ledger: &backstop_core::monitor::LedgerSample| {
        ledger.sites.len() > SITES || ledger.suspects.len() > SUSPECTS
    };
    if !sample.ledger.as_ref().is_some_and(is_long) {
        return Cow::Borrowed(sample);
    }
    let mut sample = sample.clone();
    if let Some(ledger) = &mut sample.ledger {
        let rest = ledger.sites.split_off(ledger.sites.len().min(SITES));
        for site in rest {
            ledger.other_sites.live += site.tally.live;
            ledger.other_sites.bytes += site.tally.bytes;
            ledger.other_sites.handles += site.tally.handles;
        }
        let cut = ledger.suspects.len().saturating_sub(SUSPECTS);
        ledger.suspects.truncate(SUSPECTS);
        ledger.other_suspects += cut as u64;
    }
    Cow::Owned(sample)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use backstop_core::monitor::{LedgerSample, LedgerTally, Moment, ProcessSample, SiteTally};
    use backstop_core::resource::Bytes;

    #[test]
    fn removed_entries_are_still_counted() {
        let site = |number: u64| SiteTally {
            kind: "db.connection".into(),
            site: format!("pool.rs:{number}"),
            tally: LedgerTally {
                live: 2,
                bytes: Bytes(10),
                handles: 1,
            },
            oldest: Duration::ZERO,
        };
        let sample = Sample {
            at: Moment::now(),
            disturbances: Vec::new(),
            left_out: Vec::new(),
            process: ProcessSample::default(),
            system: None,
            ledger: Some(LedgerSample {
                sites: (0..20).map(site).collect(),
                ..LedgerSample::default()
            }),
        };
        let slim = slim(&sample).into_owned().ledger.unwrap();
        assert_eq!(slim.sites.len(), SITES);
        assert_eq!(slim.other_sites.live, 8);
        assert_eq!(slim.other_sites.bytes, Bytes(40));
    }
}
