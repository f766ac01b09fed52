//! From the partials of a plan to its products, or to the proof that something is missing.

mod arrays;
mod chi2;
mod collect;
mod determined;
mod failures;
mod grid;
mod ledger;
mod products;
mod quality;
mod records;
mod summary;

use std::path::PathBuf;

use thiserror::Error;

use crate::data::DataError;
use crate::foundations::{FileError, RunDir};
use crate::plan::BoundPlan;
use crate::shard::Campaigns;
use crate::study::{Study, StudyError};

pub use chi2::{Chi2, Doubt};
pub use collect::CollectError;
pub use ledger::{Fault, Ledger, ReasonCount, Totals};
pub use summary::{ErrorRow, Row};

use collect::{Collected, Complete, collect};
use grid::DataSetGrid;
use records::RecordTable;

/// What a merge found.
#[derive(Debug)]
pub enum Merged {
    /// Everything was there, and the products are written.
    Complete {
        /// The account of the units.
        ledger: Ledger,
        /// One row a data set, method, noise level and emitter.
        rows: Vec<Row>,
        /// Shards on which another build of the program worked than the one that planned.
        other_binaries: usize,
        /// The input that is not there, so that `records.csv` was not written.
        absent: Option<PathBuf>,
    },
    /// Something is at fault, and no product was written.
    Incomplete {
        /// The account of the units.
        totals: Totals,
        /// The files at fault.
        faults: Vec<Fault>,
    },
}

/// A merge that could not be made.
#[derive(Debug, Error)]
pub enum MergeError {
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The partials.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The truth or the axis of a data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The settings in the plan.
    #[error(transparent)]
    Study(#[from] StudyError),
}

/// Merges the partials of a plan into its products, if every unit is there exactly once. Data sets that
/// are not among `campaigns` are prepared for the account of their records.
///
/// # Errors
/// If a file cannot be used; faulty partials are no error but an incomplete run.
pub fn merge(
    run: &RunDir,
    plan: &BoundPlan,
    campaigns: &mut Campaigns,
) -> Result<Merged, MergeError> {
    let study: Study = plan.study()?;
    let complete = match collect(run, plan, &study)? {
        Collected::Incomplete { totals, faults } => {
            return Ok(Merged::Incomplete { totals, faults });
        }
        Collected::Complete(complete) => *complete,
    };
    let grids = DataSetGrid::all(&plan.plan.config, &study)?;
    let errors = summary::errors(plan, &study, &grids, &complete.arrays);
    let rows = summary::summarise(&study, &errors);
    let (records, absent) = match records_of(plan, &study, campaigns, (&grids, &complete)) {
        Ok(records) => (Some(records), None),
        // Solutions can be merged where the data are not.
        Err(error) => match plan.absent_data() {
            Some(absent) => (None, Some(absent)),
            None => return Err(error.into()),
        },
    };
    let tables = products::Tables { errors: &errors, rows: &rows, records: records.as_deref() };
    products::write_products(run, plan, &study, &grids, &complete, &tables)?;
    let other_binaries = complete.other_binaries(plan);
    Ok(Merged::Complete { ledger: complete.ledger, rows, other_binaries, absent })
}

/// What became of the records of every data set.
fn records_of(
    plan: &BoundPlan,
    study: &Study,
    campaigns: &mut Campaigns,
    (grids, complete): (&[DataSetGrid], &Complete),
) -> Result<Vec<RecordTable>, DataError> {
    let table = |set| {
        let campaign = campaigns.get(&plan.plan.config, study, set)?;
        Ok(RecordTable::new(&campaign, study, set, (&grids[set], &complete.arrays)))
    };
    (0..study.sets.len()).map(table).collect()
}
