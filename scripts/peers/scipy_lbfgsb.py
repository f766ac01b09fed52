"""One bin of LLSS by a general search with SciPy, as older scripts fit: what otfhpc is compared with.

Usage: python3 scripts/peers/scipy_lbfgsb.py CAL.npz [--bin K] [--recompute] [--most N]

Minimises the weighted sum of squares over the complex emissivities of ten emitters, as twenty real
numbers, from zero, by L-BFGS-B with a gradient of finite differences and SciPy's own tolerances.
With --recompute, every evaluation begins at the interferograms, as those scripts do that keep
parameters of the instrument among the unknowns; without it, the spectrum is computed once. --most
limits the evaluations; SciPy's limit is 15,000.

CAL.npz is a calibration set of `otfhpc simulate --set data.other_bolometers='["rh","rl","lh"]'`.
Prints as JSON the seconds from opening the file to the end of the search, those of one evaluation,
how many there were, the objective, and its least value, which linear least squares finds.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy
from scipy.optimize import OptimizeResult, minimize

import llss

KEYS = llss.KEYS + ["bolometer_rh", "bolometer_rl", "bolometer_lh"]


class Bin:
    """The data of one bin."""

    def __init__(self, records: llss.Records, number: int) -> None:
        self.records, self.number = records, number
        # [record, emitter]
        self.columns = llss.planck(llss.FREQUENCY_HZ[number], records.temperatures.T)

    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """MJy/sr and its noise, one a record, from the interferograms of all records."""
        gain = llss.gain(self.records)
        data = (llss.transforms(self.records.ifg)[:, 1:] / gain[:, 1:])[:, self.number - 1]
        noise = np.sqrt(llss.SAMPLES * self.records.variance) / np.abs(gain[:, self.number])
        return data, noise

    def objective(self, recompute: bool) -> Callable[[np.ndarray], float]:
        """The weighted sum of squares, of real parts and then imaginary parts."""
        once = self.spectrum()

        def weighted_squares(unknowns: np.ndarray) -> float:
            data, noise = self.spectrum() if recompute else once
            real, imaginary = np.split(unknowns, 2)
            rest = (data - self.columns @ (real + 1j * imaginary)) / noise
            return float(np.sum(rest.real**2 + rest.imag**2))

        return weighted_squares

    def least(self) -> float:
        """The least value of the objective, which is linear least squares."""
        data, noise = self.spectrum()
        system, rest = self.columns / noise[:, None], data / noise
        lengths = np.linalg.norm(system, axis=0)
        solution = np.linalg.lstsq(system / lengths, rest, rcond=None)[0]
        return float(np.sum(np.abs(system / lengths @ solution - rest) ** 2))


def search(objective: Callable[[np.ndarray], float], most: int | None) -> OptimizeResult:
    options = {} if most is None else {"maxfun": most}
    return minimize(objective, np.zeros(2 * len(KEYS)), method="L-BFGS-B", options=options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("cal", type=Path)
    parser.add_argument("--bin", type=int, default=20)
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--most", type=int)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    start = perf_counter()
    data = Bin(llss.read(given.cal, KEYS), given.bin)
    objective = data.objective(given.recompute)
    ready = perf_counter()
    found = search(objective, given.most)
    end = perf_counter()
    result = {
        "records": len(data.records.ifg),
        "bin": given.bin,
        "recompute": given.recompute,
        "seconds": end - start,
        "seconds_of_an_evaluation": (end - ready) / found.nfev,
        "evaluations": int(found.nfev),
        "iterations": int(found.nit),
        "objective": float(found.fun),
        "least": data.least(),
        "message": str(found.message),
        "scipy": scipy.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
