//! What is left of a shard in one realisation, with its data.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::otf::study::{Config, RealisationId, Study};
use crate::runner::store::Results;
use crate::science::data::{Campaign, DataError};

/// The data sets that a process has prepared, so that each is read once.
#[derive(Debug, Default)]
pub struct Campaigns(BTreeMap<usize, Arc<Campaign>>);

impl Campaigns {
    /// Adds a data set of a study that is prepared already, under its index.
    pub fn put(&mut self, study: &Study, set: usize, campaign: Campaign) -> Arc<Campaign> {
        let campaign =
            if study.repeats_designs() { campaign.keeping_designs(&study.bins) } else { campaign };
        let campaign = Arc::new(campaign);
        self.0.insert(set, campaign.clone());
        campaign
    }

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
        let campaign = Campaign::prepare(study.sets[set], &study.recipe(config))?;
        Ok(self.put(study, set, campaign))
    }
}

/// What is left of a shard in one realisation, with its data.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) realisation: u64,
    pub(super) id: RealisationId,
    pub(super) campaign: Arc<Campaign>,
    pub(super) left: LeftToFit,
    /// All data sets that one of its methods fits together with this one, itself among them, by index.
    pub(super) together: Vec<(usize, Arc<Campaign>)>,
}

/// The place of a bin, and the methods that fit it for itself, in order.
pub(super) type BinToFit = (usize, Vec<usize>);

/// What is left to be fitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftToFit {
    /// Bins that methods fit each for itself.
    pub(super) separate: Vec<BinToFit>,
    /// Methods that fit all bins.
    pub(super) coupled: Vec<usize>,
}

/// Cuts units at the borders of realisations, and prepares the data sets of those that are not
/// done.
///
/// # Errors
/// If a data set cannot be prepared.
pub(super) fn segments(
    config: &Config,
    study: &Study,
    units: &Range<u64>,
    done: &Results,
    campaigns: &mut Campaigns,
) -> Result<Vec<Segment>, DataError> {
    let per_realisation = study.layout.order().units();
    let (first, last) = (units.start / per_realisation, (units.end - 1) / per_realisation);
    let mut segments = Vec::new();
    for realisation in first..=last {
        let work = left(study, realisation, units, done);
        if work.separate.is_empty() && work.coupled.is_empty() {
            continue;
        }
        let id = study.realisation(realisation);
        let campaign = campaigns.get(config, study, id.set)?;
        let mut together = Vec::new();
        for set in study.sets_together(id.set, &work.coupled) {
            together.push((set, campaigns.get(config, study, set)?));
        }
        segments.push(Segment { realisation, id, campaign, left: work, together });
    }
    Ok(segments)
}

/// What of some units is in a realisation and not done. Pieces are done as a whole or not at all.
fn left(study: &Study, realisation: u64, units: &Range<u64>, done: &Results) -> LeftToFit {
    let first = realisation * study.layout.order().units();
    let end = first + study.layout.order().units();
    let within = units.start.max(first) - first..units.end.min(end) - first;
    let work = study.layout.order().work(&within);
    let is_left = |position: usize, method: usize| {
        let unit = study.layout.order().unit_of(position, method);
        !unit.is_some_and(|unit| done.has(first + unit))
    };
    let separate = work.separate.iter().map(|(position, methods)| {
        let methods = methods.iter().copied().filter(|method| is_left(*position, *method));
        (*position, methods.collect::<Vec<usize>>())
    });
    let coupled = work.coupled.iter().copied().filter(|method| is_left(0, *method));
    LeftToFit {
        separate: separate.filter(|(_, methods)| !methods.is_empty()).collect(),
        coupled: coupled.collect(),
    }
}
