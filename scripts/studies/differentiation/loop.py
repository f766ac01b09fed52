"""The same study as a plain loop in a pool of threads: what otfhpc takes the place of.

Usage: python3 loop.py UNITS.csv FOLDER

UNITS.csv names the configurations: columns noise, trial and seed, as in a merged study's units.csv.
FOLDER gets results.csv, byte for byte the table of the study. What this lacks: it begins anew when
it is killed, and a configuration that fails is a line on the screen.
"""

import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

STUDY = Path(__file__).with_name("study.py")
THREADS = 2
TIMEOUT = 300  # seconds
LEFT_OUT = {"timing"}  # columns that differ from run to run


def run(unit: dict[str, str]) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and the rows of one configuration's table; none if it fails."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "output.json"
        options = ["--noise", unit["noise"], "--seed", unit["seed"]]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        try:
            command = [sys.executable, STUDY, *options, output]
            subprocess.run(command, env=environment, timeout=TIMEOUT, check=True)
        except subprocess.SubprocessError as problem:
            print(f"noise {unit['noise']} trial {unit['trial']}: {problem}", file=sys.stderr)
            return [], []
        with output.with_name("results.csv").open(newline="") as file:
            table = csv.DictReader(file)
            return [name for name in table.fieldnames if name not in LEFT_OUT], list(table)


def main() -> None:
    units_file, folder = map(Path, sys.argv[1:])
    with units_file.open(newline="") as file:
        units = list(csv.DictReader(file))
    with ThreadPoolExecutor(THREADS) as pool:
        tables = list(pool.map(run, units))
    columns = next((columns for columns, _ in tables if columns), None)
    if columns is None:
        sys.exit("every configuration failed")
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["noise", "trial", *columns])
        for unit, (_, rows) in zip(units, tables):
            grid = [unit["noise"], unit["trial"]]
            writer.writerows([*grid, *(row[name] for name in columns)] for row in rows)


if __name__ == "__main__":
    main()
