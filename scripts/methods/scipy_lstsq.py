"""Weighted least squares with SciPy: an example of an external method.

Usage: python3 scripts/methods/scipy_lstsq.py INPUT.npz OUTPUT.npz

INPUT.npz has the bins of one configuration: `design` [bin, emitter, record] and `data`
[bin, record] in MJy/sr, `variance` [bin, record] of the noise, the flags `kirchhoff` (the
emissivities of a bin sum to zero) and `variance_is_relative`, and the numbers `bin` [bin].
OUTPUT.npz gets `emissivity` [bin, emitter], `sigma` likewise, and `bin`: bins that cannot be
solved are left out. docs/DATA.md, "External methods", has it all.
"""

import sys

import numpy as np
from scipy.linalg import lstsq, qr, solve_triangular


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


def fit(
    columns: np.ndarray, data: np.ndarray, kirchhoff: bool, relative: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Emissivities and error bars; `columns` [record, emitter] and `data` in units of the noise."""
    combine = elimination(columns, kirchhoff)
    system = columns @ combine
    # Planck functions of different bodies can be fifty orders of magnitude apart.
    lengths = np.linalg.norm(system, axis=0)
    if not lengths.all():
        raise ValueError("a column of the design is zero")
    system, combine = system / lengths, combine / lengths

    records, unknowns = system.shape
    parts = np.column_stack([data.real, data.imag])
    solution, _, rank, _ = lstsq(system, parts)
    if rank < unknowns:
        raise ValueError(f"the design has rank {rank} of {unknowns}")
    emissivity = combine @ (solution[:, 0] + 1j * solution[:, 1])

    # The covariance of the unknowns is (R^T R)^-1, R the triangle of the system.
    triangle = qr(system, mode="r")[0][:unknowns]
    sigma = np.linalg.norm(combine @ solve_triangular(triangle, np.eye(unknowns)), axis=1)
    if relative and records > unknowns:
        sigma *= np.linalg.norm(parts - system @ solution) / np.sqrt(records - unknowns)
    elif relative:
        sigma[:] = np.nan  # nothing is left to tell the noise from
    return emissivity, sigma


def main() -> None:
    with np.load(sys.argv[1], allow_pickle=False) as file:
        given = dict(file)
    kirchhoff, relative = bool(given["kirchhoff"]), bool(given["variance_is_relative"])
    bins, emissivity, sigma = [], [], []
    for index, number in enumerate(given["bin"]):
        noise = np.sqrt(given["variance"][index])
        columns, data = (given["design"][index] / noise).T, given["data"][index] / noise
        try:
            values, bars = fit(columns, data, kirchhoff, relative)
        except (ValueError, np.linalg.LinAlgError) as error:
            print(f"bin {number} is left out: {error}", file=sys.stderr)
            continue
        bins.append(number)
        emissivity.append(values)
        sigma.append(bars)
    shape = (len(bins), given["design"].shape[1])
    np.savez(
        sys.argv[2],
        bin=np.array(bins, dtype=np.int64),
        emissivity=np.array(emissivity, dtype=complex).reshape(shape),
        sigma=np.array(sigma, dtype=float).reshape(shape),
    )


if __name__ == "__main__":
    main()
