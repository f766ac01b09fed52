"""How large the noise is, from the values alone."""

from math import comb

import numpy as np

ORDER = 8  # of the differences, in which a smooth curve is as good as gone


def noise_of(values: np.ndarray) -> float:
    """The standard deviation of independent noise on equidistant samples of a smooth curve."""
    differences = np.diff(values, ORDER)
    return float(np.sqrt(np.mean(differences**2) / comb(2 * ORDER, ORDER)))
