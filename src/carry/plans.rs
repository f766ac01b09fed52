//! From one plan to another in the same folder.

use rayon::ThreadPool;

use crate::foundations::{FileError, RunDir};
use crate::plan::{BoundPlan, TakenOver};
use crate::shard::{Held, Origin, Piece, Progress, Staged, Worker, claim, journals};

use super::error::CarryError;
use super::mapping::Mapping;
use super::tidy::tidy;

/// What of an earlier plan was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Units that were kept, by the methods of the earlier plan.
    pub kept: Vec<u64>,
    /// Units that had results, and are fitted again.
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
    let methods = mapping.old.methods.len();
    let mut taken = Taken { kept: vec![0; methods], again: vec![0; methods] };
    for shard in old.shards.live() {
        let held = Held::read(run, old, &mapping.old, shard, &found)?;
        let units = old.shards.units(shard).unwrap_or(0..0);
        let pieces = held.pieces(&mapping.old, &units);
        let mut had = vec![0; methods];
        for piece in &pieces {
            had[mapping.old.unit(piece.first).method] += piece.results.len() as u64;
        }
        let mut kept = vec![0; methods];
        let pieces: Vec<Piece> = pieces
            .into_iter()
            .filter_map(|piece| {
                let method = mapping.old.unit(piece.first).method;
                let moved = mapping.map(piece)?;
                kept[method] += moved.results.len() as u64;
                Some(moved)
            })
            .collect();
        for method in 0..methods {
            taken.kept[method] += kept[method];
            taken.again[method] += had[method] - kept[method];
        }
        use_it(&held, pieces)?;
    }
    Ok(taken)
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

/// Leaves the partials of shards that took over all of their units: nothing is fitted.
///
/// # Errors
/// If a file cannot be used.
pub fn complete(run: &RunDir, plan: &BoundPlan, pool: &ThreadPool) -> Result<u32, CarryError> {
    let (study, found) = (plan.study()?, journals(run)?);
    let mut worker = Worker::new(run, plan, pool, 1, Origin::default())?;
    let mut finished = 0;
    for shard in plan.shards.live().into_iter().filter(|shard| found.contains_key(shard)) {
        let held = Held::read(run, plan, &study, shard, &found)?;
        let units = plan.shards.units(shard).map_or(0, |units| units.end - units.start);
        if !held.is_done && held.results.done() == units {
            worker.run_shard(shard, &Progress::default(), &|_| {})?;
            finished += 1;
        }
    }
    Ok(finished)
}
