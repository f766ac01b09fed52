"""All bins of LLSS in loops that Numba compiles: what otfhpc is compared with.

Usage: python3 scripts/peers/numba_qr.py CAL.npz OUTPUT.npz [EXACT.npz]

Each bin for itself, some records at a time, which stay in the cache: Planck functions by a series
that the compiler turns into vector instructions, then modified Gram-Schmidt with the data as further
columns, which is as stable as reflections (Bjoerck 1967). OUTPUT.npz gets `emissivity` and `sigma`
[bin, emitter]. Prints as JSON the seconds from opening the file to both, those of the parts, and, with
EXACT.npz (of exact.py), the accuracy. Compiling does not count, and is kept in NUMBA_CACHE_DIR.
NUMBA_NUM_THREADS=1 and OMP_NUM_THREADS=1 are the caller's part.
"""

import math

import numba
import numpy as np

import llss
import peer
import tuned

EMITTERS = len(llss.KEYS)
LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 0.6931471803691238, 1.9082149292705877e-10
LARGEST = 708.0  # of arguments of e^x: where it is still a number
ROUND = 1.5 * 2.0**52  # adding this to a small number rounds it to a whole one, in its last bits
ROUND_BITS = int(np.float64(ROUND).view(np.int64))
RECORDS_AT_ONCE = 1000  # of a bin: a system that stays in the nearest caches
# Coefficients of (e^r - 1 - r) / r^2, the last first.
SERIES = tuple(1 / math.factorial(n) for n in range(13, 1, -1))
# Fused operations, and sums in any order, which vectors need; NaN and infinity as they are.
how = {"cache": True, "error_model": "numpy", "boundscheck": False}
compiled = numba.njit(fastmath={"reassoc", "contract", "nsz"}, **how)
in_order = numba.njit(fastmath={"contract", "nsz"}, **how)


@compiled
def weigh(spectra, chain, omega, responsivity, seconds, noise, seen, weight):
    """As `tuned.weigh`, in one pass."""
    for bin in range(len(chain)):
        size = abs(chain[bin])
        cosine, sine = chain[bin].real / size, chain[bin].imag / size
        for i in range(len(noise)):
            lag = omega[bin] * seconds[i]
            over = 1 / (math.sqrt(1 + lag * lag) * noise[i])
            weight[bin, i] = over * size * abs(responsivity[i])
            over = math.copysign(over, responsivity[i])
            real, imaginary = spectra[i, bin].real, spectra[i, bin].imag
            real, imaginary = real * cosine + imaginary * sine, imaginary * cosine - real * sine
            seen[bin, 0, i] = (real - lag * imaginary) * over
            seen[bin, 1, i] = (imaginary + lag * real) * over


@in_order
def planck(over, inverse, weight, column):
    """Weight over e^x - 1, where x = over / temperature = k ln 2 + r."""
    bits = column.view(np.int64)
    # Loops of their own, so that each becomes vector instructions: 2^k by its exponent.
    for i in range(len(column)):
        column[i] = min(over * inverse[i], LARGEST) * LOG2_E + ROUND
    for i in range(len(column)):
        bits[i] = (bits[i] - (ROUND_BITS - 1023)) << 52
    for i in range(len(column)):
        x = min(over * inverse[i], LARGEST)
        k = (x * LOG2_E + ROUND) - ROUND
        r = (x - k * LN2_HIGH) - k * LN2_LOW
        tail = SERIES[0]
        for coefficient in SERIES[1:]:
            tail = tail * r + coefficient
        power = column[i]
        column[i] = weight[i] / (power * (r + r * r * tail) + (power - 1))


@compiled
def dot(left, right):
    total = 0.0
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@compiled
def orthogonal(system, upper):
    """R of the first rows of `system`, and Q^T times the others, in `upper`, by Gram-Schmidt."""
    unknowns = len(upper)
    for k in range(unknowns):
        upper[k, k] = math.sqrt(dot(system[k], system[k]))
        system[k] *= 1 / upper[k, k]
        for j in range(k + 1, len(system)):
            row, other = system[j], system[k]
            upper[k, j] = product = dot(other, row)
            for i in range(len(row)):
                row[i] -= product * other[i]


@compiled
def solve(upper, found, sigma):
    """By back substitution: the solution [emitter, 2], and error bars from the inverse of R."""
    unknowns = len(upper)
    inverse = np.zeros((unknowns, unknowns))
    for k in range(unknowns - 1, -1, -1):
        inverse[k, k] = 1 / upper[k, k]
        for j in range(k + 1, unknowns):
            for i in range(k + 1, j + 1):
                inverse[k, j] -= upper[k, i] * inverse[i, j] / upper[k, k]
        sigma[k] = math.sqrt(dot(inverse[k], inverse[k]))
        for part in range(2):
            found[k, part] = dot(inverse[k], upper[:, unknowns + part])


@compiled
def all_bins(seen, weight, over, inverse, found, sigma):
    unknowns, records = inverse.shape
    most = min(RECORDS_AT_ONCE, records)
    width = unknowns + 2
    memory, upper = np.empty(width * (unknowns + most)), np.empty((unknowns, width))
    for bin in range(len(over)):
        upper[:] = 0
        for first in range(0, records, most):
            last = min(first + most, records)
            # Numba must know that it is contiguous.
            system = memory[: width * (unknowns + last - first)].reshape(width, -1)
            # What came out of the records before is as good as they are.
            system[:, :unknowns] = upper.T
            for emitter in range(unknowns):
                part, weights = inverse[emitter][first:last], weight[bin][first:last]
                planck(over[bin], part, weights, system[emitter][unknowns:])
            system[unknowns:, unknowns:] = seen[bin, :, first:last]
            orthogonal(system, upper)
        solve(upper, found[bin], sigma[bin])


def fit(records: llss.Records, clock: peer.Clock) -> tuple[np.ndarray, np.ndarray]:
    seen, weight = tuned.weighted(records, weigh)
    clock.lap("spectra")
    frequency = llss.FREQUENCY_HZ[1:]
    found = np.empty((len(frequency), EMITTERS, 2))
    sigma = np.empty(found.shape[:2])
    over = llss.PLANCK / llss.BOLTZMANN * frequency
    all_bins(seen, weight, over, 1 / records.temperatures, found, sigma)
    return found, sigma


if __name__ == "__main__":
    peer.run(fit, {"numpy": np.__version__, "numba": numba.__version__})
