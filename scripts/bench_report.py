"""Writes docs/BENCHMARKS.md from what scripts/bench.sh measured.

Usage: python3 scripts/bench_report.py FOLDER

FOLDER has the output of each program: `*.jsonl` of the peers, one line a run, and `*.txt` of the
benchmarks. Prints the text.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import textwrap
from pathlib import Path
from string import Template

import bench_limits as limits
from bench_limits import milliseconds, short

sys.path.insert(0, str(Path(__file__).parent / "peers"))
import exact

TEXT = Template(
    """\
# Benchmarks

Written by `scripts/bench.sh`, which measures all of it in one go. Measured on $processors
processors, $model, load $load before the start; $rustc, release build for any x86-64; Python
$python, NumPy $numpy, SciPy $scipy. Seconds are those of that machine; compare ratios.

## otfhpc against

One thread each; the hash of otfhpc's executable, which its whole process needs, is made beside other
work by a thread of its own. The data are LLSS, simulated, in an `.npz` file.

| task | otfhpc | the other | ratio |
|---|---|---|---|
| all 257 bins, 1,200 records, file to solution; NumPy | $solution_1200 | $numpy_1200 | $solution_ratio_1200 |
| the same of 12,000 records; NumPy | $solution_12000 | $numpy_12000 | $solution_ratio_12000 |
| the same of 1,200 records, deflated; NumPy | $solution_1200_deflated | $numpy_1200_deflated | $solution_ratio_1200_deflated |
$peer_rows
| the whole process, 1,200 records; NumPy | $fit_1200 | $numpy_1200 | $ratio_1200 |
| the whole process, 12,000 records; NumPy | $fit_12000 | $numpy_12000 | $ratio_12000 |
| the whole process, 1,200 records, deflated; NumPy | $fit_1200_deflated | $numpy_1200_deflated | $ratio_1200_deflated |
| joint fit of 24 shared parameters and all bins, 1,200 records; NumPy | $joint_1200 | $numpy_joint | $joint_ratio |
| one bin among all, ten emitters; a search, spectra once | $among | $once | $among_once |
| the same; a search, spectra at every evaluation | $among | $again | $among_again |
| a process for one bin; a search, spectra once | $one | $once | $one_once |
| the same; a search, spectra at every evaluation | $one | $again | $one_again |

- **otfhpc, all bins** (`fit.methods=["wls"]`): `otfhpc local --threads 1`, medians of five, in turn with
  those with whom it is compared; of 12,000 records, of three. File to
  solution is what `--profile` says of reading, transforms, designs, factoring and solving; the whole
  process is from its start to its end, with plan, journal, partial, merge and products. At 1,200
  records: $parts_1200; deflated: $parts_1200_deflated; at 12,000: $parts_12000.
- **NumPy**: `scripts/peers/numpy_lstsq.py` solves the same problem with `numpy.linalg.lstsq`, bin by
  bin. From opening the file to the solution, without Python's start; median of five (between
  $numpy_range_1200), of 12,000 records of three ($numpy_range_12000). Of the $numpy_1200, $numpy_parts.
  It makes no error bars; all others do. Deflated files are those of `numpy.savez_compressed`.
- **Other peers** are what somebody would write who knows where the time goes. Theirs is from opening
  the file to all emissivities and error bars, the second time in a process, so that nothing counts
  that is compiled or imported; medians as NumPy's.
$peer_items
- **Joint fit** (`fit.methods=["joint"]`, Kirchhoff): bolometer, thermometers, drift, harmonics and vibrations
  with the emissivities, from opening the file to all error bars; NumPy: `scripts/peers/numpy_joint.py`, the same
  formulation on the same 34 bins of the band and all others after them, from opening the file. Of
  otfhpc's: $parts_joint_1200; of 12,000 records: $parts_joint_12000. Of NumPy's: $numpy_joint_parts.
  With the temperatures of all plateaus, the whole process on two threads: $joint_plateaus_1200 s at 1,200
  records, $joint_plateaus_12000 s at 12,000.
- **otfhpc, one bin**: among all bins, one takes a 256th part of `otfhpc local`. A process for one:
  `otfhpc run` of a plan with one bin of one method, median of nine.
- **A search**: `scripts/peers/scipy_lbfgsb.py` fits one bin as older scripts do, by L-BFGS-B with
  finite differences over twenty real numbers, from opening the file. With the spectra made once,
  median of three: $once_told. With the spectra made at every evaluation, one run: $again_told.

## Accuracy of those who fit all bins

`scripts/peers/exact.py` solves the same problem with $exact_bits bits of mantissa instead of 53. The largest
difference from that in the optical band, and of all emissivities that the data determine (error bars
of at most $determined): in error bars of the emissivity, and relative to it. More than $held error bars would have
ended the run.

| | 1,200 records, band | all determined | 12,000 records, band | all determined |
|---|---|---|---|---|
$accuracy

## What limits it

What was aimed at, and whether these figures reach it:

| how many times as fast | aim | reached | |
|---|---|---|---|
$aims

$misses

A fit of all bins must move these bytes, and do these operations. A fused multiplication and addition is
one operation, and so is each product, sum or division of what is not fused; that a division takes several
times as long is not counted. An exponential takes $exponential operations, of which most Planck functions need
none of their own: $from_two operations make one from two that other bins use too. A factorisation of $columns
columns, with their data, takes $factorisation a record; a Fourier transform $fourier a record. The paces are those
of two kernels below: copying memory, $copying thousand million bytes a second, read and written, and fused
operations in registers, $fusing thousand million a second.

| | 1,200 records | 12,000 records |
|---|---|---|
$roofline

A design is made for one bin at a time, and reduced while it is in a cache: its bytes need not reach memory.
Nor need those of transforms: records come in windows of 1,536 at most, and of fewer where there are few.
Where operations are fused, they are so on all processors, by software where there is no such
instruction: all have the same bits.

## Whole commands

| | |
|---|---|
| the program starts and ends (`--version`) | $start s |
| a task whose shard is one bin of one method: `.npz` of 1,200 records | $task_1200 s |
| the same of 12,000 records | $task_12000 s |
| the same, 1,200 records simulated | $task_simulated s |
| time per record and bin, file to solution, 12,000 records over 1,200 | $linear |

Medians of nine runs; `cargo bench --bench whole` measures these.

## The comprehensive study

```sh
otfhpc local --config comprehensive
```

1,200 records, 257 bins, 7 noise levels x 3 trials x 19 methods: 399 configurations, 102,543 units,
all converged but for bin 0, which has no signal. From the settings to the products, medians of three:
$study_1 s on one thread, $study_2 s on two, a speed-up of $speed_up (an efficiency of $efficiency).
A single fit of 12,000 records by `wls` has less to share out: from the telemetry in memory to all
emissivities it takes $fitting_1 s on one thread and $fitting_2 s on two, an efficiency of $fitting_efficiency.

$earlier

`--profile` says where the time goes; `provenance.json` has the median time of a unit of every
method, for each shard.

## Planning

```sh
cargo bench --bench plan
```

1,000,000 configurations x 257 bins in 10,000 shards, planned and written: $plan (median of 100),
$plan_memory of memory.

## Merging 10,000 partials

```sh
cargo bench --bench merge
```

974 configurations x 257 bins, 250,318 units with 7 emitters each, in 10,000 partials of 25 units.
They are made up, not fitted, and were written just before, so that they are read from memory, not
from the disk.

| command | time | peak memory |
|---|---|---|
| `otfhpc status` | $status_time | $status_memory |
| `otfhpc merge` | $merge_time | $merge_memory |

## A hundred thousand programs

```sh
cargo bench --bench units
```

A study of a command: 100,000 units of `/bin/true` in 16 shards, on two threads. Starting the program alone takes
$bare ms.

| command | time | peak memory |
|---|---|---|
| `otfhpc plan` | $units_plan |
| `otfhpc run`, $overhead ms a unit | $units_run |
| `otfhpc merge` | $units_merge |

## Kernels

```sh
cargo bench --bench kernels
```

1,200 records, 7 emitters whose emissivities sum to zero, one thread; medians. A method is given one
bin in the middle of the band, and those that fit all bins together the 43 bins of the band.

| | median |
|---|---|
$kernels
"""
)


# Those who fit all bins, besides NumPy's lstsq: how they are called, and what they do.
PEERS = {
    "batched": (
        "batched NumPy",
        "`scripts/peers/numpy_batched.py`, Cholesky's factorisation of normal equations with a step of "
        "refinement, some bins at a time, and spectra a block of records at a time",
    ),
    "numba": (
        "Numba",
        "`scripts/peers/numba_qr.py`, compiled loops over bins: Planck functions in vector registers, "
        "modified Gram-Schmidt with the data as further columns",
    ),
    "jax": (
        "JAX",
        "`scripts/peers/jax_qr.py` on the processor, in doubles: `jit` and `vmap` of `qr`, some bins at a "
        "time; spectra as batched NumPy's",
    ),
}
ACCURATE = {"own": "otfhpc", "numpy": "NumPy"} | {name: called for name, (called, _) in PEERS.items()}


class Measured:
    """What stands in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        whole = json.loads(self.text("whole.txt").splitlines()[-1])
        self.whole = whole["seconds"] | whole["phases"]
        for task, name, parts in [
            ("1200", "fit_1200", "phases_1200"),
            ("12000", "fit_12000", "phases_12000"),
            ("1200_deflated", "fit_1200_deflated", "phases_1200_deflated"),
            ("joint_1200", "fit_joint_1200", "joint_1200"),
        ]:
            self.whole |= self.own(task, name, parts)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def runs(self, name: str) -> list[dict]:
        return [json.loads(line) for line in self.text(f"{name}.jsonl").splitlines()]

    def median(self, name: str, key: str = "seconds") -> float:
        return statistics.median(run[key] for run in self.runs(name))

    def own(self, task: str, name: str, parts: str) -> dict:
        """What was measured in turn with the peers: the median whole, and the parts of the run whose sum is
        the median."""
        runs = self.runs(f"fit_{task}")
        wholes = [run.pop("whole") for run in runs]
        runs.sort(key=lambda run: sum(run.values()))
        return {name: statistics.median(wholes), parts: runs[len(runs) // 2]}

    def kernels(self) -> list[tuple[str, str]]:
        """Name and median of each, as divan prints them in a tree."""
        found, group = [], ""
        for line in self.text("kernels.txt").splitlines():
            row = re.match(r"(.*?)[├╰]─ (\w+)(.*)", line)
            if not row:
                continue
            inner, name, cells = row[1] != "", row[2], row[3].split("│")
            if len(cells) < 3 or not cells[2].strip():
                group = name
            else:
                label = f"{group}: {name}" if inner else name
                found.append((label.replace("_", " "), cells[2].strip()))
        return found

    def pace(self, kernel: str) -> float:
        """What a kernel does in a second, at its fastest: items or bytes, as divan prints them."""
        row = rf"[├╰]─ {kernel}\b.*\n.*?([\d.]+) ([KMGT]?)(?:item|B)/s"
        found = re.search(row, self.text("kernels.txt"))
        if not found:
            path = self.folder / "kernels.txt"
            raise SystemExit(f"{path}: no pace of {kernel}: run `cargo bench --bench kernels`")
        number, unit = found.groups()
        return float(number) * {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[unit]

    def ran(self, name: str) -> bool:
        """Whether a peer did: not all can be installed everywhere."""
        return (self.folder / f"{name}.jsonl").exists()

    def units(self, command: str) -> str:
        """Time and memory of a command on many trivial units."""
        row = re.search(rf"^{command} +([\d.]+) s (\d+) kB", self.text("units.txt"), re.M)
        return f"{float(row[1]):.2f} s | {int(row[2]) / 1024:.0f} MB"

    def each_unit(self, name: str) -> str:
        """Milliseconds a unit."""
        return re.search(rf"^{name} +([\d.]+) ms", self.text("units.txt"), re.M)[1]

    def merge(self, command: str) -> tuple[str, str]:
        """Range of times and largest memory of a command."""
        rows = re.findall(rf"^{command} +([\d.]+) s (\d+) kB", self.text("merge.txt"), re.M)
        seconds = [float(time) for time, _ in rows]
        memory = max(int(size) for _, size in rows) / 1024
        return f"{min(seconds):.1f} to {max(seconds):.1f} s", f"{memory:.0f} MB"


def told(run: dict) -> str:
    excess = run["objective"] / run["least"]
    return (
        f"{run['evaluations']} evaluations of {short(1e3 * run['seconds_of_an_evaluation'])} ms, "
        f"which end at {excess:.3g} times the least sum of squares"
    )


def parts(phases: dict[str, float]) -> str:
    return ", ".join(f"{name} {milliseconds(time)}" for name, time in phases.items())


def all_bins(measured: Measured) -> dict[str, str]:
    """Fits of all bins against NumPy."""
    whole, values = measured.whole, {}
    for key in ["1200", "12000", "1200_deflated"]:
        ours, theirs = whole[f"fit_{key}"], measured.median(f"numpy_{key}")
        phases = whole[f"phases_{key}"]
        solution = sum(phases.values())
        each = [run["seconds"] for run in measured.runs(f"numpy_{key}")]
        values |= {
            f"parts_{key}": parts(phases),
            f"fit_{key}": f"{short(ours)} s",
            f"solution_{key}": f"{short(solution)} s",
            f"solution_ratio_{key}": short(theirs / solution),
            f"numpy_{key}": f"{short(theirs)} s",
            f"numpy_range_{key}": f"{short(min(each))} and {short(max(each))} s",
            f"ratio_{key}": short(theirs / ours),
        }
    names = ["read", "spectra", "design", "solve"]
    times = [f"{name} {short(measured.median('numpy_1200', name))} s" for name in names]
    return values | {"numpy_parts": ", ".join(times)}


def peers(measured: Measured) -> dict[str, str]:
    """Rows and items of the peers but NumPy's lstsq: those that ran, and a word on the others."""
    rows, items = [], []
    for name, (called, does) in PEERS.items():
        if not measured.ran(f"{name}_1200"):
            items.append(f"- **{called}** could not be installed on this machine: it is left out.")
            continue
        for size in limits.SIZES:
            ours, theirs = sum(measured.whole[f"phases_{size}"].values()), measured.median(f"{name}_{size}")
            task = f"all 257 bins, {size:,} records, file to solution; {called}"
            rows.append(f"| {task} | {short(ours)} s | {short(theirs)} s | {short(theirs / ours)} |")
        names = ["read", "spectra", "design and solve"]
        times = [f"{part} {milliseconds(measured.median(f'{name}_1200', part))}" for part in names]
        run = measured.runs(f"{name}_1200")[0]
        version = f" {run[name]}" if name in run else ""
        items.append(
            f"- **{called}**{version}: {does}. At 1,200 records {', '.join(times)}."
        )
    return {"peer_rows": "\n".join(rows), "peer_items": "\n".join(items)}


def accuracy(measured: Measured) -> dict[str, str]:
    """How far everybody is from the exact solution."""
    rows = []
    for name, called in ACCURATE.items():
        if not measured.ran(f"{name}_1200"):
            continue
        cells = []
        for size in limits.SIZES:
            run = measured.runs(f"{name}_{size}")[0]
            off = run.get("accuracy", run)
            for place in ["in_band", "determined"]:
                cells.append(f"{off[place]['error_bars']:.1e}; {off[place]['relative']:.1e}")
        rows.append(f"| {called} | {' | '.join(cells)} |")
    return {
        "accuracy": "\n".join(rows),
        "exact_bits": str(measured.runs("own_1200")[0]["bits"]),
        "held": f"{exact.HELD:g}",
        "determined": f"{exact.DETERMINED:g}",
    }


def limiting(measured: Measured) -> dict[str, str]:
    """What was aimed at, and what stands against it."""
    whole = measured.whole
    roofline = limits.Roofline(measured.pace("copying_memory"), measured.pace("fused_operations"))
    found = []
    for key, records, name, wanted, wanted_whole in [
        ("1200", 1200, "1,200 records", 12, 7),
        ("12000", 12_000, "12,000 records", 10, 8),
        ("1200_deflated", 1200, "1,200 records deflated", 12, 7),
    ]:
        called = {"numpy": "NumPy"} | {name: called for name, (called, _) in PEERS.items()}
        ran = {words: f"{peer}_{key}" for peer, words in called.items() if measured.ran(f"{peer}_{key}")}
        theirs = {words: measured.median(runs) for words, runs in ran.items()}
        times = limits.Times(name, records, whole[f"phases_{key}"], whole[f"fit_{key}"], theirs)
        found += times.aims(roofline, wanted, wanted_whole)
    joint = whole["joint_1200"]
    found.append(limits.joint_aim(joint, measured.median("joint_1200") / sum(joint.values())))
    misses = [aim.miss() for aim in found if aim.reached < aim.wanted]
    phases = {size: whole[f"phases_{size}"] for size in limits.SIZES}
    return {
        "aims": "\n".join(aim.row() for aim in found),
        "misses": "\n".join(["What keeps it from the others:\n", *misses]) if misses else "All are reached.",
        "exponential": str(limits.EXPONENTIAL),
        "from_two": str(limits.FROM_TWO),
        "columns": str(limits.EMITTERS),
        "factorisation": str(limits.factorisations(1) // limits.BINS),
        "fourier": f"{limits.fourier(1):,}",
        "copying": short(1e-9 * roofline.bytes_per_second),
        "fusing": short(1e-9 * roofline.operations_per_second),
        "roofline": "\n".join(roofline.rows(phases)),
    }


def joint(measured: Measured) -> dict[str, str]:
    whole = measured.whole
    theirs, ours = measured.median("joint_1200"), sum(whole["joint_1200"].values())
    names = ["read", "prepare", "fit", "emissivities"]
    times = [f"{name} {short(measured.median('joint_1200', name))} s" for name in names]
    values = {
        "joint_1200": f"{short(ours)} s",
        "numpy_joint": f"{short(theirs)} s",
        "joint_ratio": short(theirs / ours),
        "numpy_joint_parts": ", ".join(times),
    }
    for size in limits.SIZES:
        values[f"parts_joint_{size}"] = parts(whole[f"joint_{size}"])
        values[f"joint_plateaus_{size}"] = short(whole[f"joint_plateaus_{size}"])
    return values


def searches(measured: Measured) -> dict[str, str]:
    whole = measured.whole
    one, among = whole["task_ten_emitters"], whole["fit_ten_emitters"] / 256
    once, again = measured.median("search_once"), measured.median("search_recomputing")
    return {
        "one": f"{short(one)} s",
        "among": f"{short(1e3 * among)} ms",
        "once": f"{short(once)} s",
        "again": f"{short(again)} s",
        "one_once": short(once / one),
        "one_again": short(again / one),
        "among_once": short(once / among),
        "among_again": short(again / among),
        "once_told": told(measured.runs("search_once")[0]),
        "again_told": told(measured.runs("search_recomputing")[0]),
    }


def commands(measured: Measured) -> dict[str, str]:
    whole = measured.whole
    names = ["start", "task_1200", "task_12000", "task_simulated"]
    def solution(size: str) -> float:
        return sum(whole[f"phases_{size}"].values())

    # Their exit codes were 0, so that no unit failed or did not converge.
    one, two = whole["study_on_1_thread"], whole["study_on_2_threads"]
    fit_one, fit_two = whole["fitting_on_1_thread"], whole["fitting_on_2_threads"]
    return {name: short(whole[name]) for name in names} | {
        "linear": short(solution("12000") / 10 / solution("1200")),
        "study_1": short(one),
        "study_2": short(two),
        "speed_up": short(one / two),
        "efficiency": short(one / two / 2),
        "fitting_1": short(fit_one),
        "fitting_2": short(fit_two),
        "fitting_efficiency": short(fit_one / fit_two / 2),
    }


def earlier(measured: Measured) -> dict[str, str]:
    """This build and an earlier one, in turn, if that was asked for."""
    commit = measured.folder / "before.txt"
    if not commit.exists():
        return {"earlier": ""}
    told = []
    for name, task in [
        ("turn_study", "the comprehensive study"),
        ("turn_1200", "a fit of all bins, 1,200 records"),
        ("turn_12000", "of 12,000 records"),
    ]:
        now, before = (measured.median(f"{name}_{build}") for build in ["now", "before"])
        told.append(f"{task} {short(now)} and {short(before)} s, {short(before / now)} times as fast")
    return {
        "earlier": f"In turn with the build of {commit.read_text().strip()}, whole processes on one "
        f"thread, this one and that: {'; '.join(told)}."
    }


def files(measured: Measured) -> dict[str, str]:
    """Planning, merging, kernels."""
    plan = measured.text("plan.txt")
    row = next(line for line in plan.splitlines() if "million_configurations" in line)
    kilobytes = int(re.search(r"peak memory of this process: (\d+) kB", plan)[1])
    status, merge = measured.merge("status"), measured.merge("merge")
    lines = [f"| {name} | {median} |" for name, median in measured.kernels()]
    return {
        "plan": row.split("│")[2].strip(),
        "plan_memory": f"{kilobytes / 1024:.0f} MB",
        "status_time": status[0],
        "status_memory": status[1],
        "merge_time": merge[0],
        "merge_memory": merge[1],
        "kernels": "\n".join(lines),
        "bare": measured.each_unit("bare"),
        "overhead": measured.each_unit("overhead"),
        **{f"units_{name}": measured.units(name) for name in ["plan", "run", "merge"]},
    }


def machine(measured: Measured) -> dict[str, str]:
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True)
    return {
        "processors": str(os.cpu_count()),
        "model": model[1].strip() if model else "unknown",
        "load": measured.text("load").strip(),
        "rustc": " ".join(rustc.stdout.split()[:2]),
        "python": sys.version.split()[0],
        "numpy": measured.runs("numpy_1200")[0]["numpy"],
        "scipy": measured.runs("search_once")[0]["scipy"],
    }


def wrapped(text: str) -> str:
    """Paragraphs and items filled anew; tables, titles and blocks of code as they are."""
    blocks = []
    for block in text.strip().split("\n\n"):
        if block.startswith("- "):
            items = block[2:].split("\n- ")
            filled = [fill(item, initial_indent="- ", subsequent_indent="  ") for item in items]
            block = "\n".join(filled)
        elif not block.startswith(("#", "|", "```")):
            block = fill(block)
        blocks.append(block)
    return "\n\n".join(blocks)


def fill(paragraph: str, **indents: str) -> str:
    """Lines of 100 characters; words and names in them stay whole."""
    return textwrap.fill(
        " ".join(paragraph.split()),
        width=100,
        break_long_words=False,
        break_on_hyphens=False,
        **indents,
    )


def main() -> None:
    measured = Measured(Path(sys.argv[1]))
    values = {}
    for some in [machine, all_bins, peers, accuracy, limiting, joint, searches, commands, earlier, files]:
        values |= some(measured)
    print(wrapped(TEXT.substitute(values)))


if __name__ == "__main__":
    main()
