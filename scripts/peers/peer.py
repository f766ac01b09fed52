"""What all peers share that fit all bins of LLSS: arguments, times of the parts, what is printed.

A peer is a function of the records of a calibration set, and a clock. It returns the solutions, [bin,
emitter, 2] (real and imaginary parts), and error bars, [bin, emitter], of bins 1 on, for columns
1/(e^x - 1): Planck functions but for a factor of each bin. It is run once before it is timed, so that
nothing counts that is compiled, imported or asked of the system for the first time.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

import exact
import llss


class Clock:
    """Seconds of the parts of a run, one after the other."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.start = self.last = perf_counter()

    def lap(self, part: str) -> None:
        """What was done since the last call, or the start, was this part."""
        now = perf_counter()
        self.parts[part] = now - self.last
        self.last = now


Fit = Callable[[llss.Records, Clock], tuple[np.ndarray, np.ndarray]]


def run(fit: Fit, versions: dict[str, str]) -> None:
    """Fits CAL.npz, writes OUTPUT.npz, and prints a line of JSON.

    With EXACT.npz, the accuracy is in it; one that does not hold ends the program.
    """
    if len(sys.argv) not in (3, 4):
        raise SystemExit(f"usage: {sys.argv[0]} CAL.npz OUTPUT.npz [EXACT.npz]")
    cal, output, *reference = map(Path, sys.argv[1:])
    timed(fit, cal)
    emissivity, sigma, told = timed(fit, cal)
    told |= versions
    np.savez(output, emissivity=emissivity, sigma=sigma)
    if reference:
        told["accuracy"] = exact.accuracy(reference[0], emissivity, sigma)
    print(json.dumps(told))
    if reference:
        exact.hold(sys.argv[0], told["accuracy"])


def timed(fit: Fit, cal: Path) -> tuple[np.ndarray, np.ndarray, dict]:
    """Emissivities and error bars of all bins, from the file on, and the times."""
    clock = Clock()
    records = llss.read(cal, llss.KEYS)
    clock.lap("read")
    found, sigma = fit(records, clock)
    scale = 2e20 * llss.PLANCK * llss.FREQUENCY_HZ[1:, None] ** 3 / llss.LIGHT**2
    # Bin 0 has no signal.
    none = np.full((1, sigma.shape[1]), np.nan)
    emissivity = np.vstack([none, (found[..., 0] + 1j * found[..., 1]) / scale])
    sigma = np.vstack([none, sigma / scale])
    clock.lap("design and solve")
    seconds = clock.last - clock.start
    return emissivity, sigma, {"records": len(records.ifg), "seconds": seconds} | clock.parts
