#!/usr/bin/env bash
# Makes a wheel of the Python package, which carries the program too.
#
#   scripts/build-wheel.sh                 target/wheel/out/otfhpc-...whl, of a release build
#   scripts/build-wheel.sh --out FOLDER    writes it there
#   scripts/build-wheel.sh --profile dev   of a development build
#   scripts/build-wheel.sh --program FILE  carries this executable, instead of building it
#   scripts/build-wheel.sh --features LIST features of the extension (as-tested, in tests)
#
# Needs Rust, a C compiler, and Python 3.10 or later with venv. maturin comes from PyPI, in the version of
# python/requirements-build.txt, into target/wheel/maturin.
set -euo pipefail

readonly WORK=target/wheel
readonly MATURIN=$WORK/maturin/bin/maturin
readonly PIP_SECONDS=300

profile=release
program=
features=
out=$WORK/out

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

say() { printf 'build-wheel.sh: %s\n' "$*" >&2; }

read_arguments() {
    while (($#)); do
        (($# > 1)) || usage
        case $1 in
            --profile) profile=$2 ;;
            --program) program=$2 ;;
            --features) features=$2 ;;
            --out) out=$2 ;;
            *) usage ;;
        esac
        shift 2
    done
}

# Cargo's name for the folder of a profile.
folder_of() { if [[ $1 == dev ]]; then echo debug; else echo "$1"; fi; }

provide_maturin() {
    local wanted
    wanted=$(sed -n 's/^maturin==//p' python/requirements-build.txt)
    [[ $("$MATURIN" --version 2>/dev/null) != "maturin $wanted" ]] || return 0
    say "installing maturin $wanted into $WORK/maturin"
    "${PYTHON:-python3}" -m venv --clear "$WORK/maturin" >&2
    timeout "$PIP_SECONDS" "$WORK/maturin/bin/python" -m pip install --quiet \
        --disable-pip-version-check --only-binary :all: \
        --requirement python/requirements-build.txt >&2
}

# Puts the program where maturin takes the scripts of the wheel from.
lay_out_program() {
    local scripts=$WORK/otfhpc.data/scripts
    if [[ -z $program ]]; then
        cargo build --locked --quiet --profile "$profile" --package otfhpc --bin otfhpc
        program=target/$(folder_of "$profile")/otfhpc
    fi
    mkdir -p "$scripts"
    cp "$program" "$scripts/.otfhpc"
    chmod 755 "$scripts/.otfhpc"
    mv "$scripts/.otfhpc" "$scripts/otfhpc"
}

make_wheel() {
    mkdir -p "$out"
    "$MATURIN" build --quiet --locked --manifest-path python/Cargo.toml --profile "$profile" \
        --features "$features" --auditwheel skip --target-dir target --out "$out" >&2
}

main() {
    read_arguments "$@"
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    mkdir -p "$WORK"
    # Two at once would carry each other's program.
    exec 9>"$WORK/lock"
    flock 9
    provide_maturin
    lay_out_program
    make_wheel
    say "$(ls -t "$out"/otfhpc-*.whl | head -n 1)"
}

main "$@"
