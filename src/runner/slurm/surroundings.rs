//! The environment of Slurm's commands: a user's or a site's own settings must not change what is
//! asked, nor what the scripts rely on.

use std::process::Command;

/// Variables by which a command finds Slurm. All others of Slurm's are left out: within a job, those
/// of that job would be handed on to the jobs that it submits.
const KEPT: [&str; 4] = ["SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"];

/// Options for sbatch that the scripts rely on, or that would change what a submission is. They are
/// on the command line where they have a value; what is not there must not come from here.
const NOT_HANDED_ON: [&str; 17] = [
    "SBATCH_ARRAY_INX",
    "SBATCH_CLUSTERS",
    "SBATCH_COMMENT",
    "SBATCH_DEPENDENCY",
    "SBATCH_ERROR",
    "SBATCH_EXPORT",
    "SBATCH_EXPORT_FILE",
    "SBATCH_INPUT",
    "SBATCH_JOB_NAME",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_PARSABLE",
    "SBATCH_SIGNAL",
    "SBATCH_TEST_ONLY",
    "SBATCH_TIMELIMIT",
    "SBATCH_WAIT",
    "SBATCH_WRAP",
];

/// The clusters that sbatch submits to.
const CLUSTERS: &str = "SBATCH_CLUSTERS";
/// The time limit of jobs that say none.
const TIME_LIMIT: &str = "SBATCH_TIMELIMIT";
/// Their partition.
const PARTITION: &str = "SBATCH_PARTITION";

/// One of Slurm's commands, in an environment where only the place of Slurm and the user's choice
/// of resources are left. Times are printed in UTC.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if is_left_out(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    // All commands ask the cluster that sbatch submits to.
    if let Some(clusters) = variable(CLUSTERS) {
        command.env("SLURM_CLUSTERS", clusters);
    }
    if program != "sbatch" {
        command.env("TZ", "UTC");
    }
    command
}

/// Whether a variable is not for Slurm's commands.
fn is_left_out(name: &str) -> bool {
    let of_others = ["SQUEUE_", "SACCT_", "SCONTROL_"].iter().any(|start| name.starts_with(start));
    let of_slurm = name.starts_with("SLURM_") && !KEPT.contains(&name);
    of_others || of_slurm || NOT_HANDED_ON.contains(&name)
}

/// The settings for sbatch that are set here and not handed on: who types its command in this
/// environment must take them away. The cluster stays: it is where the others are asked, too.
pub(super) fn in_the_way() -> Vec<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some() && *name != CLUSTERS;
    NOT_HANDED_ON.iter().copied().filter(is_set).collect()
}

/// The time limit that the environment gives jobs.
#[must_use]
pub(super) fn time_limit() -> Option<String> {
    variable(TIME_LIMIT)
}

/// The partition that the environment gives jobs.
#[must_use]
pub(super) fn partition() -> Option<String> {
    variable(PARTITION)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scripts_rely_on_is_left_out_and_where_slurm_is_kept() {
        for name in ["SLURM_JOB_ID", "SLURM_TIME_FORMAT", "SQUEUE_FORMAT", "SBATCH_WAIT"] {
            assert!(is_left_out(name), "{name}");
        }
        for name in ["SLURM_CONF", "SLURM_CLUSTERS", "SBATCH_ACCOUNT", "SBATCH_QOS", "PATH"] {
            assert!(!is_left_out(name), "{name}");
        }
    }
}
