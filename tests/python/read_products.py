"""Checks the products of a run with nothing but NumPy and the standard library.

Usage: python read_products.py RESULTS [EXPECTED.npz]

EXPECTED.npz, as write_cal.py makes it, has the truth that the data were simulated from and an
independent least-squares solution. Prints how much was checked; fails at the first difference.
"""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np

BINS = 257
# GHz, where a channel sees light.
BANDS = {"l": (60.0, 640.0), "h": (600.0, 2910.0)}
STATUSES = ["converged", "not_converged", "failed", "no_signal"]


class Products:
    """All files of a run."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "solution.npz", allow_pickle=False) as archive:
            self.arrays = {name: archive[name] for name in archive.files}
        self.configurations = read_csv(folder / "configurations.csv")
        self.summary = read_csv(folder / "summary.csv")
        self.overview = json.loads((folder / "summary.json").read_text())
        self.ledger = json.loads((folder / "ledger.json").read_text())
        self.provenance = json.loads((folder / "provenance.json").read_text())
        self.emitters = self.overview["emitters"]
        self.sets = [entry["set"] for entry in self.overview["data_sets"]]

    def frequency_ghz(self, data_set: int) -> np.ndarray:
        """The axis of one data set; a single one has no axis for it."""
        axis = self.arrays["frequency_ghz"]
        return axis if axis.ndim == 1 else axis[data_set]

    def judged_bins(self, data_set: int) -> np.ndarray:
        """The bins on which errors rest, as a mask: light in the truth, or else the band."""
        if "truth" in self.arrays:
            return (self.arrays["truth"][data_set] != 0).any(axis=1)
        low, high = BANDS[self.sets[data_set][1]]
        ghz = self.frequency_ghz(data_set)
        return (ghz >= low) & (ghz <= high)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def require(condition: bool, message: str) -> None:
    if not condition:
        sys.exit(message)


def check_arrays(products: Products) -> None:
    """Names, types and shapes; values where the status says so, and NaN elsewhere."""
    arrays, simulated = products.arrays, products.configurations[0]["noise_level"] != ""
    c, e, s = len(products.configurations), len(products.emitters), len(products.sets)
    expected = {
        "emissivity": ("<c16", (c, BINS, e)),
        "sigma": ("<f8", (c, BINS, e)),
        "rss": ("<f8", (c, BINS)),
        "condition": ("<f8", (c, BINS)),
        "status": ("|u1", (c, BINS)),
        "determined": ("|u1", (c, BINS, e)),
        "in_band": ("|u1", (BINS,) if s == 1 else (s, BINS)),
        "frequency_ghz": ("<f8", (BINS,) if s == 1 else (s, BINS)),
    }
    if simulated:
        expected["truth"] = ("<c16", (s, BINS, e))
    names = {"emitters": (e,), "configurations": (c,), "data_sets": (s,)}
    expected |= {name: ("<U48", shape) for name, shape in names.items()}
    expected["bins"] = ("<i8", (BINS,))
    found = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    require(found == expected, f"solution.npz holds {found}, expected {expected}")
    require(list(arrays["emitters"]) == products.emitters, "emitters")
    require(list(arrays["data_sets"]) == products.sets, "data sets")
    require((arrays["bins"] == np.arange(BINS)).all(), "bins")
    for name, row in zip(arrays["configurations"], products.configurations, strict=True):
        start = f"{row['data_set']} {row['method']}"
        require(str(name).startswith(start), f"configuration {name} is not {start}")
    require(len(set(arrays["configurations"])) == c, "names of configurations are not unique")
    converged = arrays["status"] == 0
    require(converged.any() and not converged.all(), "statuses should differ")
    for name in ("emissivity", "sigma", "rss", "condition"):
        array = arrays[name]
        require(np.isfinite(array[converged]).all(), f"{name}: a fitted value is missing")
        require(np.isnan(array[~converged]).all(), f"{name}: a value that was not fitted")
    require((arrays["sigma"][converged] >= 0).all(), "a sigma is negative")
    # NaN compares as false: what was not fitted is not determined.
    determined = (arrays["sigma"] <= 0.1) & converged[:, :, np.newaxis]
    require((arrays["determined"] == determined).all(), "determined")
    require(determined.any() and not determined[converged].all(), "some bins say nothing")
    for index, data_set in enumerate(products.sets):
        low, high = BANDS[data_set[1]]
        ghz = products.frequency_ghz(index)
        in_band = arrays["in_band"] if s == 1 else arrays["in_band"][index]
        require((in_band == ((ghz >= low) & (ghz <= high))).all(), f"in_band of {data_set}")


def check_axis(products: Products) -> None:
    """Bin k of 512 points, by hand: c / f / p / 2 * m / n * k / 256, slow scans."""
    for index, data_set in enumerate(products.sets):
        require(data_set[2:] == "ss", f"no axis known here for {data_set}")
        nyquist_icm = 1.0060549 / 20e-4 / (4 * math.cos(math.radians(30))) / 2 * 6 / 3
        expected = np.arange(BINS) / 256 * nyquist_icm * 29.9792458
        found = products.frequency_ghz(index)
        require(np.allclose(found, expected, rtol=1e-12, atol=0), f"the axis of {data_set}")


def check_accounts(products: Products) -> None:
    """Every table counts the same units."""
    codes = {entry["name"].replace(" ", "_"): entry["code"] for entry in
             products.overview["status_codes"]}
    require(list(codes) == [*STATUSES, "not_selected"], f"status codes {codes}")
    sums = dict.fromkeys(STATUSES, 0)
    for index, row in enumerate(products.configurations):
        require(int(row["configuration"]) == index, "configurations.csv is not in order")
        for name in STATUSES:
            count = int((products.arrays["status"][index] == codes[name]).sum())
            require(count == int(row[name]), f"configuration {index}: {count} {name}")
            sums[name] += count
    totals = products.ledger["totals"]
    require(totals == {**sums, "missing": 0, "corrupt": 0}, f"ledger {totals}, arrays {sums}")
    require(sum(totals.values()) == products.overview["units"], "the units of summary.json")
    require(products.overview["totals"] == totals, "the totals of summary.json")
    require(len(products.provenance["shards"]) > 0, "provenance.json names no shard")


def same(found: str, expected: float) -> bool:
    """A number of a table, or an empty cell where there is none."""
    if found == "":
        return math.isnan(expected)
    return abs(float(found) - expected) <= 1e-12 * abs(expected)


def check_chi2(products: Products, row: dict[str, str], trials: list[int]) -> None:
    """The median residual of the band over records less emissivities, where there are weights."""
    data_set = products.sets.index(row["data_set"])
    found = row["chi2_per_degree"]
    if row["method"] == "ols":
        require(found == "", f"chi2 without weights: {row}")
        return
    free = len(products.emitters) - (row["constraint"] == "kirchhoff")
    degrees = products.overview["data_sets"][data_set]["screening"]["used"] - free
    of_trial = []
    for trial in trials:
        use = products.judged_bins(data_set) & (products.arrays["status"][trial] == 0)
        of_trial.append(float(np.median(products.arrays["rss"][trial, use])) / degrees)
    require(same(found, float(np.mean(of_trial))), f"chi2: {row}, found {of_trial}")


def check_summary(products: Products) -> int:
    """Computes every row of summary.csv again; returns how many have errors against a truth."""
    arrays, with_errors, seen = products.arrays, 0, set()
    shared = ("data_set", "method", "constraint", "noise_level")
    for row in products.summary:
        key = tuple(row[name] for name in shared)
        require((key, row["emitter"]) not in seen, f"twice in summary.csv: {row}")
        seen.add((key, row["emitter"]))
        data_set, emitter = products.sets.index(key[0]), products.emitters.index(row["emitter"])
        trials = [i for i, c in enumerate(products.configurations)
                  if tuple(c[name] for name in shared) == key]
        require(len(trials) == int(row["trials"]), f"trials: {row}")
        errors, widths, bins, determined = [], [], [], []
        for trial in trials:
            use = products.judged_bins(data_set) & (arrays["status"][trial] == 0)
            value = arrays["emissivity"][trial, use, emitter]
            sigma = arrays["sigma"][trial, use, emitter]
            bins.append(int(use.sum()))
            determined.append(int(arrays["determined"][trial, use, emitter].sum()))
            widths.append(float(np.median(sigma / np.abs(value))))
            if "truth" in arrays:
                truth = arrays["truth"][data_set, use, emitter]
                square = np.mean(np.abs(value - truth) ** 2) / np.mean(np.abs(truth) ** 2)
                errors.append(float(np.sqrt(square)))
        require(int(row["bins"]) == min(bins) > 0, f"bins: {row}, found {bins}")
        require(int(row["determined"]) == min(determined), f"determined: {row}, {determined}")
        check_chi2(products, row, trials)
        require(same(row["relative_sigma"], float(np.mean(widths))), f"relative_sigma: {row}")
        for name, statistic in (("mean", np.mean), ("min", np.min), ("max", np.max)):
            expected = float(statistic(errors)) if errors else math.nan
            require(same(row[f"nrmse_{name}"], expected), f"nrmse_{name}: {row}, found {expected}")
        with_errors += bool(errors)
    groups = {key for key, _ in seen}
    require(len(seen) == len(groups) * len(products.emitters), "summary.csv lacks rows")
    return with_errors


def check_expected(products: Products, path: Path) -> int:
    """Compares with the truth and with NumPy's solution; returns how many configurations."""
    with np.load(path, allow_pickle=False) as expected:
        band, truth = expected["band"], expected["truth"]
        solution = expected["least_squares"]
    largest = np.abs(truth[band]).max(axis=1, keepdims=True)
    for index, row in enumerate(products.configurations):
        found = products.arrays["emissivity"][index, band]
        away = float((np.abs(found - truth[band]) / largest).max())
        require(away < 1e-8, f"{row['method']}: {away} of the largest emissivity from the truth")
        if row["method"] == "ols" and row["constraint"] == "none":
            away = float((np.abs(found - solution[band]) / largest).max())
            require(away < 1e-8, f"{away} of the largest emissivity from NumPy's solution")
    return len(products.configurations)


def main() -> None:
    products = Products(Path(sys.argv[1]))
    check_arrays(products)
    check_axis(products)
    check_accounts(products)
    errors = check_summary(products)
    report = f"configurations {len(products.configurations)}, rows {len(products.summary)}"
    report += f", errors {errors}"
    if len(sys.argv) > 2:
        report += f", compared {check_expected(products, Path(sys.argv[2]))}"
    print(report)


if __name__ == "__main__":
    main()
