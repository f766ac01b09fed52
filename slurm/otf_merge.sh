#!/bin/bash
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

# exec, so that Slurm's signals reach the program and its exit code is the job's.
if (($# > 1)); then
    exec "$program" submit "$@"
fi
exec "$program" merge "${1:-results}"
