"""x(t) of Lotka-Volterra's equations and its derivatives, exact to rounding.

    x' = ALPHA x - BETA x y        y' = DELTA x y - GAMMA y

The Taylor coefficients of x and y follow from each other by the equations themselves, so no
difference is ever taken: they carry the solution from sample to sample, and they are its
derivatives there.
"""

from math import factorial

import numpy as np

ALPHA, BETA, GAMMA, DELTA = 1.5, 1.0, 3.0, 1.0
START = (1.0, 1.0)
TERMS = 40  # of a series that is used no further than one sample: the last are below rounding
END = 10.0
SAMPLES = 251


def series(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """The first TERMS Taylor coefficients of x and y where their values are these."""
    xs, ys = np.zeros(TERMS), np.zeros(TERMS)
    xs[0], ys[0] = x, y
    for k in range(TERMS - 1):
        product = xs[: k + 1] @ ys[k::-1]
        xs[k + 1] = (ALPHA * xs[k] - BETA * product) / (k + 1)
        ys[k + 1] = (DELTA * product - GAMMA * ys[k]) / (k + 1)
    return xs, ys


def trajectory(orders: int) -> tuple[np.ndarray, np.ndarray]:
    """Times [sample], and x(t) with its derivatives [order, sample], orders 0 to `orders`."""
    times = np.linspace(0.0, END, SAMPLES)
    step = times[1]
    derivatives = np.empty((orders + 1, SAMPLES))
    x, y = START
    for sample in range(SAMPLES):
        xs, ys = series(x, y)
        derivatives[:, sample] = [factorial(n) * xs[n] for n in range(orders + 1)]
        x, y = np.polyval(xs[::-1], step), np.polyval(ys[::-1], step)
    return times, derivatives
