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

TEXT = Template(
    """\
# Benchmarks

Written by `scripts/bench.sh`, which measures all of it in one go. Measured on $processors
processors, $model, load $load before the start; $rustc, release build for any x86-64; Python
$python, NumPy $numpy, SciPy $scipy. Seconds are those of that machine; compare ratios.

## otfhpc against

One thread each. The data are LLSS, simulated, in an `.npz` file.

| task | otfhpc | the other | ratio |
|---|---|---|---|
| all 257 bins, 1,200 records, file to solution; NumPy | $solution_1200 | $numpy_1200 | $solution_ratio_1200 |
| the same of 12,000 records; NumPy | $solution_12000 | $numpy_12000 | $solution_ratio_12000 |
| the whole process, 1,200 records; NumPy | $fit_1200 | $numpy_1200 | $ratio_1200 |
| the whole process, 12,000 records; NumPy | $fit_12000 | $numpy_12000 | $ratio_12000 |
| joint fit of 24 shared parameters and all bins, 1,200 records; NumPy | $joint_1200 | $numpy_joint | $joint_ratio |
| one bin among all, ten emitters; a search, spectra once | $among | $once | $among_once |
| the same; a search, spectra at every evaluation | $among | $again | $among_again |
| a process for one bin; a search, spectra once | $one | $once | $one_once |
| the same; a search, spectra at every evaluation | $one | $again | $one_again |

- **otfhpc, all bins** (`fit.methods=["wls"]`): `otfhpc local --threads 1`, medians of five. File to
  solution is what `--profile` says of reading, transforms, designs, factoring and solving; the whole
  process is from its start to its end, with plan, journal, partial, merge and products.
- **NumPy**: `scripts/peers/numpy_lstsq.py` solves the same problem with `numpy.linalg.lstsq`, bin by
  bin; a test holds both to the same emissivities. From opening the file to the solution, without
  Python's start; median of five (between $numpy_range_1200), of 12,000
  records of three ($numpy_range_12000). Of the $numpy_1200, $numpy_parts.
- **What limits it.** The aim was a tenth of NumPy's time at 1,200 records, $tenth ms, and a
  twentieth at 12,000, $twentieth ms. Of otfhpc's own at 1,200 records: $parts_1200; at 12,000:
  $parts_12000. Planck columns are $exponentials million values at 1,200 records, each of some thirty
  multiplications and additions and one division; $planck ms at the pace of the kernel below. No two
  operations are fused, so that all processors round alike. The factorisations are $flops million
  multiplications and additions, $rate thousand million a second at 12,000 records. Reading, and
  transforms, whose medians and FFTs are compiled code in NumPy too, take $shared ms. At 12,000
  records $samples MB of samples and $transforms MB of transforms are written and read once each,
  and fit in no cache.
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

## Whole commands

| | |
|---|---|
| the program starts and ends (`--version`) | $start s |
| a task whose shard is one bin of one method: `.npz` of 1,200 records | $task_1200 s |
| the same of 12,000 records | $task_12000 s |
| the same, 1,200 records simulated | $task_simulated s |
| time per record and bin, file to solution, 12,000 records over 1,200 | $linear |

Medians of nine runs; `cargo bench --bench whole` measures these and the fits above.

## The comprehensive study

```sh
otfhpc local --config comprehensive
```

1,200 records, 257 bins, 7 noise levels x 3 trials x 19 methods: 399 configurations, 102,543 units,
all converged but for bin 0, which has no signal. From the settings to the products, medians of three:
$study_1 s on one thread, $study_2 s on two, a speed-up of $speed_up (an efficiency of $efficiency).

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


# Of the fits that are compared: bins with signal, records, unknowns; samples of a record.
BINS, RECORDS, EMITTERS, SAMPLES = 256, 1200, 7, 512


def factorisation() -> int:
    """Multiplications and additions of a reduction of the design, with two columns of data."""
    updates = sum(EMITTERS - k + 1 for k in range(EMITTERS))
    return (4 * updates + 2 * EMITTERS) * RECORDS


def milliseconds(time: str) -> float:
    """Of a time as divan prints it."""
    number, unit = time.split()
    return float(number) * {"ns": 1e-6, "µs": 1e-3, "ms": 1, "s": 1e3}[unit]


class Measured:
    """What stands in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        whole = json.loads(self.text("whole.txt").splitlines()[-1])
        self.whole = whole["seconds"] | whole["phases"]

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def runs(self, name: str) -> list[dict]:
        return [json.loads(line) for line in self.text(f"{name}.jsonl").splitlines()]

    def median(self, name: str, key: str = "seconds") -> float:
        return statistics.median(run[key] for run in self.runs(name))

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


def short(seconds: float) -> str:
    """Two or three digits, without an exponent."""
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}"


def told(run: dict) -> str:
    excess = run["objective"] / run["least"]
    return (
        f"{run['evaluations']} evaluations of {short(1e3 * run['seconds_of_an_evaluation'])} ms, "
        f"which end at {excess:.3g} times the least sum of squares"
    )


def against(measured: Measured) -> dict[str, str]:
    whole, values = measured.whole, {}
    for size in ["1200", "12000"]:
        ours, theirs = whole[f"fit_{size}"], measured.median(f"numpy_{size}")
        phases = whole[f"phases_{size}"]
        solution = sum(phases.values())
        parts = [f"{name} {short(1e3 * time)} ms" for name, time in phases.items()]
        values[f"parts_{size}"] = ", ".join(parts)
        values[f"fit_{size}"] = f"{short(ours)} s"
        values[f"solution_{size}"] = f"{short(solution)} s"
        values[f"solution_ratio_{size}"] = short(theirs / solution)
        values[f"numpy_{size}"] = f"{short(theirs)} s"
        all_of_them = [run["seconds"] for run in measured.runs(f"numpy_{size}")]
        least, most = short(min(all_of_them)), short(max(all_of_them))
        values[f"numpy_range_{size}"] = f"{least} and {most} s"
        values[f"ratio_{size}"] = short(theirs / ours)
    theirs, ours = measured.median("joint_1200"), sum(whole["joint_1200"].values())
    parts = ["read", "prepare", "fit", "emissivities"]
    times = [f"{part} {short(measured.median('joint_1200', part))} s" for part in parts]
    values |= {
        "joint_1200": f"{short(ours)} s",
        "numpy_joint": f"{short(theirs)} s",
        "joint_ratio": short(theirs / ours),
        "numpy_joint_parts": ", ".join(times),
    }
    for size in ["1200", "12000"]:
        parts = [f"{name} {short(1e3 * time)} ms" for name, time in whole[f"joint_{size}"].items()]
        values[f"parts_joint_{size}"] = ", ".join(parts)
        values[f"joint_plateaus_{size}"] = short(whole[f"joint_plateaus_{size}"])
    phases = whole["phases_1200"]
    planck = next(time for name, time in measured.kernels() if name == "planck columns")
    values |= {
        "tenth": short(1e3 * measured.median("numpy_1200") / 10),
        "twentieth": short(1e3 * measured.median("numpy_12000") / 20),
        "exponentials": short(1e-6 * BINS * RECORDS * EMITTERS),
        "planck": short(BINS * milliseconds(planck)),
        "flops": short(1e-6 * BINS * factorisation()),
        "rate": short(1e-9 * 10 * BINS * factorisation() / whole["phases_12000"]["factor"]),
        "samples": short(1e-6 * 10 * RECORDS * SAMPLES * 2),
        "transforms": short(1e-6 * 10 * RECORDS * (BINS + 1) * 16),
        "shared": short(1e3 * (phases["read"] + phases["transform"])),
    }
    one, among = whole["task_ten_emitters"], whole["fit_ten_emitters"] / 256
    once, again = measured.median("search_once"), measured.median("search_recomputing")
    values |= {
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
    parts = ["read", "spectra", "design", "solve"]
    times = [f"{part} {short(measured.median('numpy_1200', part))} s" for part in parts]
    values["numpy_parts"] = ", ".join(times)
    return values


def commands(measured: Measured) -> dict[str, str]:
    whole = measured.whole
    names = ["start", "task_1200", "task_12000", "task_simulated"]
    def solution(size: str) -> float:
        return sum(whole[f"phases_{size}"].values())

    # Their exit codes were 0, so that no unit failed or did not converge.
    one, two = whole["study_on_1_thread"], whole["study_on_2_threads"]
    return {name: short(whole[name]) for name in names} | {
        "linear": short(solution("12000") / 10 / solution("1200")),
        "study_1": short(one),
        "study_2": short(two),
        "speed_up": short(one / two),
        "efficiency": short(one / two / 2),
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
    values = machine(measured) | against(measured) | commands(measured) | files(measured)
    print(wrapped(TEXT.substitute(values)))


if __name__ == "__main__":
    main()
