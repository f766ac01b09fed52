//! What a planner asks of a data set before anything is fitted.

use super::Campaign;
use crate::science::data::error::DataError;
use crate::science::data::recipe::Recipe;
use crate::science::data::resample::{Resampling, check};
use crate::science::data::screening::Screening;
use crate::science::data::settings::{SimulateSettings, Source};
use crate::science::instrument::ChannelScan;

/// What a planner learns about a data set.
#[derive(Debug)]
pub struct Surveyed {
    /// How many of its records will be used.
    pub screening: Screening,
    /// The data set, if it had to be read for that.
    pub campaign: Option<Campaign>,
}

/// Checks that a data set can be prepared and has enough plateaus for its trials, and counts the records
/// that will be used.
///
/// # Errors
/// If it cannot be prepared.
pub fn survey(
    set: ChannelScan,
    recipe: &Recipe,
    (resampling, trials): (Resampling, u64),
) -> Result<Surveyed, DataError> {
    // One simulated record shows whether the settings are sound; all are used in any case.
    let one = SimulateSettings { records: 1, ..recipe.simulate.clone() };
    let campaign = Campaign::prepare(set, &Recipe { simulate: &one, ..*recipe })?;
    check(resampling, trials, set, &campaign.plateaus)?;
    Ok(match recipe.data.source {
        Source::Npz => {
            let screening = campaign.selected.screening.clone();
            Surveyed { screening, campaign: Some(campaign) }
        }
        Source::Simulate => {
            Surveyed { screening: Screening::all(recipe.simulate.records), campaign: None }
        }
    })
}
