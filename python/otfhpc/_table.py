"""The tables of a run."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otfhpc._optional import optional

if TYPE_CHECKING:
    import pandas

_UNITS = {"sigma": "counts per gain and sweep", "response": "V/(erg/s)"}
"""Units of columns whose names do not say them; all others have none, or one in the column `unit`."""


class Table(Mapping[str, NDArray[Any]]):
    """A table of a run: columns by name, each a NumPy array.

    Numbers that are missing are NaN. `to_pandas` makes a data frame of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        names, values = rows[0], rows[1:]
        self._columns = {name: _typed([row[place] for row in values]) for place, name in enumerate(names)}
        self._length = len(values)

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"{self.path} has no column {name!r}; it has {', '.join(self._columns)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Table({self.path.name}: {self._length} rows, columns {', '.join(self._columns)})"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its rows, each a dictionary."""
        columns = {name: values.tolist() for name, values in self._columns.items()}
        return [{name: columns[name][row] for name in columns} for row in range(self._length)]

    def to_pandas(self) -> pandas.DataFrame:
        """Return it as a `pandas.DataFrame`; ``attrs["units"]`` has units where columns have one."""
        frame: pandas.DataFrame = optional("pandas", "to_pandas()").DataFrame(self._columns)
        if self.path.name == "records.csv":
            frame.attrs["units"] = {"sigma": _UNITS["sigma"]}
        return frame


def _typed(texts: list[str]) -> NDArray[Any]:
    """Return a column as whole numbers, numbers, truth values, or else texts."""
    if texts and all(text in ("true", "false") for text in texts):
        return np.array([text == "true" for text in texts])
    for kind in (int, float):
        try:
            return np.array([kind(text) if text or kind is int else np.nan for text in texts])
        except ValueError:
            continue
    return np.array(texts, dtype=str)
