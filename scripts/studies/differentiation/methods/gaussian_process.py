"""A Gaussian process with the kernel exp(-(t - t')^2 / (2 l^2)), and its exact derivatives.

Length and noise are those of the greatest marginal likelihood; the amplitude that goes with them
is known in closed form. The mean is a sum of kernels, so its derivatives are sums of derivatives of
kernels, which are Hermite polynomials times the kernel.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import eval_hermitenorm

# Of the length in units of the span, and of the noise's variance in units of the amplitude's. With
# less noise, the matrix is no longer positive in double precision.
LENGTHS = (1e-3, 1.0)
NOISES = (1e-13, 1.0)
STARTS = [(length, noise) for length in (0.03, 0.1) for noise in (1e-11, 1e-6, 1e-3)]


def derivatives(times: np.ndarray, values: np.ndarray, orders: int) -> np.ndarray:
    span = times[-1] - times[0]
    mean, scale = np.mean(values), np.std(values)
    target = (values - mean) / scale
    distances = np.subtract.outer(times, times) / span
    length, noise = most_likely(distances, target)
    weights, _ = solved(distances, target, length, noise)

    found = np.empty((orders + 1, len(times)))
    for n in range(orders + 1):
        hermite = eval_hermitenorm(n, distances / length) * (-1 / (length * span)) ** n
        found[n] = scale * (hermite * kernel(distances, length)) @ weights
    found[0] += mean
    return found


def most_likely(distances: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """The length and the noise's variance, searched for from several places."""
    bounds = np.log([LENGTHS, NOISES])
    searches = [
        minimize(loss, np.log(start), (distances, target), "L-BFGS-B", bounds=bounds)
        for start in STARTS
    ]
    length, noise = np.exp(min(searches, key=lambda search: search.fun).x)
    return length, noise


def loss(logs: np.ndarray, distances: np.ndarray, target: np.ndarray) -> float:
    """Minus the logarithm of the marginal likelihood at its best amplitude."""
    impossible = 1e10
    try:
        weights, half_log_determinant = solved(distances, target, *np.exp(logs))
    except LinAlgError:
        return impossible
    misfit = target @ weights
    if misfit <= 0:
        return impossible
    return 0.5 * len(target) * np.log(misfit / len(target)) + half_log_determinant


def solved(
    distances: np.ndarray, target: np.ndarray, length: float, noise: float
) -> tuple[np.ndarray, float]:
    """(K + noise)^-1 target, and half the logarithm of the determinant of K + noise."""
    matrix = kernel(distances, length) + noise * np.eye(len(target))
    factor = cho_factor(matrix, lower=True)
    return cho_solve(factor, target), float(np.sum(np.log(np.diag(factor[0]))))


def kernel(distances: np.ndarray, length: float) -> np.ndarray:
    return np.exp(-0.5 * (distances / length) ** 2)
