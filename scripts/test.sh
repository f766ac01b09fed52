#!/usr/bin/env bash
# Every check of this repository, with one command on a fresh Debian machine with Rust:
# installs what the tests need and is not there, then formatting, lints, all tests, and the
# documentation. Exits with the status of the first check that fails.
#
#   scripts/test.sh        checks all
#   scripts/test.sh quick  checks what is fast and needs nothing from outside, while you work:
#                          formatting, unit tests, most plain integration tests
#
# Only root can install packages. What cannot be installed is not a failure: the tests that need
# it are reported as ignored, with the reason.
set -euo pipefail

readonly APT_SECONDS=600 # for each call of apt-get
readonly PIP_SECONDS=300
readonly PYTHON=target/python/bin/python
# What the tests of the Python package install: it is fetched once, and they need no network.
readonly WHEELHOUSE=target/wheelhouse
readonly WHEELS=(python/requirements-build.txt python/requirements-test.txt)
# Modules of tests/plain that take long.
readonly SLOW=(survive two_at_once memory honest_error_bars)

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

say() { printf 'test.sh: %s\n' "$*" >&2; }

# Slurm's daemons are in sbin, which is not on every root shell's PATH.
has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; }

# ---------------------------------------------------------------- what the tests need

# Can this Python make an environment with pip in it?
has_venv() { has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }

has_scipy() { [[ -x $PYTHON ]] && "$PYTHON" -c 'import numpy, scipy, astropy, jsonschema' 2>/dev/null; }

# With NumPy and SciPy in place already, it does not matter how they got there.
needs_no_venv() { [[ -n ${OTFHPC_TEST_PYTHON:-} ]] || has_scipy; }

# Prints the Debian packages that are missing, one a line.
missing_packages() {
    local program
    has cc || printf 'gcc\nlibc6-dev\n'
    needs_no_venv || has_venv || printf 'python3\npython3-venv\n'
    for program in slurmctld slurmd sbatch; do
        has "$program" || echo slurm-wlm
    done | sort -u
    has munged || echo munge
    has qemu-x86_64 || echo qemu-user
    has chromium || echo chromium
    has zsh || echo zsh
    has mandoc || echo mandoc
    has bwrap || echo bubblewrap
}

# apt_get ARG...: apt-get without questions and without a word, unless it fails.
apt_get() {
    local log status=0
    log=$(mktemp)
    DEBIAN_FRONTEND=noninteractive timeout "$APT_SECONDS" \
        apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >"$log" 2>&1 || status=$?
    if ((status)); then tail -n 15 "$log" >&2; fi
    rm -f "$log"
    return "$status"
}

install_packages() {
    local packages=("$@") package
    say "installing ${packages[*]}"
    apt_get update || say "apt-get update failed; going on with what it knows"
    apt_get install --yes --no-install-recommends "${packages[@]}" && return
    # One package that is not to be had must not keep the others away.
    for package in "${packages[@]}"; do
        apt_get install --yes --no-install-recommends "$package" || say "could not install $package"
    done
}

provide_packages() {
    local packages
    mapfile -t packages < <(missing_packages)
    ((${#packages[@]})) || return 0
    if ((EUID != 0)) || ! has apt-get; then
        say "not here, and only root on Debian can install them: ${packages[*]}"
        return 0
    fi
    install_packages "${packages[@]}"
}

# Makes the Python that the tests run, with NumPy and SciPy.
provide_python() {
    if needs_no_venv; then return; fi
    has python3 || return 0
    say "making target/python with NumPy and SciPy"
    make_python || say "could not make target/python"
}

install_requirements() {
    timeout "$PIP_SECONDS" "$PYTHON" -m pip install --quiet --disable-pip-version-check \
        --only-binary :all: --requirement tests/python/requirements.txt >&2
}

# A venv that fails half-way, or whose Python has gone since, is made anew.
make_python() {
    local python=python3
    # One with NumPy works. It is added to, so that it still works if SciPy is not to be had.
    if [[ -x $PYTHON ]] && "$PYTHON" -c 'import numpy' 2>/dev/null; then
        install_requirements
        return
    fi
    # The first python3 on the PATH may be one without venv; Debian's has it by now.
    if ! has_venv && [[ -x /usr/bin/python3 ]]; then python=/usr/bin/python3; fi
    mkdir -p target
    timeout "$PIP_SECONDS" "$python" -m venv --clear target/python >&2 && install_requirements
}

# Prints what the wheelhouse is for: the version of Python, and all requirements.
wheels_wanted() {
    "${OTFHPC_TEST_PYTHON:-$PYTHON}" -c 'import sys; print(*sys.version_info[:2], sep=".")'
    cat "${WHEELS[@]}"
}

has_wheelhouse() { wheels_wanted 2>/dev/null | cmp --silent - "$WHEELHOUSE/complete.txt"; }

fetch_wheels() {
    rm -rf "$WHEELHOUSE"
    mkdir -p "$WHEELHOUSE"
    timeout "$PIP_SECONDS" "${OTFHPC_TEST_PYTHON:-$PYTHON}" -m pip download --quiet \
        --disable-pip-version-check --only-binary :all: --dest "$WHEELHOUSE" \
        "${WHEELS[@]/#/--requirement=}" >&2 &&
        wheels_wanted >"$WHEELHOUSE/complete.txt"
}

# Fetches the packages that the wheel is built and tested with.
provide_wheelhouse() {
    if has_wheelhouse; then return; fi
    say "fetching packages for the tests of the Python package into $WHEELHOUSE"
    fetch_wheels || say "could not fetch them"
}

# Says which tests will be ignored.
announce_ignored() {
    local reason
    if ! needs_no_venv; then
        say "ignored will be: the tests in Python that need what target/python has not (NumPy, SciPy)"
    fi
    has_wheelhouse || say "ignored will be: the tests of the Python package (no $WHEELHOUSE)"
    if ! reason=$(scripts/slurm-testbed.sh check); then
        say "ignored will be: the tests on Slurm ($reason)"
    fi
    has qemu-x86_64 || say "ignored will be: the tests on other processors (no qemu-x86_64)"
    has chromium || say "ignored will be: the tests of pages in a browser (no chromium)"
    has zsh || say "ignored will be: the tests in zsh (no zsh)"
    has mandoc || say "ignored will be: the tests of manual pages (no mandoc)"
    has bwrap || say "ignored will be: the tests in a root of their own (no bwrap)"
    [[ -d ../shared/data ]] || say "ignored will be: the tests on ../shared/data (not there)"
}

# ---------------------------------------------------------------- the checks

check() {
    say "$*"
    "$@"
}

run_checks() {
    check cargo fmt --all --check
    check cargo clippy --quiet --all-targets -- -D warnings
    check cargo clippy --quiet --package otfhpc-python --features as-tested -- -D warnings
    check cargo test --no-fail-fast
    RUSTDOCFLAGS='-D warnings' check cargo doc --quiet --no-deps
    say "all checks passed"
}

run_quick_checks() {
    local skip
    mapfile -t skip < <(printf -- '--skip\n%s::\n' "${SLOW[@]}")
    check cargo fmt --all --check
    check cargo test --quiet --lib
    check cargo test --quiet --test plain -- "${skip[@]}"
    say "quick checks passed; before you hand in, run scripts/test.sh"
}

main() {
    case "$*" in
        '' | quick) ;;
        *) usage ;;
    esac
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    # The binaries under test must not be told by their caller how to behave.
    unset OTFHPC_THREADS OTFHPC_LOG_SECONDS
    export OTFHPC_SITE_CONFIG=
    if [[ ${1-} == quick ]]; then
        run_quick_checks
        return
    fi
    provide_packages
    provide_python
    provide_wheelhouse
    announce_ignored
    run_checks
}

main "$@"
