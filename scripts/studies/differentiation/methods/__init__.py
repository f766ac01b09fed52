"""The methods by name. The `derivatives` of each takes times and values [sample] and the highest
order, and gives derivatives [order, sample] from order 0 on; fewer orders if it has no more."""

from methods import central, chebyshev, fourier, gaussian_process, savitzky_golay, spline

METHODS = {
    "central": central.derivatives,
    "savitzky_golay": savitzky_golay.derivatives,
    "fourier": fourier.derivatives,
    "chebyshev": chebyshev.derivatives,
    "spline": spline.derivatives,
    "gaussian_process": gaussian_process.derivatives,
}
