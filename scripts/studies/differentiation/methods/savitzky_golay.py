"""Savitzky-Golay: the derivative of a polynomial through the samples around each one."""

import numpy as np
from scipy.signal import savgol_filter

WINDOW = 25  # samples
DEGREE = 9


def derivatives(times: np.ndarray, values: np.ndarray, orders: int) -> np.ndarray:
    step = times[1] - times[0]
    order = range(min(orders, DEGREE) + 1)
    return np.array([savgol_filter(values, WINDOW, DEGREE, deriv=n, delta=step) for n in order])
