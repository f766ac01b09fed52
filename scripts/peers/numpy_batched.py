"""All bins of LLSS with NumPy's batched linear algebra: what otfhpc is compared with.

Usage: python3 scripts/peers/numpy_batched.py CAL.npz OUTPUT.npz [EXACT.npz]

Normal equations, scaled as if columns had length one, by Cholesky's factorisation and a step of
refinement, for as many bins at once as the cache holds. OUTPUT.npz gets `emissivity` and `sigma`
[bin, emitter]. Prints as JSON the seconds from opening the file to both, those of the parts, and, with
EXACT.npz (of exact.py), the accuracy. How many threads BLAS has is the caller's choice
(OMP_NUM_THREADS and its like).
"""

import numpy as np

import llss
import peer
import tuned

EMITTERS = len(llss.KEYS)
# Numbers in the systems of the bins that are solved at once: half a megabyte.
AT_ONCE = 1 << 16


def design(bins: slice, inverse: np.ndarray, weight: np.ndarray, columns: np.ndarray) -> None:
    """Weighted Planck functions, [bin, emitter, record], but for a factor that each bin has."""
    over = llss.PLANCK / llss.BOLTZMANN * llss.FREQUENCY_HZ[1:][bins]
    np.multiply(over[:, None, None], inverse, out=columns)
    # Half the time of expm1, and 1e-14 off where the argument is least, 0.04.
    np.exp(columns, out=columns)
    columns -= 1
    np.divide(weight[bins, None], columns, out=columns)


def solve(system: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solutions, [bin, emitter, 2], and error bars, [bin, emitter].

    The system is [bin, emitters and data, record]; its data become residuals.
    """
    products = system @ system.transpose(0, 2, 1)
    # Planck functions of different bodies can be fifty orders of magnitude apart.
    lengths = np.sqrt(np.einsum("bee->be", products[:, :EMITTERS, :EMITTERS]))
    scaled = products[:, :EMITTERS, :EMITTERS] / lengths[..., None] / lengths[:, None]
    # Of R^T R = products, back = R^-T: its squares are the variances.
    back = np.linalg.inv(np.linalg.cholesky(scaled)) / lengths[:, None]
    across = back.transpose(0, 2, 1)
    found = across @ (back @ products[:, :EMITTERS, EMITTERS:])
    # The square of the condition costs digits; a step with the residuals brings them back.
    columns, data = system[:, :EMITTERS], system[:, EMITTERS:]
    data -= found.transpose(0, 2, 1) @ columns
    found += across @ (back @ (columns @ data.transpose(0, 2, 1)))
    return found, np.sqrt(np.einsum("bke,bke->be", back, back))


def fit(records: llss.Records, clock: peer.Clock) -> tuple[np.ndarray, np.ndarray]:
    seen, weight = tuned.weighted(records)
    clock.lap("spectra")
    inverse = 1 / records.temperatures
    found = np.empty((llss.BINS - 1, EMITTERS, 2))
    sigma = np.empty(found.shape[:2])
    count = inverse.shape[1]
    step = max(1, AT_ONCE // (EMITTERS + 2) // count)
    system = np.empty((step, EMITTERS + 2, count))
    for first in range(0, len(found), step):
        bins = slice(first, min(first + step, len(found)))
        part = system[: bins.stop - first]
        design(bins, inverse, weight, part[:, :EMITTERS])
        part[:, EMITTERS:] = seen[bins]
        found[bins], sigma[bins] = solve(part)
    return found, sigma


if __name__ == "__main__":
    peer.run(fit, {"numpy": np.__version__})
