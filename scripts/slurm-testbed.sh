#!/usr/bin/env bash
# A private Slurm on this one machine, for tests: one controller, four nodes
# and their own munge, in one folder and on their own ports. It needs root and
# the Debian packages slurm-wlm and munge; it needs no systemd, and it neither
# reads nor changes a Slurm that is already set up on the machine.
#
#   scripts/slurm-testbed.sh check        can it run here? (exit 0, or 1 and why)
#   eval "$(scripts/slurm-testbed.sh up)" start it; sbatch and the rest now use it
#   scripts/slurm-testbed.sh down         stop it and remove its folder
#   scripts/slurm-testbed.sh kill n2      kill a node and all that runs on it, as
#                                         if its power had failed
#
# `up` and `down` take the folder as an argument: for `up` a new or empty one
# (default: a new one under $TMPDIR or /tmp). Any number can run side by side.
#
# Settings, all optional, from the environment:
#   OTFHPC_TESTBED               the folder that `down` takes when given none
#   OTFHPC_TESTBED_MAXARRAYSIZE  MaxArraySize (default 1001, as in Slurm)
#   OTFHPC_TESTBED_MEMORY        megabytes that a job gets for each processor where
#                                it asks for no memory; a job that takes more than
#                                it was given is killed (default: memory is free)
#   OTFHPC_TESTBED_GRACE         seconds that a job has left that is to make room for
#                                an urgent one, of which it is warned by the signal
#                                that it asked for (default: none)
#   OTFHPC_TESTBED_EPILOG        a program that runs at the end of every job
#   KEEP=1                       `down` keeps the folder, with all the logs
set -euo pipefail

# The daemons are in sbin, which is not on every root shell's PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

readonly NODES=4
readonly CPUS_PER_NODE=2
readonly UP_SECONDS=60      # how long `up` waits for the nodes
readonly KILL_WAIT=5        # seconds from SIGTERM to SIGKILL when a job is cancelled
readonly MARKER=.otfhpc-testbed

# Set by cmd_up and cmd_down, used by every function below.
dir=
conf=
# Set when `up` gets a signal.
interrupted=
# Set when the folder is that of this `up`.
ours=

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

say() { printf 'slurm-testbed: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Sets the folder that the rest of this script works on.
use_folder() {
    dir=$1
    conf=$dir/slurm.conf
}

# Runs a Slurm command against this testbed. The empty environment keeps the
# caller's SLURM_*, SQUEUE_* and similar settings from changing what it prints,
# and the time limit keeps a dead controller from blocking us.
slurm() { timeout 10 env -i PATH="$PATH" SLURM_CONF="$conf" "$@"; }

# ---------------------------------------------------------------- checks

# Prints why the testbed cannot run here; prints nothing if it can.
reason_against() {
    local program
    if ((EUID != 0)); then
        echo "slurm-testbed: must run as root"
        return
    fi
    for program in slurmctld slurmd munged sbatch scancel sinfo squeue setsid flock; do
        if ! command -v "$program" >/dev/null; then
            echo "slurm-testbed: $program not found (Debian: apt-get install slurm-wlm munge)"
            return
        fi
    done
}

cmd_check() {
    local reason
    reason=$(reason_against)
    [[ -z $reason ]] && return
    echo "$reason"
    exit 1
}

# ---------------------------------------------------------------- processes

# Prints the state letter and the start time of a process. The start time tells
# a process from a later one that was given the same id. The program's name, in
# parentheses, is cut off first because it may contain spaces. (Not $(<FILE): if
# the process ends just then, bash runs our EXIT trap in the subshell.)
state_and_start() {
    local stat fields
    read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
    read -ra fields <<<"${stat##*) }"
    echo "${fields[0]} ${fields[19]}"
}

# Is process $1 the program $2 that started at time $3? A zombie counts as gone:
# in a container nothing may ever collect it.
is_running() {
    local comm state start
    read -r comm 2>/dev/null <"/proc/$1/comm" || return 1
    read -r state start < <(state_and_start "$1") || return 1
    [[ $comm == "$2" && $start == "$3" && $state != Z ]]
}

# Closes what the caller had open beyond stdin, stdout and stderr. A daemon that
# kept the write end of some pipe would make its reader wait for ever. (255 is
# bash's own, and closes itself on exec.)
close_other_files() {
    local fd
    for fd in "/proc/$BASHPID/fd"/*; do
        fd=${fd##*/}
        if ((fd > 2 && fd != 255)); then exec {fd}>&-; fi
    done
}

# start_daemon LOG PROGRAM [ARG...]: starts PROGRAM apart from the caller (own
# session, own working folder, no shared files) and records it in the pids file.
# No daemon forks away, because each is told to stay in the foreground, and
# setsid and env replace themselves; so $! is the daemon itself.
start_daemon() {
    local log=$1
    shift
    (
        cd "$dir"
        close_other_files
        exec setsid env -i PATH="$PATH" SLURM_CONF="$conf" "$@"
    ) </dev/null >>"$log" 2>&1 &
    record_daemon "$1" "$!"
}

# Adds "PROGRAM PID START" to the pids file, once the process has become PROGRAM.
record_daemon() {
    local program=$1 pid=$2 start i
    for ((i = 0; i < 100; i++)); do
        read -r _ start < <(state_and_start "$pid") || break
        if is_running "$pid" "$program" "$start"; then
            echo "$program $pid $start" >>"$dir/pids"
            return
        fi
        sleep 0.05
    done
    die "$program did not start"
}

# Prints "PID START" of the recorded daemons of program $1 that still run.
running_daemons() {
    local program pid start
    [[ -e $dir/pids ]] || return 0
    while read -r program pid start; do
        if [[ $program == "$1" ]] && is_running "$pid" "$program" "$start"; then
            echo "$pid $start"
        fi
    done <"$dir/pids"
}

# Stops the recorded daemons of program $1: SIGTERM, up to 10 s, SIGKILL.
stop_daemons() {
    local program=$1 signal daemons i
    for signal in TERM KILL; do
        mapfile -t daemons < <(running_daemons "$program")
        ((${#daemons[@]})) || return 0
        # The start times are cut off: kill takes only the ids.
        kill -s "$signal" "${daemons[@]%% *}" 2>/dev/null || true
        for ((i = 0; i < 100; i++)); do
            [[ -n $(running_daemons "$program") ]] || return 0
            sleep 0.1
        done
    done
    say "$program does not stop: ${daemons[*]%% *}"
    return 1
}

# ---------------------------------------------------------------- up

# Makes the folder and the marker by which `down` knows it may remove it.
make_folder() {
    dir=${1:-}
    if [[ -z $dir ]]; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/otfhpc-testbed.XXXXXX")
    fi
    mkdir -p "$dir"
    use_folder "$(realpath "$dir")"
    # slurm.conf has no quoting: a space ends a value and % starts a pattern.
    [[ $dir =~ ^[A-Za-z0-9/._+-]+$ ]] || die "unusual characters in the path $dir"
    # The limit for the path of a Unix socket is 107 bytes.
    ((${#dir} <= 80)) || die "path too long for the sockets in it: $dir"
    if [[ -e $dir/$MARKER ]]; then
        die "there is a testbed in $dir; it is left alone (to stop it: $0 down $dir)"
    fi
    [[ -z $(ls -A "$dir") ]] || die "folder is not empty: $dir"
    ours=1
    touch "$dir/$MARKER" "$dir/pids"
}

port_in_use() {
    local hex
    printf -v hex '%04X' "$1"
    grep -qsE "^ *[0-9]+: [0-9A-F]+:$hex " /proc/net/tcp /proc/net/tcp6
}

# Are all the ports of the testbed that starts at $1 taken (all), or any (any)?
ports_taken() {
    local port wanted=$2 taken=0
    for ((port = $1; port <= $1 + NODES; port++)); do
        if port_in_use "$port"; then taken=$((taken + 1)); fi
    done
    if [[ $wanted == all ]]; then ((taken == NODES + 1)); else ((taken > 0)); fi
}

# Prints the first of NODES + 1 free ports in a row: controller, then nodes. The
# range lies below the one from which Linux takes ports for outgoing connections.
free_ports() {
    local block=$((NODES + 1)) base try
    for ((try = 0; try < 200; try++)); do
        base=$((20000 + RANDOM % (12000 / block) * block))
        if ! ports_taken "$base" any; then
            echo "$base"
            return
        fi
    done
    die "no free ports between 20000 and 32000"
}

# From choosing the ports until they are in use, only one `up` at a time. The
# lock is on this script itself, so that there is no lock file to clean up.
lock_ports() {
    exec 9<"${BASH_SOURCE[0]}"
    wait_until $((SECONDS + 300)) "another 'up' to have its ports" flock --nonblock 9
}

unlock_ports() { exec 9<&-; }

# Prints the number of this Slurm's release without the dot: 2205 for 22.05.8.
slurm_release() {
    local version
    version=$(slurmd -V)
    [[ $version =~ ([0-9]+)\.([0-9]+) ]] || die "cannot read the version of Slurm: $version"
    echo "${BASH_REMATCH[1]}${BASH_REMATCH[2]}"
}

# write_conf BASE_PORT
write_conf() {
    local base=$1 host address release listen=''
    local max_array=${OTFHPC_TESTBED_MAXARRAYSIZE:-1001}
    local memory=${OTFHPC_TESTBED_MEMORY:-} grace=${OTFHPC_TESTBED_GRACE:-}
    # CPUs only. As on a default cluster, no RealMemory: asking for memory is refused.
    local gather='JobAcctGatherType=jobacct_gather/none' select=CR_CPU real='' graced='' warned=''
    if [[ -n $memory ]]; then
        # The processes of a job are counted every second: that needs no cgroups.
        gather=$'JobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=task=1\nJobAcctGatherParams=OverMemoryKill'
        select=CR_CPU_Memory$'\n'"DefMemPerCPU=$memory"
        real='RealMemory=8000'
    fi
    if [[ -n $grace ]]; then
        graced="GraceTime=$grace"
        warned='SlurmctldParameters=preempt_send_user_signal'
    fi
    [[ $max_array =~ ^[1-9][0-9]*$ ]] || die "OTFHPC_TESTBED_MAXARRAYSIZE is not a number: $max_array"
    host=$(uname -n)
    host=${host%%.*}
    # Slurm listens on the address of this host's own name, or else on all. The
    # former will do only if that is 127.0.0.1, as srun is called back there. With
    # the latter, nobody without the munge key in our folder gets anything done.
    address=$(getent ahostsv4 "$(uname -n)" | awk 'NR == 1 { print $1 }') || true
    if [[ $address == 127.0.0.1 ]]; then
        listen='CommunicationParameters=NoInAddrAny,NoCtldInAddrAny'
    fi

    cat >"$conf" <<END
# Written by slurm-testbed.sh.
# The name is unique: by it 'down' finds the processes of this testbed's jobs.
ClusterName=otfhpc-$$-$base
SlurmUser=root
SlurmdUser=root
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base
$listen

AuthType=auth/munge
# A requeued job starts again only after cred_expire seconds (default 120).
AuthInfo=socket=$dir/munge/socket,cred_expire=10

StateSaveLocation=$dir/controller/state
SlurmctldPidFile=$dir/controller/slurmctld.pid
SlurmctldLogFile=$dir/controller/slurmctld.log
SlurmdSpoolDir=$dir/%n/spool
SlurmdPidFile=$dir/%n/slurmd.pid
SlurmdLogFile=$dir/%n/slurmd.log

# Nothing that needs cgroups, a database, mail or a particular number of CPUs.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
$gather
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
MailProg=$(type -P true)
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=$select
$warned

# Start jobs at once and clean up after them at once, so that tests are quick,
# but remember finished jobs long enough for a test to ask about them.
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
# An epilog, even an empty one, makes the node report the end of a job, at which
# the next job is started. Without one it may wait for the next second.
Epilog=${OTFHPC_TESTBED_EPILOG:-$(type -P true)}
CompleteWait=0
EpilogMsgTime=0
KillWait=$KILL_WAIT
InactiveLimit=0
MinJobAge=300
SlurmctldTimeout=30
# A node whose slurmd is gone is down so soon, and its jobs are lost.
SlurmdTimeout=10
ReturnToService=2
MaxArraySize=$max_array
# Slurm wants room for more jobs than one array has tasks.
MaxJobCount=$((max_array + 10000))

NodeName=n[1-$NODES] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((base + 1))-$((base + NODES))] CPUs=$CPUS_PER_NODE $real State=UNKNOWN
# Jobs in "urgent" take the place of others, which are requeued, or cancelled if they may not be.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=debug Nodes=n[1-$NODES] $graced Default=YES DefaultTime=60 MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=urgent Nodes=n[1-$NODES] DefaultTime=60 MaxTime=INFINITE PriorityTier=2 PreemptMode=OFF State=UP
END

    # slurmd looks for cgroups (and for systemd) even if no plugin uses them, and
    # may not start without. 24.05 and later can be told not to; before that, the
    # plugin for version 1 is the one that touches nothing until it is used.
    release=$(slurm_release)
    if ((release >= 2405)); then
        echo "CgroupPlugin=disabled" >"$dir/cgroup.conf"
    else
        echo "CgroupPlugin=cgroup/v1" >"$dir/cgroup.conf"
    fi
}

# munged is strict about who could tamper with its files. Its folder is private
# to root, and --force lets it run although that is "too" private for it.
start_munged() {
    local deadline=$1 munge=$dir/munge
    mkdir -m 0700 "$munge"
    (umask 077 && head -c 1024 /dev/urandom >"$munge/key")
    start_daemon "$munge/munged.out" munged --foreground --force \
        --socket="$munge/socket" --key-file="$munge/key" --seed-file="$munge/seed" \
        --pid-file="$munge/pid" --log-file="$munge/log"
    wait_until "$deadline" "munged to listen" test -S "$munge/socket"
}

start_controller() {
    mkdir -p "$dir/controller/state"
    start_daemon "$dir/controller/slurmctld.out" slurmctld -D
}

start_nodes() {
    local i
    for ((i = 1; i <= NODES; i++)); do
        mkdir -p "$dir/n$i/spool"
        start_daemon "$dir/n$i/slurmd.out" slurmd -D -N "n$i"
    done
}

all_daemons_run() {
    local program pid start
    while read -r program pid start; do
        is_running "$pid" "$program" "$start" || return 1
    done <"$dir/pids"
}

# wait_until DEADLINE WHAT COMMAND [ARG...]: repeats COMMAND until it succeeds,
# but gives up at DEADLINE (a value of SECONDS), on a signal, or when one of our
# daemons has ended.
wait_until() {
    local deadline=$1 what=$2
    shift 2
    until "$@"; do
        [[ -z $interrupted ]] || die "interrupted while waiting for $what"
        all_daemons_run || die "a daemon ended while waiting for $what"
        ((SECONDS < deadline)) || die "the time is over, still waiting for $what"
        sleep 0.1
    done
}

# A node that has not answered yet is shown as "idle*" or "unk", not as "idle".
nodes_idle() {
    local idle
    idle=$(slurm sinfo --noheader --Node --partition=debug --format=%t 2>/dev/null | grep -cx idle) || true
    ((idle == NODES))
}

show_logs() {
    local log
    for log in "$dir"/*/*.out; do
        [[ -s $log ]] || continue
        printf -- '--- end of %s\n' "$log" >&2
        tail -n 15 "$log" >&2
    done
}

# Runs when `up` ends early, for whatever reason: leaves nothing behind.
abandon_up() {
    trap - EXIT
    set +e
    if [[ -n $ours ]]; then
        show_logs
        say "could not start; stopping what was started"
        stop_all
        remove_folder
    elif [[ -n $dir ]]; then
        # Ended before the folder was ours: remove it only if it is empty.
        rmdir -- "$dir" 2>/dev/null
    fi
    exit 1
}

cmd_up() {
    # From here on stdout is stderr, so that nothing but the two lines at the end
    # can get into what the caller evaluates.
    exec 3>&1 1>&2
    cmd_check
    trap abandon_up EXIT
    # Only noted, and acted upon in wait_until: a signal must not come between
    # the start of a daemon and the line about it in the pids file.
    trap 'interrupted=1' INT TERM HUP
    make_folder "${1:-}"
    lock_ports

    local base deadline=$((SECONDS + UP_SECONDS))
    base=$(free_ports)
    write_conf "$base"
    start_munged "$deadline"
    start_controller
    start_nodes
    wait_until "$deadline" "the daemons to listen" ports_taken "$base" all
    unlock_ports
    wait_until "$deadline" "$NODES idle nodes" nodes_idle
    [[ -z $interrupted ]] || die "interrupted"

    trap - EXIT INT TERM HUP
    say "ready in $dir"
    printf 'export SLURM_CONF=%s\nexport OTFHPC_TESTBED=%s\n' "$conf" "$dir" >&3
}

# ---------------------------------------------------------------- down

# Cancels every job and waits until the last one is gone. Repeated, because a
# job that ends may just have submitted another. Jobs get SIGTERM and then, after
# KillWait, SIGKILL, so this ends soon unless a daemon is missing; in that case
# kill_leftovers has the last word.
cancel_jobs() {
    local jobs end=$((SECONDS + KILL_WAIT + 5)) i
    [[ -n $(running_daemons slurmctld) ]] || return 0
    while ((SECONDS < end)); do
        # %F is the id of a whole array, so that there is one id for all its tasks.
        jobs=$(slurm squeue --noheader --format=%F | sort -u) || return 0
        [[ -n $jobs ]] || return 0
        xargs timeout 10 env -i PATH="$PATH" SLURM_CONF="$conf" scancel --quiet <<<"$jobs" || true
        for ((i = 0; i < 20; i++)); do
            [[ -n $(slurm squeue --noheader --format=%F) ]] || return 0
            sleep 0.1
        done
    done
    say "some jobs do not end: ${jobs//$'\n'/ }"
}

cluster_name() { sed -n 's/^ClusterName=//p' "$conf" 2>/dev/null || true; }

# Is process $1 one of Slurm's own helpers (slurmstepd, which outlives its
# slurmd, or the controller's script runner), with a file of our folder open?
is_our_helper() {
    local comm
    read -r comm 2>/dev/null <"/proc/$1/comm" || return 1
    case $comm in
    slurmstepd | slurmscriptd | slurmctld | slurmd) ;;
    *) return 1 ;;
    esac
    find "/proc/$1/fd" -lname "$dir/*" -print -quit 2>/dev/null | grep -q .
}

# Prints the processes of this testbed that are not in the pids file. Those of
# jobs are known by the name of the cluster $1, which Slurm puts into the
# environment of each.
leftovers() {
    local process pid
    grep -zlsxF "SLURM_CLUSTER_NAME=$1" /proc/[0-9]*/environ | cut -d/ -f3 || true
    for process in /proc/[0-9]*; do
        pid=${process##*/}
        if is_our_helper "$pid"; then echo "$pid"; fi
    done
}

# Normally there is nothing to do here. It matters for processes that put
# themselves out of Slurm's sight, or when a daemon was killed by a test. (A
# zombie does not count: its environment and its files are gone.)
kill_leftovers() {
    local cluster pids try
    cluster=$(cluster_name)
    [[ -n $cluster ]] || return 0
    for ((try = 0; try < 20; try++)); do
        mapfile -t pids < <(leftovers "$cluster")
        ((${#pids[@]})) || return 0
        kill -s KILL "${pids[@]}" 2>/dev/null || true
        sleep 0.1
    done
    say "processes left over: ${pids[*]}"
    return 1
}

# munged goes last, since the others cannot talk to each other without it.
stop_all() {
    local status=0
    cancel_jobs
    stop_daemons slurmd || status=1
    stop_daemons slurmctld || status=1
    kill_leftovers || status=1
    stop_daemons munged || status=1
    return "$status"
}

remove_folder() {
    if [[ ${KEEP:-} == 1 ]]; then
        say "kept $dir"
    else
        rm -rf -- "$dir"
    fi
}

cmd_down() {
    local folder=${1:-${OTFHPC_TESTBED:-}}
    [[ -n $folder ]] || die "down: no folder given, and OTFHPC_TESTBED is not set"
    if [[ ! -e $folder ]]; then
        say "nothing to stop: no folder $folder"
        return
    fi
    use_folder "$(realpath "$folder")"
    [[ -e $dir/$MARKER ]] || die "not a testbed folder: $dir"
    # Cancelling all jobs would end this script half-way.
    [[ ${SLURM_CLUSTER_NAME:-} != "$(cluster_name)" || -z ${SLURM_CLUSTER_NAME:-} ]] ||
        die "down: must not run inside a job of this testbed"
    stop_all || die "not everything could be stopped; kept $dir"
    remove_folder
}

# ---------------------------------------------------------------- kill

# Prints the processes of jobs on node $1 of this testbed.
job_processes() {
    local process cluster
    cluster=$(cluster_name)
    grep -zlsxF "SLURMD_NODENAME=$1" /proc/[0-9]*/environ | cut -d/ -f3 | while read -r process; do
        if grep -zqsxF "SLURM_CLUSTER_NAME=$cluster" "/proc/$process/environ"; then
            echo "$process"
        fi
    done
}

# First the daemon and the keepers of the jobs, which must not tell how the jobs
# end; a keeper (slurmstepd) is the parent of its job's first process.
cmd_kill() {
    local node=${1:-} number daemon start processes process parent
    [[ -n ${OTFHPC_TESTBED:-} ]] || die "kill: OTFHPC_TESTBED is not set"
    use_folder "$OTFHPC_TESTBED"
    number=${node#n}
    [[ $number =~ ^[1-9][0-9]*$ ]] || die "kill: not a node: $node"
    read -r daemon start < <(grep '^slurmd ' "$dir/pids" | sed -n "${number}p" | cut -d' ' -f2-) ||
        die "kill: no such node: $node"
    is_running "$daemon" slurmd "$start" || die "kill: $node does not run"
    mapfile -t processes < <(job_processes "$node")
    kill -s KILL "$daemon"
    for process in "${processes[@]}"; do
        parent=$(awk '$1 == "PPid:" { print $2 }' "/proc/$process/status" 2>/dev/null) || continue
        if [[ -n $parent && $(cat "/proc/$parent/comm" 2>/dev/null) == slurmstepd ]]; then
            kill -s KILL "$parent" 2>/dev/null || true
        fi
    done
    # A node is gone all at once: none may see another die before it does itself.
    if ((${#processes[@]})); then
        kill -s STOP "${processes[@]}" 2>/dev/null || true
        kill -s KILL "${processes[@]}" 2>/dev/null || true
    fi
}

case ${1:-} in
up | down) (($# <= 2)) || usage ;;
check) (($# == 1)) || usage ;;
kill) (($# == 2)) || usage ;;
*) usage ;;
esac
"cmd_$1" "${@:2}"
