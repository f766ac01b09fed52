#!/usr/bin/env bash
# Measures everything that docs/BENCHMARKS.md claims, and writes it anew: otfhpc against NumPy, SciPy,
# Numba and JAX (scripts/peers), whole commands, planning, merging, and the kernels. Takes some
# minutes, on a machine that does nothing else.
#
#   scripts/bench.sh [--before COMMIT]          measures all, and writes docs/BENCHMARKS.md
#   scripts/bench.sh --quick [--before COMMIT]  measures less, once, and writes
#                                               target/bench/BENCHMARKS.md instead
#
# With --before, the build of that commit is measured too, in turn with this one.
# Everything that is compared has one thread. A program whose emissivities are not those of an exact
# solution ends the run: its times would mean nothing.
set -euo pipefail

readonly PYTHON=target/python/bin/python
readonly OUT=target/bench
readonly OTFHPC=target/release/otfhpc
readonly BUSY=0.5 # a load above this spoils times on a small machine

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

say() { printf 'bench.sh: %s\n' "$*" >&2; }

provide_python() {
    if [[ -x $PYTHON ]] && "$PYTHON" -c 'import numpy, scipy' 2>/dev/null; then return; fi
    say "making target/python with NumPy and SciPy"
    mkdir -p target
    python3 -m venv --clear target/python
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement tests/python/requirements.txt
}

# Numba and JAX, one by one: what cannot be installed is named in $OUT/absent, and left out.
provide_peers() {
    local requirement
    while read -r requirement; do
        "$PYTHON" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
            --constraint tests/python/requirements.txt "$requirement" ||
            say "could not install $requirement"
    done < <(grep -v '^#' scripts/peers/requirements.txt)
    : >"$OUT/absent"
    for requirement in numba jax; do
        if ! "$PYTHON" -c "import $requirement" 2>/dev/null; then
            say "going on without $requirement"
            echo "$requirement" >>"$OUT/absent"
        fi
    done
}

warn_if_busy() {
    local load
    read -r load _ </proc/loadavg
    echo "$load" >"$OUT/load"
    if awk "BEGIN { exit !($load > $BUSY) }"; then
        say "warning: this machine is busy (load $load): the times will be too long"
    fi
}

# simulate FILE RECORDS [SETTING...]
simulate() {
    local file=$1 settings=("simulate.records=$2" simulate.rounding=true "${@:3}")
    "$OTFHPC" --quiet simulate --replace --out "$OUT/$file" "${settings[@]/#/--set=}"
}

# peer NAME TIMES SCRIPT ARG...: each run adds a line of JSON to NAME.jsonl.
peer() {
    local name=$1 times=$2 script=$3 i
    say "scripts/peers/$script: $name"
    for ((i = 0; i < times; i++)); do
        "$PYTHON" "scripts/peers/$script" "${@:4}" >>"$OUT/$name.jsonl"
    done
}

# sigma_of FILE: the noise of a sample, as a calibration set says.
sigma_of() {
    "$PYTHON" -c 'import sys, numpy; print(float(numpy.load(sys.argv[1])["sigma_llss"]))' "$OUT/$1"
}

# deflate FILE OUTPUT: the same arrays, as numpy.savez_compressed has them.
deflate() {
    "$PYTHON" -c 'import sys, numpy; numpy.savez_compressed(sys.argv[2], **numpy.load(sys.argv[1]))' \
        "$OUT/$1" "$OUT/$2"
}

# own_accuracy RECORDS: how far the solution of otfhpc is from the exact one.
own_accuracy() {
    local set=cal-$1.npz
    "$OTFHPC" --quiet local --replace --threads 1 --out "$OUT/own" --set=data.source=npz \
        --set=data.path="$OUT/$set" --set=data.sigma="$(sigma_of "$set")" --set=fit.methods=wls
    "$PYTHON" scripts/peers/exact.py --compare "$OUT/exact-$1.npz" "$OUT/own/solution.npz" \
        >"$OUT/own_$1.jsonl"
}

# own NAME SET METHOD [SETTING...]: a whole process of otfhpc on one thread; the seconds of it, and of the
# parts that --profile tells, go to fit_NAME.jsonl.
own() {
    local name=$1 set=$2 method=$3 start told
    rm -rf "$OUT/own"
    start=$EPOCHREALTIME
    told=$("$OTFHPC" local --threads 1 --profile --out "$OUT/own" --set=data.source=npz \
        --set=data.path="$OUT/$set" --set=data.sigma="$(cat "$OUT/$set.sigma")" \
        --set=fit.methods="$method" "${@:4}" 2>/dev/null)
    awk -v whole="$(awk "BEGIN { print $EPOCHREALTIME - $start }")" '
        /^(read|transform|design) / { printf "%s\"%s\": %s", n++ ? ", " : "{", $1, $2 }
        /^(factor|solve) / { printf ", \"%s\": %s", $1, $3 }
        END { printf ", \"whole\": %s}\n", whole }' <<<"$told" >>"$OUT/fit_$name.jsonl"
}

# all_bins RECORDS TIMES: everybody who fits all bins, in turn, each held to the exact solution.
all_bins() {
    local records=$1 times=$2 name i
    local set=cal-$records.npz
    local given=("$OUT/$set" "$OUT/numpy.npz" "$OUT/exact-$1.npz")
    simulate "$set" "$records"
    sigma_of "$set" >"$OUT/$set.sigma"
    "$PYTHON" scripts/peers/exact.py "$OUT/$set" "$OUT/exact-$records.npz"
    own_accuracy "$records"
    for ((i = 0; i < times; i++)); do
        own "$records" "$set" wls
        peer "numpy_$records" 1 numpy_lstsq.py "${given[@]}"
        peer "batched_$records" 1 numpy_batched.py "${given[@]}"
        for name in numba jax; do
            if grep -qx "$name" "$OUT/absent"; then continue; fi
            peer "${name}_$records" 1 "${name}_qr.py" "${given[@]}"
        done
    done
}

run_peers() {
    local i
    all_bins 1200 "$many"
    all_bins 12000 "$few"
    deflate cal-1200.npz cal-deflated.npz
    cp "$OUT/cal-1200.npz.sigma" "$OUT/cal-deflated.npz.sigma"
    for ((i = 0; i < many; i++)); do
        own 1200_deflated cal-deflated.npz wls
        peer numpy_1200_deflated 1 numpy_lstsq.py "$OUT/cal-deflated.npz" "$OUT/numpy.npz" \
            "$OUT/exact-1200.npz"
    done
    simulate cal-ten.npz 1200 'data.other_bolometers=["rh","rl","lh"]'
    simulate cal-joint.npz 1200 'simulate.biases=[25,35,45]' simulate.bolometer_error=0.007 \
        'simulate.corrections={xcal_offset_k=-1.457e-3,h2=1.1e-3,h3=-1.2e-3}'
    # Its parameters are where the peer starts: a model without corrections.
    "$OTFHPC" --quiet local --replace --out "$OUT/model" --set=fit.methods=wls
    "$OTFHPC" --quiet model "$OUT/model" --replace --out "$OUT/model.FITS"
    sigma_of cal-joint.npz >"$OUT/cal-joint.npz.sigma"
    for ((i = 0; i < many; i++)); do
        own joint_1200 cal-joint.npz joint --set=fit.constraint=kirchhoff
        peer joint_1200 1 numpy_joint.py "$OUT/cal-joint.npz" "$OUT/model.FITS" \
            "$(cat "$OUT/cal-joint.npz.sigma")" "$OUT/numpy.npz"
    done
    peer search_once "$few" scipy_lbfgsb.py "$OUT/cal-ten.npz"
    peer search_recomputing 1 scipy_lbfgsb.py "$OUT/cal-ten.npz" --recompute "${less_search[@]}"
}

# build_before COMMIT: in a folder of its own, since Cargo would take it for a part of this workspace.
build_before() {
    local source
    say "building $1"
    source=$(mktemp -d)
    git archive "$1" | tar -x -C "$source"
    cargo build --quiet --release --manifest-path "$source/Cargo.toml" --target-dir target/before
    rm -rf "$source"
    git log -1 --format='%h of %as' "$1" >"$OUT/before.txt"
}

# in_turn NAME TIMES ARG...: `local` with these arguments on one thread, by both builds in turn; the
# seconds of each run go to NAME_now.jsonl and NAME_before.jsonl.
in_turn() {
    local name=$1 times=$2 i build start
    local -A program=([now]=$OTFHPC [before]=target/before/release/otfhpc)
    say "this build and the one before: $name"
    for ((i = 0; i < times; i++)); do
        for build in now before; do
            rm -rf "$OUT/turn"
            start=$EPOCHREALTIME
            "${program[$build]}" --quiet local --threads 1 --out "$OUT/turn" "${@:3}"
            awk "BEGIN { printf \"{\\\"seconds\\\": %f}\\n\", $EPOCHREALTIME - $start }" \
                >>"$OUT/${name}_$build.jsonl"
        done
    done
}

compare_builds() {
    local records set
    for records in 1200 12000; do
        set=cal-$records.npz
        in_turn "turn_$records" "$many" --set=data.source=npz --set=data.path="$OUT/$set" \
            --set=data.sigma="$(sigma_of "$set")" --set=fit.methods=wls
    done
    in_turn turn_study "$few" --config configs/comprehensive.toml "${study[@]}"
}

# bench NAME ARG...: what a benchmark prints goes to NAME.txt.
bench() {
    say "benches/$1.rs"
    cargo bench --quiet --bench "$1" -- "${@:2}" >"$OUT/$1.txt"
}

measure() {
    run_peers
    if [[ -n $before ]]; then compare_builds; fi
    bench whole "${whole[@]}"
    bench kernels "${kernels[@]}"
    bench plan
    bench merge
    bench units "${units[@]}"
}

main() {
    local many=5 few=3 less_search=() whole=() kernels=() units=() study=() before=
    local report=docs/BENCHMARKS.md
    while (($#)); do
        case $1 in
        --quick)
            many=1 few=1 less_search=(--most 300) whole=(--quick)
            kernels=(--max-time 0.2) units=(10000) report=$OUT/BENCHMARKS.md
            study=(--set=study.trials=2 --set=study.noise_levels=0.01 --set=simulate.records=120)
            ;;
        --before)
            (($# >= 2)) || usage
            before=$2
            shift
            ;;
        *) usage ;;
        esac
        shift
    done
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    # What is measured must not be told by its caller how to behave, nor by a job around it.
    unset "${!OTFHPC_@}" "${!SLURM_@}"
    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1
    export XLA_FLAGS='--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'
    export NUMBA_CACHE_DIR=$PWD/target/numba
    rm -rf "$OUT"
    mkdir -p "$OUT"
    # Before the builds below, which make a load of their own.
    warn_if_busy
    provide_python
    provide_peers
    cargo build --quiet --release
    # Whatever has to be compiled is compiled before anything is measured.
    if [[ -n $before ]]; then build_before "$before"; fi
    cargo bench --quiet --no-run
    measure
    "$PYTHON" scripts/bench_report.py "$OUT" >"$OUT/report.md"
    # Not on the way: a report that fails leaves the old one.
    mv "$OUT/report.md" "$report"
    say "written: $report"
}

main "$@"
