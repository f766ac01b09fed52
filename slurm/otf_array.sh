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
#SBATCH --array=0-31
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
# its nodes have refuses every such job. If yours needs it, remove one "#":
##SBATCH --mem=4G

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

# exec, so that the program takes the place of this shell: Slurm's signals (time
# limit, scancel) then reach it directly, and its exit code is the task's.
exec "$program" run "${1:-results}"
