"""One unit of the study: every method on one noisy trajectory, at every order of derivative.

Usage: python3 study.py --noise LEVEL --seed SEED OUTPUT.json

LEVEL is the standard deviation of the noise in units of that of x(t). Beside OUTPUT.json, which has
everything, two tables are written: results.csv (method, order, nrmse, timing) and errors.csv
(method, error). A method that fails is a finding, not a failure of the unit: it has no rows in the
one table and a row in the other.
"""

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np

from methods import METHODS
from truth import trajectory

ORDERS = 7


def noisy(values: np.ndarray, level: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(len(values))
    return values + level * np.std(values) * noise


def nrmse(derivative: np.ndarray, true: np.ndarray) -> float:
    """The RMS error in standard deviations of the true derivative, both without the end points."""
    inner = slice(1, -1)
    error = np.sqrt(np.mean((derivative[inner] - true[inner]) ** 2))
    return float(error / np.std(true[inner]))


def tried(method, times: np.ndarray, values: np.ndarray, true: np.ndarray) -> dict:
    """What a method gives, or why it gives nothing."""
    begin = time.perf_counter()
    try:
        derivatives = method(times, values, ORDERS)
        errors, error = [nrmse(*pair) for pair in zip(derivatives, true)], None
        if not np.all(np.isfinite(errors)):
            errors, error = [], "a derivative is not finite"
    except Exception as problem:  # whatever it is, the other methods go on
        errors, error = [], f"{type(problem).__name__}: {problem}"
    timing = time.perf_counter() - begin
    return {"orders": list(range(len(errors))), "nrmse": errors, "timing": timing, "error": error}


def write_table(path: Path, header: list[str], rows: list[tuple]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def write(output: Path, noise: float, found: dict[str, dict]) -> None:
    rows = [
        (name, order, error, result["timing"])
        for name, result in found.items()
        for order, error in zip(result["orders"], result["nrmse"])
    ]
    failed = [(name, result["error"]) for name, result in found.items() if result["error"]]
    write_table(output.with_name("results.csv"), ["method", "order", "nrmse", "timing"], rows)
    write_table(output.with_name("errors.csv"), ["method", "error"], failed)
    output.write_text(json.dumps({"noise": noise, "methods": found}, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--noise", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    times, true = trajectory(ORDERS)
    values = noisy(true[0], arguments.noise, arguments.seed)
    found = {name: tried(method, times, values, true) for name, method in METHODS.items()}
    write(arguments.output, arguments.noise, found)


if __name__ == "__main__":
    main()
