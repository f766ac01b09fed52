//! What will run, bound to settings, input and version by one hash.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::foundations::Digest;

use super::build::{Build, OtherBuild};
use super::launch::LaunchSettings;
use super::layout::Layout;
use super::live::{LiveShards, Split};
use super::settings_from::SettingsFrom;
use super::shards::{Shards, ShardsError};

/// Format of a plan; raised when an older program could not read it.
pub(crate) const FORMAT: u32 = 1;

/// This program's version: results of one version are never mixed with another's.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The workload of plans that do not name one.
pub const USUAL_WORKLOAD: &str = "otf";

/// What will run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Format of this file.
    pub format: u32,
    /// Version of the program that made it.
    pub version: String,
    /// What kind of work it is.
    #[serde(default = "usual_workload", skip_serializing_if = "is_usual")]
    pub workload: String,
    /// All settings, resolved: the workload's own.
    pub config: Value,
    /// The files that the results follow from.
    pub inputs: Vec<Input>,
    /// What the workload saw of its data when it was planned; nothing if it has none.
    #[serde(default, rename = "data_sets", skip_serializing_if = "Value::is_null")]
    pub seen: Value,
    /// Number of units.
    pub units: u64,
    /// The first unit of each shard, and at the end the number of units.
    pub shards: Shards,
    /// Programs that were mended, so that results of both stand side by side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<Mended>,
}

fn usual_workload() -> String {
    USUAL_WORKLOAD.into()
}

fn is_usual(workload: &str) -> bool {
    workload == USUAL_WORKLOAD
}

/// A program that was mended after it had run: what it had done well was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mended {
    /// Its name.
    #[serde(rename = "method")]
    pub program: String,
    /// Its files before, as far as they were there.
    pub before: Vec<Input>,
    /// Units that were kept of what it had done.
    pub kept_units: u64,
}

/// An earlier plan in the same folder of which results were taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenOver {
    /// Hash of the earlier plan.
    pub plan: Digest,
    /// Units that were taken over.
    pub units: u64,
}

/// A file that the results follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Absolute path.
    pub path: PathBuf,
    /// BLAKE3 of its content.
    pub blake3: Digest,
}

/// What a workload asks to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// What kind of work it is.
    pub workload: &'static str,
    /// All settings, resolved.
    pub config: Value,
    /// The files that the results follow from.
    pub inputs: Vec<Input>,
    /// What the workload saw of its data; null if it has none.
    pub seen: Value,
    /// How its jobs are started.
    pub launch: LaunchSettings,
    /// Its units.
    pub layout: Layout,
}

/// A plan with the hash that everything made from it carries.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundPlan {
    /// The plan.
    pub plan: Plan,
    /// BLAKE3 of the plan as compact JSON.
    pub hash: Digest,
    /// How its jobs are started: beside the plan, since no result follows from it.
    pub launch: LaunchSettings,
    /// Its units.
    pub layout: Layout,
    /// Its shards, with what was cut since.
    pub shards: LiveShards,
    /// The build that planned: beside the plan too. Older files do not have it.
    pub program: Option<Build>,
    /// Where some of its results came from: beside the plan too, since they are what they would be
    /// if it had made them.
    pub taken_over: Vec<TakenOver>,
    /// Where its settings are from: beside the plan too, which has the settings. Older files do not say it.
    pub settings_from: Vec<SettingsFrom>,
}

impl Plan {
    /// Cuts work into shards, and binds it.
    ///
    /// # Errors
    /// If it cannot be cut into so many.
    pub fn make(work: PlanRequest, shards: u32, program: Build) -> Result<BoundPlan, ShardsError> {
        let PlanRequest { workload, config, inputs, seen, launch, layout } = work;
        let plan = Self {
            format: FORMAT,
            version: VERSION.into(),
            workload: workload.into(),
            config,
            inputs,
            seen,
            units: layout.units(),
            shards: Shards::new(&layout, shards)?,
            mended: Vec::new(),
        };
        Ok(plan.bind(layout, launch, Some(program)))
    }

    /// BLAKE3 of the plan as compact JSON.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("a plan has no map with keys that are no text"))
    }

    /// The plan, with its hash.
    pub(crate) fn bind(
        self,
        layout: Layout,
        launch: LaunchSettings,
        program: Option<Build>,
    ) -> BoundPlan {
        let (hash, shards) = (self.hash(), LiveShards::new(&self.shards));
        let (taken_over, settings_from) = (Vec::new(), Vec::new());
        BoundPlan { hash, plan: self, launch, layout, shards, program, taken_over, settings_from }
    }

    /// Those of the files that the plan knows, as they were when it was made.
    #[must_use]
    pub fn inputs_among(&self, files: &[PathBuf]) -> Vec<Input> {
        self.inputs.iter().filter(|input| files.contains(&input.path)).cloned().collect()
    }
}

impl BoundPlan {
    /// The same plan with other settings and inputs, cut into the same shards; none if they are what
    /// they were.
    #[must_use]
    pub fn with(&self, config: Value, inputs: Vec<Input>) -> Option<Self> {
        let plan = Plan { inputs, config, ..self.plan.clone() };
        let is_new = plan.inputs != self.plan.inputs;
        let settings_from = self.settings_from.clone();
        is_new.then(|| Self {
            settings_from,
            ..plan.bind(self.layout.clone(), self.launch.clone(), self.program.clone())
        })
    }

    /// The same plan, with programs that were mended.
    #[must_use]
    pub fn with_mended(self, mended: Vec<Mended>) -> Self {
        let Self { plan, launch, program, taken_over, settings_from, layout, .. } = self;
        let bound = Plan { mended, ..plan }.bind(layout, launch, program);
        Self { taken_over, settings_from, ..bound }
    }

    /// Units of a shard; none of one that there is not.
    #[must_use]
    pub fn units_of(&self, shard: u32) -> u64 {
        self.shards.units(shard).map_or(0, |units| units.end - units.start)
    }

    /// Cuts shards into more. When that is written down, the parts are run.
    ///
    /// # Errors
    /// Says why the parts of a shard are not the shard.
    pub fn cut(&mut self, splits: Vec<Split>) -> Result<(), &'static str> {
        let mut shards = self.shards.clone();
        splits.into_iter().try_for_each(|split| shards.put(&self.layout, split))?;
        self.shards = shards;
        Ok(())
    }

    /// Checks that a build may go on with this plan, which stands in a file: it planned it, or nobody
    /// wrote down who did.
    ///
    /// # Errors
    /// If another build planned it.
    pub fn check_program(&self, file: PathBuf, running: &Build) -> Result<(), OtherBuild> {
        match &self.program {
            Some(planned) if planned.blake3 != running.blake3 => Err(OtherBuild {
                plan: file,
                planned: planned.blake3.short(),
                found: running.blake3.short(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
impl BoundPlan {
    /// One for tests of files: of these units, cut into so many shards; another for every `seed`.
    pub(crate) fn example(layout: Layout, seed: u64, shards: u32) -> Self {
        let planned = PlanRequest {
            workload: USUAL_WORKLOAD,
            config: serde_json::json!({ "study": { "seed": seed } }),
            inputs: Vec::new(),
            seen: Value::Null,
            launch: LaunchSettings::default(),
            layout,
        };
        let program = Build { blake3: Digest::of(b"a build") };
        Plan::make(planned, shards, program).expect("as many pieces as shards")
    }
}
