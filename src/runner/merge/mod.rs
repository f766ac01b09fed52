//! From the partials of a plan to its products, or to the proof that something is missing.

mod collect;
mod ledger;
mod provenance;
mod work_page;

use std::error::Error;

use thiserror::Error;

use crate::foundations::FileError;
use crate::foundations::files::FilesTogether;
use crate::runner::plan::BoundPlan;
use crate::runner::store::manifest;
use crate::runner::store::{Envelope, Held, Replaced, RunDir, journals};

pub use ledger::{Fault, Ledger, ReasonCount, Totals};

use collect::{Collected, collect};
use provenance::add_provenance;

/// Whatever a workload says.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// Makes products of all results of a plan.
pub trait Collector {
    /// Takes the result of a unit. Each unit comes once, in the order of units.
    ///
    /// # Errors
    /// If its body is not what it should be, or there is no place for it.
    fn take(&mut self, unit: u64, result: &Envelope) -> Result<(), TakeError>;

    /// Makes every product but the provenance. Those that are added to `files` appear when the caller has
    /// them published; others are in their place when this returns, each whole.
    ///
    /// # Errors
    /// If one cannot be made or written.
    fn write(
        self: Box<Self>,
        ledger: &Ledger,
        files: &mut FilesTogether,
    ) -> Result<Report, AnyError>;
}

/// A result that was not taken.
#[derive(Debug, Error)]
pub enum TakeError {
    /// It is not what a unit of this workload leaves: the partial is at fault.
    #[error("{0}")]
    Body(String),
    /// It cannot be kept: the partial is not at fault.
    #[error(transparent)]
    Other(AnyError),
}

/// What a person should know of products.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The results in short, in lines.
    pub text: String,
    /// What may be wrong with them.
    pub warnings: Vec<String>,
    /// Whether something failed that is no unit.
    pub has_failures: bool,
}

/// What a merge found.
#[derive(Debug)]
pub enum Merged {
    /// Everything was there, and the products are written.
    Complete {
        /// The account of the units.
        ledger: Ledger,
        /// The results.
        report: Report,
        /// Shards on which another build of the program worked than the one that planned.
        other_binaries: usize,
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
    /// The plan was replaced meanwhile.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// What the workload says.
    #[error(transparent)]
    Work(AnyError),
}

/// Merges the partials of a plan into its products, if every unit is there exactly once. The collector
/// is made when that is likely.
///
/// # Errors
/// If a file cannot be used; faulty partials are no error but an incomplete run.
pub fn merge<'a>(
    run: &RunDir,
    plan: &BoundPlan,
    collector: impl FnOnce() -> Result<Box<dyn Collector + 'a>, AnyError>,
) -> Result<Merged, MergeError> {
    let complete = match collect(run, plan, collector)? {
        Collected::Incomplete { totals, faults } => {
            return Ok(Merged::Incomplete { totals, faults });
        }
        Collected::Complete(complete) => complete,
    };
    plan.check_stands(run)?;
    let mut files = FilesTogether::default();
    let written = complete.collector.write(&complete.ledger, &mut files).map_err(MergeError::Work);
    // Also if it could not write: then that is why.
    plan.check_stands(run)?;
    let report = written?;
    let other_binaries = add_provenance(&mut files, run, plan, &complete.provenance)?;
    files.publish()?;
    Ok(Merged::Complete { ledger: complete.ledger, report, other_binaries })
}

/// Has a collector go through all results once more, and write what products it likes of a run that was
/// merged; `provenance.json` then says what they are now. None if something is missing.
///
/// # Errors
/// If a file cannot be used.
pub fn rewrite<'a>(
    run: &RunDir,
    plan: &BoundPlan,
    collector: Box<dyn Collector + 'a>,
) -> Result<Option<Report>, MergeError> {
    let Collected::Complete(complete) = collect(run, plan, || Ok(collector))? else {
        return Ok(None);
    };
    plan.check_stands(run)?;
    let mut files = FilesTogether::default();
    let written = complete.collector.write(&complete.ledger, &mut files);
    let report = written.map_err(MergeError::Work)?;
    files.publish()?;
    manifest::list_again(run, &plan.plan.workload)?;
    Ok(Some(report))
}

/// Makes a look at the results that there are, in partials and journals. Says how many units they are.
///
/// # Errors
/// If a file cannot be used.
pub fn preview<'a>(
    run: &RunDir,
    plan: &BoundPlan,
    mut collector: Box<dyn Collector + 'a>,
) -> Result<(u64, Report), MergeError> {
    let (found, mut ledger) = (journals(run)?, Ledger::default());
    for shard in plan.shards.live() {
        let held = Held::read(run, plan, shard, &found)?;
        for (unit, result) in held.results.iter() {
            match collector.take(unit, result) {
                // It is passed over: the merge will say so.
                Ok(()) | Err(TakeError::Body(_)) => ledger.count(unit, result),
                Err(TakeError::Other(error)) => return Err(MergeError::Work(error)),
            }
        }
    }
    let mut files = FilesTogether::default();
    let report = collector.write(&ledger, &mut files).map_err(MergeError::Work)?;
    files.publish()?;
    Ok((ledger.totals.sum(), report))
}
