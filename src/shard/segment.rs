//! The part of a shard that lies in one realisation, with its data.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::data::{Campaign, DataError};
use crate::study::{Config, RealisationId, Study, Work};

/// The data sets that a process has prepared, so that each is read once.
#[derive(Debug, Default)]
pub struct Campaigns(BTreeMap<usize, Arc<Campaign>>);

impl Campaigns {
    /// The data set with this index, prepared now if it was not before.
    ///
    /// # Errors
    /// If it cannot be read or simulated.
    pub fn get(
        &mut self,
        config: &Config,
        study: &Study,
        set: usize,
    ) -> Result<Arc<Campaign>, DataError> {
        if let Some(campaign) = self.0.get(&set) {
            return Ok(campaign.clone());
        }
        let (data, simulate) = (&config.data, &config.simulate);
        let campaign =
            Campaign::prepare(study.sets[set], data, simulate, &config.instrument, study.seed)?;
        Ok(self.0.entry(set).or_insert(Arc::new(campaign)).clone())
    }
}

/// The part of a shard that lies in one realisation, with its data.
#[derive(Debug)]
pub struct Segment {
    pub(super) realisation: u64,
    pub(super) id: RealisationId,
    pub(super) campaign: Arc<Campaign>,
    /// Units of the study.
    pub(super) units: Range<u64>,
}

/// Cuts units at the borders of realisations, and prepares the data sets that they need.
///
/// # Errors
/// If a data set cannot be prepared.
pub fn segments(
    config: &Config,
    study: &Study,
    units: &Range<u64>,
    campaigns: &mut Campaigns,
) -> Result<Vec<Segment>, DataError> {
    let per_realisation = study.order.units();
    let (first, last) = (units.start / per_realisation, (units.end - 1) / per_realisation);
    let segment = |realisation: u64| {
        let id = study.realisation(realisation);
        let start = units.start.max(realisation * per_realisation);
        let end = units.end.min((realisation + 1) * per_realisation);
        let campaign = campaigns.get(config, study, id.set)?;
        Ok(Segment { realisation, id, campaign, units: start..end })
    };
    (first..=last).map(segment).collect()
}

impl Segment {
    /// What it asks for.
    pub(super) fn work<'a>(&self, study: &'a Study) -> Work<'a> {
        let first = self.realisation * study.order.units();
        study.order.work(&(self.units.start - first..self.units.end - first))
    }
}
