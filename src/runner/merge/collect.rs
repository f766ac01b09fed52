//! Reads every partial of a plan, unit by unit, and proves that nothing is missing.

use std::ops::Range;

use crate::foundations::FileError;
use crate::foundations::files::{self, plain};
use crate::runner::plan::BoundPlan;
use crate::runner::store::{
    Partial, PartialError, Provenance, RunDir, StreamError, shard_of_partial,
};

use super::ledger::{Fault, Ledger, Totals};
use super::{AnyError, Collector, MergeError, TakeError};

/// A complete run: every unit of the plan, once.
pub(super) struct Complete<'a> {
    /// Has all results.
    pub(super) collector: Box<dyn Collector + 'a>,
    /// The account of the units.
    pub(super) ledger: Ledger,
    /// Who worked on which shard.
    pub(super) provenance: Vec<Provenance>,
}

/// What the partials of a plan amount to.
pub(super) enum Collected<'a> {
    /// Everything is there.
    Complete(Complete<'a>),
    /// Something is missing, damaged, or does not belong.
    Incomplete {
        /// The account of the units.
        totals: Totals,
        /// The files at fault.
        faults: Vec<Fault>,
    },
}

/// Reads all partials of a plan. Memory holds what the collector keeps, and one result at a time; the
/// collector is made only if the partials are all there, as far as their headers tell.
///
/// # Errors
/// If the folder cannot be read; a partial at fault is no error but makes the run incomplete.
pub(super) fn collect<'a>(
    run: &RunDir,
    plan: &BoundPlan,
    collector: impl FnOnce() -> Result<Box<dyn Collector + 'a>, AnyError>,
) -> Result<Collected<'a>, MergeError> {
    loop {
        if are_all_there(run, plan)? {
            return read_all(run, plan, Some(collector().map_err(MergeError::Work)?));
        }
        match read_all(run, plan, None)? {
            // Who was at work has just finished.
            Collected::Incomplete { faults, .. } if faults.is_empty() => {}
            collected => return Ok(collected),
        }
    }
}

/// Whether every partial is there, as far as its header tells, and nothing else among them.
fn are_all_there(run: &RunDir, plan: &BoundPlan) -> Result<bool, MergeError> {
    if !strays(run, plan)?.is_empty() {
        return Ok(false);
    }
    for shard in plan.shards.live() {
        match Partial::look(run, plan, shard) {
            Ok(()) => {}
            Err(PartialError::File(error)) => return Err(error.into()),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

/// Reads all partials, and hands what is in them to a collector; without one, only says what is at fault.
fn read_all<'a>(
    run: &RunDir,
    plan: &BoundPlan,
    collector: Option<Box<dyn Collector + 'a>>,
) -> Result<Collected<'a>, MergeError> {
    let mut faults = strays(run, plan)?;
    let mut account = Account { collector, ledger: Ledger::default(), provenance: Vec::new() };
    if !faults.is_empty() {
        account.collector = None;
    }
    for shard in plan.shards.live() {
        let units = plan.shards.units(shard).unwrap_or(0..0);
        let taken = match account.take(run, plan, shard) {
            // It may be sound: only nobody can see it now.
            Err(StreamError::Partial(PartialError::File(error))) => return Err(error.into()),
            Err(StreamError::Refused(TakeError::Other(error))) => {
                return Err(MergeError::Work(error));
            }
            Err(StreamError::Refused(TakeError::Body(problem))) => Err(PartialError::Body(problem)),
            Err(StreamError::Partial(problem)) => Err(problem),
            Ok(()) => Ok(()),
        };
        if let Err(problem) = taken {
            account.miss(&units, matches!(problem, PartialError::Missing));
            let (path, problem) = (run.partial(shard), problem.to_string());
            faults.push(Fault { path, problem, shard: Some(shard) });
        }
    }
    let Account { collector, ledger, provenance } = account;
    Ok(match collector {
        Some(collector) => Collected::Complete(Complete { collector, ledger, provenance }),
        None => Collected::Incomplete { totals: ledger.totals, faults },
    })
}

/// What was read so far.
struct Account<'a> {
    /// None as soon as something is at fault: there will be no products then.
    collector: Option<Box<dyn Collector + 'a>>,
    ledger: Ledger,
    provenance: Vec<Provenance>,
}

impl Account<'_> {
    /// Takes every unit of a sound partial; none is counted if one of them is not what it should be.
    fn take(
        &mut self,
        run: &RunDir,
        plan: &BoundPlan,
        shard: u32,
    ) -> Result<(), StreamError<TakeError>> {
        let before = self.ledger.clone();
        let taken = Partial::stream(run, plan, shard, |unit, result| {
            self.ledger.count(unit, &result);
            self.collector.as_mut().map_or(Ok(()), |collector| collector.take(unit, &result))
        });
        match taken {
            Ok(provenance) => self.provenance.push(provenance),
            Err(error) => {
                self.ledger = before;
                return Err(error);
            }
        }
        Ok(())
    }

    fn miss(&mut self, units: &Range<u64>, is_missing: bool) {
        self.ledger.miss(units, is_missing);
        self.collector = None;
    }
}

/// Files among the partials that no shard of this plan left: results that might be thought to
/// count, and do not. Unfinished files of killed attempts are expected, and ignored.
fn strays(run: &RunDir, plan: &BoundPlan) -> Result<Vec<Fault>, FileError> {
    let folder = run.partials();
    let names = plain::read_folder(&folder)?.into_iter().flatten();
    let names = names.map(|name| name.to_string_lossy().into_owned());
    // That of a shard that was cut since is of no use, but no stranger's.
    let belongs = |name: &str| shard_of_partial(name).is_some_and(|s| s < plan.shards.numbers());
    let fault = |name: String| Fault {
        path: folder.join(name),
        problem: "belongs to no shard of this plan".into(),
        shard: None,
    };
    let stray = |name: &String| !belongs(name) && !files::is_temporary(name);
    Ok(names.filter(stray).map(fault).collect())
}
