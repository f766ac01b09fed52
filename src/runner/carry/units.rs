//! Units of a plan that failed, taken back so that they are made again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::runner::plan::BoundPlan;
use crate::runner::store::RunDir;
use crate::runner::store::{
    Envelope, Held, Piece, UnitStatus, claim, journals, keep_in_journal, set_aside,
};

use super::error::CarryError;
use super::tidy::set_products_aside;

/// Units that failed, and what is made again for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failed {
    /// The shards that they are in.
    pub shards: BTreeSet<u32>,
    /// Units that failed, by column.
    pub failed: Vec<u64>,
    /// Units that are made again, by column: all units of a piece of which one failed.
    pub again: Vec<u64>,
}

impl Failed {
    /// All units that are made again.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.again.iter().sum()
    }
}

/// Whether a unit of a piece failed. One that did not converge has a value, and has not.
pub(super) fn has_failed(piece: &Piece) -> bool {
    piece.results.iter().any(is_failed)
}

/// The failed units of some columns, in partials and journals.
///
/// # Errors
/// If a journal cannot be read.
pub fn failed_units(
    run: &RunDir,
    plan: &BoundPlan,
    is_chosen: impl Fn(usize) -> bool,
) -> Result<Failed, CarryError> {
    let found = journals(run)?;
    let none = vec![0; plan.layout.columns()];
    let mut all = Failed { failed: none.clone(), again: none, ..Failed::default() };
    for shard in plan.shards.live() {
        let held = Held::read(run, plan, shard, &found)?;
        let units = plan.shards.units(shard).unwrap_or(0..0);
        for piece in held.pieces(&plan.layout, units) {
            let column = plan.layout.column_of(piece.first);
            if is_chosen(column) && has_failed(&piece) {
                let failed = |result: &&Envelope| is_failed(result);
                all.shards.insert(shard);
                all.failed[column] += piece.results.iter().filter(failed).count() as u64;
                all.again[column] += piece.results.len() as u64;
            }
        }
    }
    Ok(all)
}

/// One that was left out would be run now, and counts too.
fn is_failed(result: &Envelope) -> bool {
    result.status == UnitStatus::Failed || result.was_left_out()
}

/// Takes failed units of some columns back: everything else of their shards stands in a journal
/// then, their partials are in `aside/`, and so are products, which rest on them.
///
/// # Errors
/// If somebody works on one of the shards, or a file cannot be used. Wherever this ends, it may be
/// done again.
pub fn take_back(
    run: &RunDir,
    plan: &BoundPlan,
    failed: &Failed,
    is_chosen: impl Fn(usize) -> bool,
) -> Result<(), CarryError> {
    let found = journals(run)?;
    let outlived = ancestors(plan, failed, &found);
    set_products_aside(run)?;
    for shard in shards_with(plan, failed, &outlived) {
        let Some(_claim) = claim(run, shard)? else {
            return Err(CarryError::Busy { root: run.root().into(), shard });
        };
        take_back_of(run, plan, shard, &is_chosen)?;
    }
    // What they had stands in the journals of all of their parts by now.
    for path in outlived.iter().filter_map(|shard| found.get(shard)).flatten() {
        set_aside(run, path)?;
    }
    Ok(())
}

/// Shards that were cut, and whose journals still hold units of these shards.
fn ancestors(
    plan: &BoundPlan,
    failed: &Failed,
    found: &BTreeMap<u32, Vec<PathBuf>>,
) -> BTreeSet<u32> {
    let of_shard = |shard: &u32| plan.shards.ancestors(*shard);
    failed.shards.iter().flat_map(of_shard).filter(|shard| found.contains_key(shard)).collect()
}

/// The shards with failed units, and those that hold anything in the same journals.
fn shards_with(plan: &BoundPlan, failed: &Failed, outlived: &BTreeSet<u32>) -> Vec<u32> {
    let shares = |shard: &u32| plan.shards.ancestors(*shard).iter().any(|a| outlived.contains(a));
    let live = plan.shards.live().into_iter();
    live.filter(|shard| failed.shards.contains(shard) || shares(shard)).collect()
}

/// First what is kept, whole and on the disk; then the old files go.
fn take_back_of(
    run: &RunDir,
    plan: &BoundPlan,
    shard: u32,
    is_chosen: &impl Fn(usize) -> bool,
) -> Result<(), CarryError> {
    let found = journals(run)?;
    let held = Held::read(run, plan, shard, &found)?;
    let pieces = held.pieces(&plan.layout, plan.shards.units(shard).unwrap_or(0..0));
    let is_kept =
        |piece: &Piece| !is_chosen(plan.layout.column_of(piece.first)) || !has_failed(piece);
    let kept: Vec<Piece> = pieces.iter().filter(|piece| is_kept(piece)).cloned().collect();
    if held.is_done && kept.len() == pieces.len() {
        return Ok(());
    }
    let journal = keep_in_journal(run, plan, shard, &held.origins, &kept)?;
    set_aside(run, &run.partial(shard))?;
    for path in found.get(&shard).into_iter().flatten().filter(|path| **path != journal) {
        set_aside(run, path)?;
    }
    Ok(())
}
