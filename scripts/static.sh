#!/usr/bin/env bash
# Builds target/static/otfhpc: one file that needs nothing of the system it runs on but a Linux kernel, no C
# library of whatever age, and proves it: in an empty root, where nothing else is, it fits a campaign.
#
#   scripts/static.sh           with musl if Rust has its target here, else with glibc, linked in
#   scripts/static.sh --musl    with musl; rustup adds the target if it is not there
#   scripts/static.sh --glibc   with glibc
#
# The results are the same bytes, whichever it is: the program has its own mathematics. A run is to be
# finished by the build that planned it: copy the file, and do not build again on each machine.
set -euo pipefail

readonly PLACE=target/static
MACHINE=$(uname -m)
readonly MACHINE
readonly MUSL=$MACHINE-unknown-linux-musl
readonly GLIBC=$MACHINE-unknown-linux-gnu

usage() {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
}

say() { printf 'static.sh: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Is the standard library of a target here?
has_target() {
    local folder
    folder=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$folder/libstd-*.rlib" >/dev/null
}

# add_musl: or the reason why not.
add_musl() {
    has_target "$MUSL" && return
    command -v rustup >/dev/null || die "Rust has no $MUSL here, and there is no rustup to add it"
    say "rustup target add $MUSL"
    rustup target add "$MUSL" || die "could not add $MUSL; scripts/static.sh --glibc needs no target"
}

# build TARGET: the program for a target, with everything linked in.
build() {
    say "building for $1"
    # For the target alone: macros that run in the compiler stay dynamic.
    RUSTFLAGS="${RUSTFLAGS-} -C target-feature=+crt-static" \
        cargo build --release --locked --target "$1"
    mkdir -p "$PLACE"
    cp "target/$1/release/otfhpc" "$PLACE/otfhpc"
}

# in_root FOLDER COMMAND...: a command where the folder, and the kernel's /proc, is all that there is; 77
# where no such place can be made.
in_root() {
    local folder=$1
    shift
    if command -v bwrap >/dev/null && bwrap --ro-bind / / true 2>/dev/null; then
        bwrap --unshare-all --clearenv --bind "$folder" / --proc /proc --chdir /study "$@"
    elif ((EUID == 0)) && unshare --mount mount -t proc proc "$folder/proc" 2>/dev/null; then
        # shellcheck disable=SC2016 # for the inner shell
        env -i PATH="$PATH" unshare --mount bash -c \
            'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$folder" "$@"
    else
        return 77
    fi
}

# The program alone in a root finds its configurations and fits.
prove() {
    local root status=0
    ! readelf --program-headers "$PLACE/otfhpc" 2>/dev/null | grep -q INTERP ||
        die "$PLACE/otfhpc asks for a dynamic linker"
    root=$(mktemp -d)
    mkdir "$root/bin" "$root/tmp" "$root/study" "$root/proc"
    cp "$PLACE/otfhpc" "$root/bin/otfhpc"
    in_root "$root" /bin/otfhpc local --config quickstart --out /study/results >"$root/said" || status=$?
    if ((status == 77)); then
        say "not tried in an empty root: that needs bwrap, or root that may mount"
    elif ((status)) || [[ ! -s $root/study/results/report.html ]]; then
        cat "$root/said" >&2
        die "$PLACE/otfhpc failed in an empty root (exit code $status); it is left there to be looked at"
    else
        say "in an empty root it fits the quickstart and writes its report"
    fi
    rm -rf "$root"
}

main() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    case "$*" in
        '') if has_target "$MUSL"; then build "$MUSL"; else build "$GLIBC"; fi ;;
        --musl) add_musl && build "$MUSL" ;;
        --glibc) build "$GLIBC" ;;
        *) usage ;;
    esac
    prove
    say "$PLACE/otfhpc ($(stat -c %s "$PLACE/otfhpc") bytes)"
    "$PLACE/otfhpc" --version
}

main "$@"
