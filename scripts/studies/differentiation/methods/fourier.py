"""Fourier: a straight line and a sine series, cut where only noise is left.

The line takes away the jump between the ends, so that the rest goes on periodically as an odd
function. From order 2 on, what it does at the ends is wrong, and rings through all samples.
"""

import numpy as np
from scipy.fft import dst

from methods.noise import noise_of


def derivatives(times: np.ndarray, values: np.ndarray, orders: int) -> np.ndarray:
    span = times[-1] - times[0]
    slope = (values[-1] - values[0]) / span
    line = values[0] + slope * (times - times[0])
    coefficients = cut(dst((values - line)[1:-1], type=1), noise_of(values)) / (len(values) - 1)
    frequencies = np.pi * np.arange(1, len(coefficients) + 1) / span
    phases = np.outer(times - times[0], frequencies)
    found = []
    for n in range(orders + 1):
        # The n-th derivative of sin(u) is sin(u + n pi/2).
        waves = np.sin(phases + n * np.pi / 2)
        found.append(waves @ (coefficients * frequencies**n))
    found[0] += line
    if orders > 0:
        found[1] += slope
    return np.array(found)


def cut(coefficients: np.ndarray, noise: float) -> np.ndarray:
    """Those up to the last that is well above the noise; the others are zero."""
    floor = 4 * noise * np.sqrt(2 * (len(coefficients) + 1))
    strong = np.flatnonzero(np.abs(coefficients) > floor)
    last = strong[-1] if len(strong) else 0
    return np.where(np.arange(len(coefficients)) <= last, coefficients, 0)
