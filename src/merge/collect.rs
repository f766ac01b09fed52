//! Reads every partial of a plan, one at a time, and proves that nothing is missing.

use std::collections::TryReserveError;
use std::ops::Range;

use thiserror::Error;

use crate::foundations::run_dir::shard_of_partial;
use crate::foundations::{FileError, RunDir, files};
use crate::plan::BoundPlan;
use crate::shard::{Partial, PartialError, Provenance, UnitResult};
use crate::study::Study;

use super::arrays::Arrays;
use super::failures::Failures;
use super::ledger::{Fault, Ledger, Totals};

/// A complete run: every unit of the plan, once.
#[derive(Debug)]
pub(super) struct Complete {
    /// The fitted values.
    pub(super) arrays: Arrays,
    /// The account of the units.
    pub(super) ledger: Ledger,
    /// Which methods fail, and why.
    pub(super) failures: Failures,
    /// Who fitted which shard.
    pub(super) provenance: Vec<Provenance>,
}

/// What the partials of a plan amount to.
#[derive(Debug)]
pub(super) enum Collected {
    /// Everything is there.
    Complete(Box<Complete>),
    /// Something is missing, damaged, or does not belong.
    Incomplete {
        /// The account of the units.
        totals: Totals,
        /// The files at fault.
        faults: Vec<Fault>,
    },
}

/// Partials that could not be collected at all.
#[derive(Debug, Error)]
pub enum CollectError {
    /// The folder of the partials.
    #[error(transparent)]
    File(#[from] FileError),
    /// The products do not fit in memory.
    #[error(
        "the products of {configurations} configurations do not fit in memory ({source}); \
         merge on a machine with more, or reduce the study"
    )]
    Memory {
        /// How many configurations.
        configurations: u64,
        /// What the allocator said.
        source: TryReserveError,
    },
}

/// Reads all partials of a plan. Memory holds the products and one partial at a time.
///
/// # Errors
/// If the folder cannot be read or the products do not fit in memory; a partial at fault is no
/// error but makes the run incomplete.
pub(super) fn collect(
    run: &RunDir,
    plan: &BoundPlan,
    study: &Study,
) -> Result<Collected, CollectError> {
    let mut complete = Complete::empty(study)?;
    let mut faults = strays(run, plan)?;
    for shard in plan.shards.live() {
        let units = plan.shards.units(shard).unwrap_or(0..0);
        let read = Partial::read(run, plan, shard);
        match read.and_then(|partial| check_shapes(&partial.results, study).map(|()| partial)) {
            Ok(partial) => complete.take(study, units, partial),
            Err(problem) => {
                complete.miss(&units, &problem);
                let (path, problem) = (run.partial(shard), problem.to_string());
                faults.push(Fault { path, problem, shard: Some(shard) });
            }
        }
    }
    Ok(match faults.is_empty() {
        true => Collected::Complete(Box::new(complete)),
        false => Collected::Incomplete { totals: complete.ledger.totals, faults },
    })
}

impl Complete {
    /// Nothing taken yet.
    fn empty(study: &Study) -> Result<Self, CollectError> {
        let configurations = study.configurations();
        let memory = |source| CollectError::Memory { configurations, source };
        let arrays = Arrays::new(configurations as usize, study.emitters.len()).map_err(memory)?;
        let (ledger, failures) = (Ledger::default(), Failures::default());
        Ok(Self { arrays, ledger, failures, provenance: Vec::new() })
    }

    /// Puts every unit of a sound partial in its place.
    fn take(&mut self, study: &Study, units: Range<u64>, partial: Partial) {
        for (index, result) in units.zip(&partial.results) {
            let outcome = &result.outcome;
            let unit = study.unit(index);
            let (configuration, bin) = (study.configuration_of(unit), study.bins[unit.position]);
            self.arrays.put(configuration as usize, bin, result);
            self.ledger.count(outcome, configuration, bin);
            self.failures.count(study, unit, outcome);
        }
        self.provenance.push(partial.provenance);
    }

    /// Shards on which another build worked than the one that planned. Where the plan does not say
    /// which that is, the build of the first shard is taken for it.
    pub(super) fn other_binaries(&self, plan: &BoundPlan) -> usize {
        let planned = plan.program.as_ref().map(|program| program.blake3);
        let Some(planned) = planned.or(self.provenance.first().map(|p| p.binary)) else {
            return 0;
        };
        self.provenance.iter().filter(|shard| !shard.is_by(planned)).count()
    }

    /// Counts the units of a partial that is not there, or not to be trusted.
    fn miss(&mut self, units: &Range<u64>, problem: &PartialError) {
        let totals = &mut self.ledger.totals;
        *match problem {
            PartialError::Missing => &mut totals.missing,
            _ => &mut totals.corrupt,
        } += units.end - units.start;
    }
}

/// Every solution has one value per emitter.
fn check_shapes(results: &[UnitResult], study: &Study) -> Result<(), PartialError> {
    let emitters = study.emitters.len();
    let fits = |result: &UnitResult| {
        let solution = result.outcome.solution();
        solution.is_none_or(|s| s.emissivity.len() == emitters && s.sigma.len() == emitters)
    };
    match results.iter().all(fits) {
        true => Ok(()),
        false => Err(PartialError::Body(format!("a solution does not have {emitters} emitters"))),
    }
}

/// Files among the partials that no shard of this plan left: results that might be thought to
/// count, and do not. Unfinished files of killed attempts are expected, and ignored.
fn strays(run: &RunDir, plan: &BoundPlan) -> Result<Vec<Fault>, FileError> {
    let folder = run.partials();
    let entries = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(FileError::new("read the folder", &folder, e)),
        Ok(entries) => entries,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| FileError::new("read the folder", &folder, e))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    // That of a shard that was cut since is of no use, but no stranger's.
    let belongs = |name: &str| shard_of_partial(name).is_some_and(|s| s < plan.shards.numbers());
    let fault = |name: String| Fault {
        path: folder.join(name),
        problem: "belongs to no shard of this plan".into(),
        shard: None,
    };
    let stray = |name: &String| !belongs(name) && !files::is_temporary(name);
    Ok(names.into_iter().filter(stray).map(fault).collect())
}
