//! From one plan to another in the same folder.

use rayon::ThreadPool;

use crate::foundations::FileError;
use crate::runner::engine::{Keep, Mapping, Progress, Worker, Workload};
use crate::runner::plan::{BoundPlan, TakenOver};
use crate::runner::store::{Held, Origin, Piece, RunDir, Staged, claim, journals};

use super::error::CarryError;
use super::tidy::tidy;
use super::units::has_failed;

/// What of an earlier plan was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Units that were kept, by the columns of the earlier plan.
    pub kept: Vec<u64>,
    /// Units that had results, and are made again.
    pub again: Vec<u64>,
}

impl Taken {
    /// All units that were kept.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.kept.iter().sum()
    }
}

/// Counts what would be taken over.
///
/// # Errors
/// If a journal cannot be read.
pub fn survey(run: &RunDir, old: &BoundPlan, mapping: &Mapping) -> Result<Taken, CarryError> {
    each(run, old, mapping, |_, _| Ok(()))
}

/// Takes the results of the plan in a folder over to another, which takes its place.
///
/// # Errors
/// If somebody works on a shard, or a file cannot be used. Until the new plan is there, the old one
/// is as it was.
pub fn take_over(
    run: &RunDir,
    old: &BoundPlan,
    new: &BoundPlan,
    mapping: &Mapping,
) -> Result<Taken, CarryError> {
    refuse_busy(run, old)?;
    let mut staged = Staged::new(run, new);
    let taken = each(run, old, mapping, |held, pieces| staged.add(&held.origins, pieces))?;
    staged.finish()?;
    let mut new = new.clone();
    new.taken_over = old.taken_over.clone();
    new.taken_over.push(TakenOver { plan: old.hash, units: taken.sum() });
    // From here on the run is the new one's.
    new.write(run)?;
    tidy(run, &new)?;
    Ok(taken)
}

/// Hands what stands written of every shard to `use_it`, as it is in the new plan.
fn each(
    run: &RunDir,
    old: &BoundPlan,
    mapping: &Mapping,
    mut use_it: impl FnMut(&Held, Vec<Piece>) -> Result<(), FileError>,
) -> Result<Taken, CarryError> {
    let found = journals(run)?;
    let columns = mapping.columns.len();
    let mut taken = Taken { kept: vec![0; columns], again: vec![0; columns] };
    for shard in old.shards.live() {
        let held = Held::read(run, old, shard, &found)?;
        let units = old.shards.units(shard).unwrap_or(0..0);
        let mut pieces = Vec::new();
        for piece in held.pieces(&old.layout, units) {
            let (column, units) = (old.layout.column_of(piece.first), piece.results.len() as u64);
            match moved(mapping, column, piece) {
                Some(piece) => {
                    taken.kept[column] += units;
                    pieces.push(piece);
                }
                None => taken.again[column] += units,
            }
        }
        use_it(&held, pieces)?;
    }
    Ok(taken)
}

/// A piece as it is numbered in the new plan, if it is kept.
fn moved(mapping: &Mapping, column: usize, piece: Piece) -> Option<Piece> {
    let is_kept = match mapping.columns[column].keep {
        Keep::All => true,
        Keep::ButFailed => !has_failed(&piece),
        Keep::Nothing => false,
    };
    let first = (mapping.moved)(piece.first).filter(|_| is_kept)?;
    Some(Piece { first, ..piece })
}

/// Refuses to go on while somebody works on a shard of the plan.
fn refuse_busy(run: &RunDir, plan: &BoundPlan) -> Result<(), CarryError> {
    // Where there is no file, there is no lock.
    let locked = |shard: &u32| run.lock(*shard).exists();
    for shard in plan.shards.live().into_iter().filter(locked) {
        if claim(run, shard)?.is_none() {
            return Err(CarryError::Busy { root: run.root().into(), shard });
        }
    }
    Ok(())
}

/// Leaves the partials of shards that took over all of their units: nothing is run.
///
/// # Errors
/// If a file cannot be used.
pub fn complete(
    run: &RunDir,
    plan: &BoundPlan,
    workload: &dyn Workload,
    pool: &ThreadPool,
) -> Result<u32, CarryError> {
    let found = journals(run)?;
    let mut worker = Worker::checked(run, plan, workload, pool, (1, Origin::default()))?;
    let mut finished = 0;
    for shard in plan.shards.live().into_iter().filter(|shard| found.contains_key(shard)) {
        let held = Held::read(run, plan, shard, &found)?;
        if !held.is_done && held.results.done() == plan.units_of(shard) {
            worker.run_shard(shard, &Progress::default(), &|_| {})?;
            finished += 1;
        }
    }
    Ok(finished)
}
