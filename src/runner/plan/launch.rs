//! `[slurm]`: how the jobs of a run are started. Nothing here changes a result, so none of it is
//! part of the plan's hash: it may change from one submission to the next.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundations::text::lenient;
use crate::foundations::text::listed::OneOrMore;

/// `[slurm]`: what `otfhpc submit` asks of Slurm. What is not set is left to the scripts and to
/// the cluster's own defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LaunchSettings {
    /// `--partition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// `--account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// `--time`: the limit of each task, and of the merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// `--mem`: memory of each task, and of the merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// `--cpus-per-task`: the threads of each task.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::some_count")]
    pub cpus_per_task: Option<NonZeroU32>,
    /// Tasks of one array job that may run at once.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::some_count")]
    pub throttle: Option<NonZeroU32>,
    /// More options for sbatch, each in one word: `--qos=high`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list_of_words")]
    #[schemars(with = "OneOrMore<String>")]
    pub extra: Vec<String>,
}

impl LaunchSettings {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
