"""Weighted least squares of all bins of LLSS with NumPy: what otfhpc is compared with.

Usage: python3 scripts/peers/numpy_lstsq.py CAL.npz OUTPUT.npz [EXACT.npz]

CAL.npz is a calibration set of `otfhpc simulate` (docs/DATA.md has the format). OUTPUT.npz gets
`emissivity` [bin, emitter]; bin 0, which has no signal, is NaN. Prints as JSON the seconds from
opening the file to the solution, and those of its parts, and, with EXACT.npz (of exact.py), the
accuracy; neither Python's start nor the writing counts. How many threads BLAS has is the caller's
choice (OMP_NUM_THREADS and its like).
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

import exact
import llss


def spectra(records: llss.Records) -> tuple[np.ndarray, np.ndarray]:
    """Spectra in MJy/sr and standard deviations of their noise, [bin, record], of bins 1 on."""
    gain = llss.gain(records)[:, 1:]
    data = llss.transforms(records.ifg)[:, 1:] / gain
    noise = np.sqrt(llss.SAMPLES * records.variance)[:, None] / np.abs(gain)
    return data.T, noise.T


def design(records: llss.Records) -> np.ndarray:
    """Planck functions, MJy/sr, [bin, record, emitter], of bins 1 on."""
    return llss.planck(llss.FREQUENCY_HZ[1:, None, None], records.temperatures.T)


def solve(design: np.ndarray, data: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Emissivities, [bin, emitter]; NaN where NumPy finds none."""
    found = np.full((llss.BINS, design.shape[2]), np.nan, complex)
    for index, (columns, values, sigma) in enumerate(zip(design, data, noise)):
        system, rest = columns / sigma[:, None], values / sigma
        # Planck functions of different bodies can be fifty orders of magnitude apart.
        lengths = np.linalg.norm(system, axis=0)
        if not lengths.all():
            continue
        # The design is real: real and imaginary part are two right-hand sides.
        parts = np.column_stack([rest.real, rest.imag])
        solution = np.linalg.lstsq(system / lengths, parts, rcond=None)[0]
        found[index + 1] = (solution[:, 0] + 1j * solution[:, 1]) / lengths
    return found


def main() -> None:
    start = perf_counter()
    records = llss.read(Path(sys.argv[1]), llss.KEYS)
    read = perf_counter()
    data, noise = spectra(records)
    transformed = perf_counter()
    columns = design(records)
    designed = perf_counter()
    emissivity = solve(columns, data, noise)
    end = perf_counter()
    np.savez(sys.argv[2], emissivity=emissivity)
    times = {
        "records": len(records.ifg),
        "seconds": end - start,
        "read": read - start,
        "spectra": transformed - read,
        "design": designed - transformed,
        "solve": end - designed,
        "numpy": np.__version__,
    }
    if len(sys.argv) > 3:
        times["accuracy"] = exact.accuracy(Path(sys.argv[3]), emissivity)
    print(json.dumps(times))
    if len(sys.argv) > 3:
        exact.hold(sys.argv[0], times["accuracy"])


if __name__ == "__main__":
    main()
