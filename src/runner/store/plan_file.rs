//! `plan.json`: a plan as it stands in a results folder.

use serde::{Deserialize, Serialize};

use crate::foundations::files::{self, plain};
use crate::foundations::{Digest, FileError};
use crate::runner::plan::{
    BoundPlan, Build, FORMAT, Input, LaunchSettings, Layout, LiveShards, MOST_UNITS_OF_SHARD, Plan,
    SettingsFrom, TakenOver, VERSION,
};

use super::plan_error::PlanError;
use super::revisions;
use super::run_dir::RunDir;

/// `plan.json` as it stands in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    plan_hash: Digest,
    #[serde(default, skip_serializing_if = "LaunchSettings::is_default")]
    launch: LaunchSettings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<Build>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken_over: Vec<TakenOver>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settings_from: Vec<SettingsFrom>,
    /// The plan.
    pub plan: Plan,
}

impl PlanFile {
    /// Reads `plan.json` and checks that nothing changed it and that this program may use it. What its
    /// settings mean is left to its workload.
    ///
    /// # Errors
    /// If it is missing, damaged, edited, or of another version.
    pub fn read(run: &RunDir) -> Result<Self, PlanError> {
        run.check_kinds()?;
        let path = run.plan();
        let bytes = plain::read(&path).map_err(|error| {
            if error.is_not_found() {
                PlanError::Missing { path: path.clone() }
            } else {
                error.into()
            }
        })?;
        let unreadable = |e: serde_json::Error| PlanError::unreadable(&path, e.to_string());
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(unreadable)?;
        // Before the rest is looked at: another version may have other settings.
        if let Some(found) = value["plan"]["version"].as_str().filter(|v| *v != VERSION) {
            return Err(PlanError::Version { path, found: found.into() });
        }
        let file: Self = serde_json::from_slice(&bytes).map_err(unreadable)?;
        let found = file.plan.hash();
        if found != file.plan_hash {
            let (written, found) = (file.plan_hash.short(), found.short());
            return Err(PlanError::Edited { path, written, found });
        }
        Ok(file)
    }

    /// The plan, with the units that its settings mean, and with what was cut since it was made.
    ///
    /// # Errors
    /// If its shards are not these units, or revisions cannot be used.
    pub fn bound(self, run: &RunDir, layout: Layout) -> Result<BoundPlan, PlanError> {
        let Self { plan, launch, program, taken_over, settings_from, .. } = self;
        let fits =
            plan.format == FORMAT && plan.units == layout.units() && plan.shards.cover(&layout);
        if !fits {
            let message = "its shards do not cover its units".into();
            return Err(PlanError::unreadable(&run.plan(), message));
        }
        let most = plan.shards.most_units();
        if most > MOST_UNITS_OF_SHARD {
            let message = format!(
                "a shard of it has {most} units: expected {MOST_UNITS_OF_SHARD} or fewer, as with more \
                 shards"
            );
            return Err(PlanError::unreadable(&run.plan(), message));
        }
        let bound = plan.bind(layout, launch, program);
        let mut bound = BoundPlan { taken_over, settings_from, ..bound };
        revisions::read(run, &mut bound)?;
        Ok(bound)
    }
}

impl BoundPlan {
    /// Writes `plan.json`, whole.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, run: &RunDir) -> Result<(), PlanError> {
        let Self { plan, hash, launch, program, taken_over, settings_from, .. } = self.clone();
        let file = PlanFile { plan_hash: hash, launch, program, taken_over, settings_from, plan };
        files::make_folder(run.root())?;
        Ok(files::write_json(&run.plan(), &file)?)
    }

    /// The plan as it stands in a folder, if that is the same one: with what was mended since, and
    /// with what is known of where its results came from.
    ///
    /// # Errors
    /// If it cannot be read; one that is damaged is no error.
    pub fn as_it_stands(self, run: &RunDir) -> Result<Self, FileError> {
        let old = match PlanFile::read(run) {
            Ok(old) => old,
            Err(PlanError::File(error)) => return Err(error),
            Err(_) => return Ok(self),
        };
        let mended = self.clone().with_mended(old.plan.mended);
        if mended.hash == old.plan_hash {
            Ok(Self { taken_over: old.taken_over, ..mended })
        } else {
            Ok(self)
        }
    }

    /// The hash of the plan that stands in a folder, if there is one that says so.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn hash_in(run: &RunDir) -> Result<Option<Digest>, FileError> {
        #[derive(Deserialize)]
        struct Hash {
            plan_hash: Digest,
        }
        match plain::read(&run.plan()) {
            Ok(bytes) => Ok(serde_json::from_slice::<Hash>(&bytes).ok().map(|file| file.plan_hash)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the revisions in a folder are those of another plan than the one there.
    ///
    /// # Errors
    /// If the plan cannot be read.
    pub fn has_foreign_revisions(run: &RunDir) -> Result<bool, FileError> {
        let hash = Self::hash_in(run)?;
        Ok(hash.is_some_and(|hash| revisions::is_foreign(&run.revisions(), &hash)))
    }

    /// The same plan with the revisions in a folder, where it goes on.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn revised(mut self, run: &RunDir) -> Result<Self, PlanError> {
        self.shards = LiveShards::new(&self.plan.shards);
        revisions::read(run, &mut self)?;
        Ok(self)
    }

    /// Writes down, whole, which shards were cut, if any were.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_revisions(&self, run: &RunDir) -> Result<(), PlanError> {
        match self.shards.splits() {
            [] => Ok(()),
            splits => Ok(revisions::write(run, self.hash, splits)?),
        }
    }

    /// Whether the revisions in a folder, if there are any, are not of this plan.
    #[must_use]
    pub fn disowns_revisions(&self, run: &RunDir) -> bool {
        revisions::is_foreign(&run.revisions(), &self.hash)
    }

    /// Checks that the input files are those that were planned with.
    ///
    /// # Errors
    /// Names the first file that changed or is gone.
    pub fn check_inputs(&self) -> Result<(), PlanError> {
        self.check_inputs_but(|_| false)
    }

    /// The same, but some files are not looked at.
    ///
    /// # Errors
    /// Names the first of the others that changed or is gone.
    pub fn check_inputs_but(&self, skipped: impl Fn(&Input) -> bool) -> Result<(), PlanError> {
        for input in self.plan.inputs.iter().filter(|input| !skipped(input)) {
            let found = Digest::of_file(&input.path)?;
            if found != input.blake3 {
                return Err(PlanError::InputChanged {
                    path: input.path.clone(),
                    planned: input.blake3.short(),
                    found: found.short(),
                });
            }
        }
        Ok(())
    }

    /// As [`Self::check_inputs`], after the fits: those that are no longer there do no harm, but one
    /// that changed may have done so while tasks were at work, which look at it when they begin.
    ///
    /// # Errors
    /// Names the first file that changed.
    pub fn check_unchanged(&self) -> Result<(), PlanError> {
        self.check_inputs_but(|input| !input.path.exists())
    }
}
