"""Times the Python package against the program, and against a search bin by bin.

Usage: python scripts/python_times.py [--repeat N] [--records N] [--threads N]

Runs in an environment with a release wheel (scripts/build-wheel.sh), SciPy installed too. The program that the
wheel carries and the package fit the same calibration set in turn, so that whatever else the machine does
falls on both; printed are the least and the median of each time, in milliseconds, and how much more memory a
fit takes than its arrays. Writes nothing but a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

# Else its threads would wait for each other in products of small matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.optimize import minimize

import otfhpc

PHASES = ("read", "transform", "design", "factor wls", "solve wls")
Times = dict[str, list[float]]


def phases(text: str) -> dict[str, float]:
    """Seconds by phase, of what `--profile` prints."""
    rows = (line.rsplit(maxsplit=3) for line in text.splitlines())
    return {row[0].strip(): float(row[1]) for row in rows if len(row) == 4 and row[3] == "%"}


def timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def program(cal: Path, sigma: float, threads: int, times: Times) -> None:
    """One run of the command, whole and by phase."""
    settings = {"data.path": cal, "data.sigma": sigma, "fit.methods": "wls"}
    words = [f"--set={key}={value}" for key, value in settings.items()]
    with tempfile.TemporaryDirectory() as out:
        start = perf_counter()
        said = otfhpc.command("local", "--out", out, "--profile", f"--threads={threads}", *words)
        times["program: whole command"].append(perf_counter() - start)
    found = phases(said.stdout + said.stderr)
    times["program: factor and solve"].append(found["factor wls"] + found["solve wls"])
    made = found["design"] + found["factor wls"] + found["solve wls"]
    times["program: design, factor, solve"].append(made)
    times["program: file to solution"].append(sum(found[phase] for phase in PHASES))


def package(cal: Path, sigma: float, threads: int, times: Times) -> None:
    """The same in this process."""
    start = perf_counter()
    data = otfhpc.spectra(cal, data={"sigma": sigma}, threads=threads)
    ready = perf_counter()
    otfhpc.fit(data, threads=threads)
    end = perf_counter()
    times["package: file to solution"].append(end - start)
    times["package: fit"].append(end - ready)
    spectrum, planck, variance = map(np.ascontiguousarray, (data.spectrum, data.planck, data.variance))
    by_record = timed(lambda: otfhpc.fit(spectrum, planck, variance, threads=threads))
    times["package: fit of arrays in C order"].append(by_record)


def search(data: otfhpc.Spectra, bins: list[int], times: Times) -> None:
    """A search for each bin by itself, as older scripts have it."""
    for b in bins:
        planck, noise = data.planck[:, b], np.sqrt(data.variance[:, b])

        def weighted_squares(unknowns: np.ndarray, b: int = b, planck=planck, noise=noise) -> float:
            rest = (data.spectrum[:, b] - planck @ (unknowns[:7] + 1j * unknowns[7:])) / noise
            return float(np.sum(rest.real**2 + rest.imag**2))

        spent = timed(lambda f=weighted_squares: minimize(f, np.zeros(14), method="L-BFGS-B"))
        times["search with SciPy, one bin"].append(spent)


MEMORY = """
import resource, sys
import numpy as np
import otfhpc
records, bins, emitters = int(sys.argv[1]), 257, 7
random = np.random.default_rng(1)
planck = random.uniform(1.0, 3.0, (records, bins, emitters))
spectrum = np.empty((records, bins), complex)
spectrum.real, spectrum.imag = planck.sum(axis=2), 0.5
variance = np.ones((records, bins))
otfhpc.fit(spectrum[:, :2], planck[:, :2], variance[:, :2])
now = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = now()
otfhpc.fit(spectrum, planck, variance)
print(spectrum.nbytes + planck.nbytes + variance.nbytes, now() - before)
"""


def memory(records: int) -> dict[str, float]:
    """How much a fit of arrays in C order adds to the largest memory of a process, of these arrays."""
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, str(records)], capture_output=True, text=True, check=True
    )
    arrays, more = map(int, ran.stdout.split())
    return {"arrays_mb": arrays / 1e6, "more_mb": more / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--records", type=int, default=1200)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    names = ["program: whole command", "program: file to solution", "package: file to solution"]
    names += [
        "program: design, factor, solve",
        "program: factor and solve",
        "package: fit",
        "package: fit of arrays in C order",
    ]
    times: Times = {name: [] for name in [*names, "search with SciPy, one bin"]}
    with tempfile.TemporaryDirectory() as folder:
        settings = {"records": given.records, "rounding": True}
        cal = otfhpc.simulate(Path(folder) / "cal.npz", simulate=settings)
        sigma = float(np.load(cal)["sigma_llss"])
        for _ in range(given.repeat):
            program(cal, sigma, given.threads, times)
            package(cal, sigma, given.threads, times)
        search(otfhpc.spectra(cal, data={"sigma": sigma}), [10, 20, 30], times)
    least = {name: round(1e3 * min(values), 3) for name, values in times.items()}
    median = {name: round(1e3 * statistics.median(values), 3) for name, values in times.items()}
    print(f"{'':36}{'least':>10}{'median':>10}  ms")
    for name in times:
        print(f"{name:36}{least[name]:10.2f}{median[name]:10.2f}")
    print(json.dumps({"records": given.records, "threads": given.threads} | memory(given.records)))


if __name__ == "__main__":
    main()
