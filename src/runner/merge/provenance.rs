//! `provenance.json`: who worked on what, where and when. The one file of a run that differs from one
//! time to the next.

use std::io::Write as _;

use chrono::{SecondsFormat, Utc};
use serde::Serialize;

use crate::foundations::files::FilesTogether;
use crate::foundations::{Digest, FileError};
use crate::runner::plan::{BoundPlan, Build, Mended, SettingsFrom, Split, TakenOver};
use crate::runner::store::manifest::{self, Product};
use crate::runner::store::{Provenance, RunDir};

use super::work_page;

#[derive(Serialize)]
struct RunProvenance<'a> {
    version: &'a str,
    plan_hash: Digest,
    /// The build that planned, where the plan says it.
    program: Option<&'a Build>,
    /// Shards on which another build worked.
    shards_of_other_binaries: usize,
    merged: String,
    /// Where the settings in the plan are from, the later over the earlier.
    settings_from: &'a [SettingsFrom],
    unit_seconds: f64,
    /// Programs that were mended, so that results of both stand side by side.
    mended: &'a [Mended],
    /// Earlier plans of which results were taken over.
    taken_over: &'a [TakenOver],
    /// Shards that were cut into more after the plan was made.
    splits: &'a [Split],
    /// What else was written, with hashes: whatever is otherwise was changed since.
    products: Vec<Product>,
    shards: &'a [Provenance],
}

/// Adds it after the products, and `work.html` before it; says on how many shards another build worked than
/// the one that planned.
///
/// # Errors
/// If it cannot be written.
pub(super) fn add_provenance(
    files: &mut FilesTogether,
    run: &RunDir,
    plan: &BoundPlan,
    shards: &[Provenance],
) -> Result<usize, FileError> {
    let others = other_binaries(plan, shards);
    let provenance = RunProvenance {
        version: &plan.plan.version,
        plan_hash: plan.hash,
        program: plan.program.as_ref(),
        shards_of_other_binaries: others,
        merged: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        settings_from: &plan.settings_from,
        unit_seconds: shards.iter().map(|p| p.unit_seconds).sum(),
        mended: &plan.plan.mended,
        taken_over: &plan.taken_over,
        splits: plan.shards.splits(),
        products: manifest::list(run, &plan.plan.workload, files)?,
        shards,
    };
    let page = work_page::render(plan, shards, (&provenance.merged, &provenance.products));
    files.add(&run.work_page(), |w| w.write_all(page.as_bytes()))?;
    files.add_json(&run.provenance(), &provenance)?;
    Ok(others)
}

/// Shards on which another build worked than the one that planned. Where the plan does not say which
/// that is, the build of the first shard is taken for it.
fn other_binaries(plan: &BoundPlan, shards: &[Provenance]) -> usize {
    let planned = plan.program.as_ref().map(|program| program.blake3);
    let Some(planned) = planned.or(shards.first().map(|p| p.binary)) else { return 0 };
    shards.iter().filter(|shard| !shard.is_by(planned)).count()
}
