//! Moves what is of an earlier plan out of the way of the one that took its place.

use serde::Deserialize;

use crate::foundations::files::plain;
use crate::foundations::{Digest, FileError};
use crate::runner::plan::BoundPlan;
use crate::runner::store::RunDir;
use crate::runner::store::shard_of_partial;
use crate::runner::store::{Journals, Partial, PartialError, journals, set_aside};

use super::error::CarryError;

/// Moves partials, journals and products of other plans to `aside/`. It may be done again, and by
/// whoever finds that it was not done to the end.
///
/// # Errors
/// If a file cannot be moved.
pub fn tidy(run: &RunDir, plan: &BoundPlan) -> Result<(), CarryError> {
    if BoundPlan::has_foreign_revisions(run)? {
        set_aside(run, &run.revisions())?;
    }
    for shard in partials(run)? {
        let is_old = matches!(
            Partial::check(run, plan, shard),
            Err(PartialError::OtherPlan { .. } | PartialError::OtherShard { .. })
        );
        if is_old || shard >= plan.shards.numbers() {
            set_aside(run, &run.partial(shard))?;
        }
    }
    for (shard, paths) in journals(run)? {
        for path in Journals::read(plan, shard, &paths)?.foreign() {
            set_aside(run, path)?;
        }
    }
    if products_are_of(run).is_some_and(|hash| hash != plan.hash) {
        set_products_aside(run)?;
    }
    Ok(())
}

/// Moves the products to `aside/`: results that they rest on are to be fitted again. That which says
/// what plan they are of goes last.
pub(super) fn set_products_aside(run: &RunDir) -> Result<(), FileError> {
    let (last, others): (Vec<_>, Vec<_>) =
        run.all_products().into_iter().partition(|path| *path == run.provenance());
    others.iter().chain(&last).try_for_each(|path| set_aside(run, path).map(|_| ()))
}

/// The plan of the products.
fn products_are_of(run: &RunDir) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Of {
        plan_hash: Digest,
    }
    let bytes = plain::read(&run.provenance()).ok()?;
    Some(serde_json::from_slice::<Of>(&bytes).ok()?.plan_hash)
}

/// The shards that have something in the place of a partial.
fn partials(run: &RunDir) -> Result<Vec<u32>, FileError> {
    let folder = run.partials();
    let mut shards = Vec::new();
    for name in plain::read_folder(&folder)?.into_iter().flatten() {
        shards.extend(shard_of_partial(&name.to_string_lossy()));
    }
    shards.sort_unstable();
    Ok(shards)
}
