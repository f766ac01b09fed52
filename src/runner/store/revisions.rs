//! `revisions.json`: which shards of a plan were cut into more after it was made.
//!
//! A shard that takes longer than a task may is not fitted any more; new ones, with the numbers
//! that follow the largest so far, take its place. What it had done counts for them. Units, and so
//! all results, stay those of the plan: the file is bound to it, and its hash does not change.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::foundations::files::{self, plain};
use crate::foundations::{Digest, FileError};
use crate::runner::plan::{BoundPlan, Split};

use super::plan_error::PlanError;
use super::run_dir::RunDir;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevisionsFile {
    plan_hash: Digest,
    revisions_hash: Digest,
    splits: Vec<Split>,
}

impl RevisionsFile {
    fn new(plan_hash: Digest, splits: Vec<Split>) -> Self {
        let json = serde_json::to_vec(&splits).expect("a split has no map");
        let revisions_hash = Digest::of_pieces(&[plan_hash.as_bytes(), &json]);
        Self { plan_hash, revisions_hash, splits }
    }
}

/// Reads the revisions of a plan, if there are any, into its shards.
pub(super) fn read(run: &RunDir, plan: &mut BoundPlan) -> Result<(), PlanError> {
    let path = run.revisions();
    let bytes = match plain::read(&path) {
        Err(error) if error.is_not_found() => return Ok(()),
        read => read?,
    };
    let problem =
        |message: &str| PlanError::Revisions { path: path.clone(), message: message.into() };
    let file: RevisionsFile =
        serde_json::from_slice(&bytes).map_err(|error| problem(&error.to_string()))?;
    if file.plan_hash != plan.hash {
        return Err(problem("they are of another plan"));
    }
    let revisions = RevisionsFile::new(file.plan_hash, file.splits);
    if revisions.revisions_hash != file.revisions_hash {
        return Err(problem("they were changed after they were made"));
    }
    plan.cut(revisions.splits).map_err(problem)
}

/// Writes the revisions of a plan, whole.
pub(super) fn write(run: &RunDir, plan_hash: Digest, splits: &[Split]) -> Result<(), FileError> {
    let file = RevisionsFile::new(plan_hash, splits.to_vec());
    files::write_json(&run.revisions(), &file)
}

/// Whether the revisions in a folder are of another plan.
pub(super) fn is_foreign(path: &Path, plan_hash: &Digest) -> bool {
    let Ok(bytes) = plain::read(path) else { return false };
    serde_json::from_slice::<RevisionsFile>(&bytes).is_ok_and(|file| file.plan_hash != *plan_hash)
}
