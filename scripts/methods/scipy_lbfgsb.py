"""Weighted least squares by SciPy's L-BFGS-B search: an example of an external method.

Usage: python3 scripts/methods/scipy_lbfgsb.py INPUT.npz OUTPUT.npz

INPUT.npz has the bins of one configuration: `design` [bin, emitter, record] and `data`
[bin, record] in MJy/sr, `variance` [bin, record] of the noise, and the flag `kirchhoff` (the
emissivities of a bin sum to zero). OUTPUT.npz gets `emissivity` [bin, emitter] and `converged`
[bin]; a search has no error bars, so there is no `sigma`. docs/DATA.md, "External methods", has
it all.

The minimum is that of scipy_lstsq.py. How near the search comes to it depends on the condition of
the design: comparing the two shows what a general minimiser costs on a linear problem.
"""

import sys

import numpy as np
from scipy.optimize import minimize

# ftol: smallest step of the objective, which is one at the start. gtol: largest element of the
# gradient; below it, the objective may change by less than its rounding error, and the search then
# ends as not converged.
OPTIONS = {"maxiter": 20_000, "maxfun": 100_000, "maxcor": 20, "ftol": 1e-18, "gtol": 1e-9}


def elimination(columns: np.ndarray, kirchhoff: bool) -> np.ndarray:
    """The matrix [emitter, unknown] that makes all emissivities out of the free ones."""
    emitters = columns.shape[1]
    if not kirchhoff:
        return np.eye(emitters)
    # Minus the sum of the others. The smallest column goes: the others then keep their digits.
    gone = np.argmin(np.linalg.norm(columns, axis=0))
    matrix = np.delete(np.eye(emitters), gone, axis=1)
    matrix[gone] = -1
    return matrix


def search(system: np.ndarray, data: np.ndarray) -> tuple[np.ndarray, bool]:
    """Minimises |data - system x|^2 over complex x, from zero; and whether it got there."""
    parts = np.column_stack([data.real, data.imag])
    shape = (system.shape[1], 2)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        rest = system @ flat.reshape(shape) - parts
        return float(np.sum(rest**2)), 2 * (system.T @ rest).ravel()

    start = np.zeros(shape).ravel()
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=OPTIONS)
    real, imaginary = found.x.reshape(shape).T
    return real + 1j * imaginary, bool(found.success)


def fit(columns: np.ndarray, data: np.ndarray, kirchhoff: bool) -> tuple[np.ndarray, bool]:
    """Emissivities of one bin; `columns` [record, emitter] and `data` in units of the noise."""
    combine = elimination(columns, kirchhoff)
    system = columns @ combine
    # To a search, unknowns of different sizes are a narrow valley. A zero column stays zero.
    lengths = np.linalg.norm(system, axis=0)
    lengths[lengths == 0] = 1
    unit = np.linalg.norm(data) or 1.0
    values, converged = search(system / lengths, data / unit)
    return combine @ (values * unit / lengths), converged


def main() -> None:
    with np.load(sys.argv[1], allow_pickle=False) as file:
        given = dict(file)
    emissivity, converged = [], []
    for design, data, variance in zip(given["design"], given["data"], given["variance"]):
        noise = np.sqrt(variance)
        values, well = fit((design / noise).T, data / noise, bool(given["kirchhoff"]))
        emissivity.append(values)
        converged.append(well)
    np.savez(sys.argv[2], emissivity=np.array(emissivity), converged=np.array(converged))


if __name__ == "__main__":
    main()
