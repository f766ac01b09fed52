"""One table of the whole study: the mean nRMSE over the trials, one column a noise level.

Usage: python3 tables.py OUTPUTS FOLDER

OUTPUTS has what study.py wrote, one JSON a unit. FOLDER gets means.csv, one row a method and order.
A mean rests on the trials that have a value; where none has, the field is empty.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean

Key = tuple[str, int]  # method, order


def read(outputs: Path) -> dict[float, dict[Key, list[float]]]:
    """The errors of all trials by noise level, method and order."""
    errors = defaultdict(lambda: defaultdict(list))
    for path in sorted(outputs.glob("*.json")):
        output = json.loads(path.read_text())
        of_level = errors[output["noise"]]
        for method, result in output["methods"].items():
            for order, error in zip(result["orders"], result["nrmse"]):
                of_level[method, order].append(error)
    return errors


def write(path: Path, errors: dict[float, dict[Key, list[float]]]) -> None:
    levels = sorted(errors)
    keys = dict.fromkeys(key for level in levels for key in errors[level])
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["method", "order", *levels])
        for key in keys:
            found = [errors[level].get(key) for level in levels]
            table.writerow([*key, *(f"{fmean(f):.5g}" if f else "" for f in found)])


def main() -> None:
    outputs, folder = map(Path, sys.argv[1:])
    errors = read(outputs)
    if not errors:
        sys.exit(f"no output in {outputs}")
    write(folder / "means.csv", errors)


if __name__ == "__main__":
    main()
