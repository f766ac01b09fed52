"""Central differences, repeated: no model of the noise at all."""

import numpy as np


def derivatives(times: np.ndarray, values: np.ndarray, orders: int) -> np.ndarray:
    found = [values]
    for _ in range(orders):
        found.append(np.gradient(found[-1], times, edge_order=2))
    return np.array(found)
