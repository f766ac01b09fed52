//! The job scripts as text. `slurm/otf_array.sh` and `slurm/otf_merge.sh` are these very bytes, for
//! people who submit by hand; `otfhpc submit` writes them into the results folder.

/// The shards that the array script starts when nothing else is said.
pub(super) const ARRAY_SHARDS: u32 = 32;

/// The name of array jobs.
pub(super) const ARRAY_JOB: &str = "otfhpc";
/// The name of merges.
pub(super) const MERGE_JOB: &str = "otfhpc-merge";

/// The script of an array job: one task, one shard.
#[must_use]
pub fn array_script() -> String {
    let array = format!("#SBATCH --array=0-{}\n", ARRAY_SHARDS - 1);
    [ARRAY_HEAD, &array, ARRAY_OPTIONS, FIND_PROGRAM, ARRAY_END].concat()
}

/// The script of the merge that waits for the array jobs.
#[must_use]
pub fn merge_script() -> String {
    [MERGE_HEAD, FIND_PROGRAM, MERGE_END].concat()
}

const ARRAY_HEAD: &str = "\
#!/bin/bash
# Works through a planned run as an array job. `otfhpc plan` writes this script
# into the results folder, and `otfhpc submit` submits it as often as the plan
# needs it; by hand, from the folder that RESULTS_DIR is in:
#
#   sbatch results/slurm/otf_array.sh [RESULTS_DIR]  (default: results)
#
# Options on the command line win over the lines below, for instance
#   sbatch --array=0-99 --partition=NAME results/slurm/otf_array.sh
# and so do SBATCH_ variables of yours or of your site: `otfhpc submit` sees to
# them, by hand it is up to you.
# A cluster limits the numbers of tasks (MaxArraySize); beyond, the task numbers
# start at 0 again, and OTFHPC_SHARD_OFFSET says which shard task 0 is.
#
#SBATCH --job-name=otfhpc
";

const ARRAY_OPTIONS: &str = "\
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
# One log per task. Slurm does not make the folder; planning the run does. For
# another RESULTS_DIR, give --output too. A task that is started again
# continues its log instead of overwriting it.
#SBATCH --output=results/logs/%x-%A_%a.log
#SBATCH --open-mode=append
# 90 s before the time limit Slurm sends USR1 to the program (B: to this shell,
# whose place it takes below). It then stops with what is done kept, and exits
# with 75; `otfhpc submit` goes on from there. To have tasks requeue themselves
# instead, export OTFHPC_REQUEUE=1 (the partition must allow it).
#SBATCH --signal=B:USR1@90
# No memory is asked for, because a cluster that does not know how much memory
# its nodes have refuses every such job. If yours needs it, remove one \"#\":
##SBATCH --mem=4G
";

/// The same in both scripts.
const FIND_PROGRAM: &str = r#"
set -euo pipefail

# The program: $OTFHPC if set, else the one built here, else the installed one.
program=${OTFHPC:-}
if [[ -z $program && -x ./target/release/otfhpc ]]; then
    program=./target/release/otfhpc
fi
if [[ -z $program ]] && ! program=$(command -v otfhpc); then
    echo "otfhpc not found in $PWD/target/release or on PATH; next: cargo build --release" >&2
    exit 2
fi

"#;

const ARRAY_END: &str = r#"# exec, so that the program takes the place of this shell: Slurm's signals (time
# limit, scancel) then reach it directly, and its exit code is the task's.
exec "$program" run "${1:-results}"
"#;

const MERGE_HEAD: &str = r#"#!/bin/bash
# Merges the results of a run when its array jobs are over. `otfhpc submit`
# submits it; by hand, from the folder that RESULTS_DIR is in, with the number
# that sbatch printed for the array job:
#
#   sbatch --dependency=afterany:JOBID results/slurm/otf_merge.sh [RESULTS_DIR]
#
# Where only a part of the shards could be submitted, `otfhpc submit` adds the
# arguments with which the rest is to be submitted; it merges when all is over.
#
# "afterany", not "afterok": merge itself decides whether the run is complete,
# and says what is missing if it is not.
#
#SBATCH --job-name=otfhpc-merge
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
# As in otf_array.sh: the folder must exist, and belongs to RESULTS_DIR.
#SBATCH --output=results/logs/%x-%j.log
#SBATCH --open-mode=append
"#;

const MERGE_END: &str = r#"# exec, so that Slurm's signals reach the program and its exit code is the job's.
if (($# > 1)); then
    exec "$program" submit "$@"
fi
exec "$program" merge "${1:-results}"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_of_the_repository_are_the_rendered_ones() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm");
        for (name, rendered) in [("otf_array.sh", array_script()), ("otf_merge.sh", merge_script())]
        {
            let path = folder.join(name);
            if std::env::var_os("OTFHPC_UPDATE_SCRIPTS").is_some() {
                std::fs::write(&path, &rendered).unwrap();
            }
            let written = std::fs::read_to_string(&path).unwrap();
            // Line by line, so that a difference is seen; then whole.
            for (line, (written, rendered)) in written.lines().zip(rendered.lines()).enumerate() {
                assert_eq!(written, rendered, "slurm/{name}, line {}", line + 1);
            }
            assert!(written == rendered, "run this test with OTFHPC_UPDATE_SCRIPTS=1");
        }
    }
}
