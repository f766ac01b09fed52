"""What a run leaves, with names and units."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otfhpc._arrays import Complex, Reals
from otfhpc._command import OtfhpcError
from otfhpc._fit import Fit
from otfhpc._labelled import BIN, EMITTER, LABELS, Label, dataset
from otfhpc._optional import optional
from otfhpc._table import Table

if TYPE_CHECKING:
    import pandas
    import xarray

_CONFIGURATION, _SET, _KEPT, _JOINT = "configuration", "data_set", "with_covariance", "with_joint"
_OTHER, _PARAMETER, _OTHER_PARAMETER = "other_emitter", "parameter", "other_parameter"
_RESPONSE = "V/(erg/s)"

_LABELS: dict[str, Label] = {
    **{
        name: Label((_CONFIGURATION, *LABELS[name].axes), LABELS[name].unit, LABELS[name].meaning)
        for name in ("emissivity", "sigma", "rss", "condition", "status")
    },
    "determined": Label((_CONFIGURATION, BIN, EMITTER), "1", "whether the error bar is at most 0.1"),
    "frequency_ghz": LABELS["frequency_ghz"],
    "in_band": Label((BIN,), "1", "whether the bin lies in the optical band"),
    "truth": Label((_SET, BIN, EMITTER), "1", "emissivity of the simulated instrument"),
    "covariance_configurations": Label((_KEPT,), "1", "row of configurations.csv"),
    "covariance": Label((_KEPT, BIN, EMITTER, _OTHER), "1", "E[dE_i conj(dE_k)]"),
    "relation": Label((_KEPT, BIN, EMITTER), "1", "E[dE_i^2]"),
    "response": Label((_KEPT, BIN), _RESPONSE, "response of the bolometer, average of the mission"),
    "emissivity_response": Label((_KEPT, BIN, EMITTER), _RESPONSE, "emissivity times response"),
    "emissivity_response_sigma": Label((_KEPT, BIN, EMITTER), _RESPONSE, "its standard error"),
    "emissivity_response_relation": Label(
        (_KEPT, BIN, EMITTER), "(V/(erg/s))^2", "E[d(emissivity times response)^2]"
    ),
    "joint_configurations": Label((_JOINT,), "1", "row of configurations.csv"),
    "joint_chi2": Label((_JOINT,), "variances", "sum of the squared residuals"),
    "joint_degrees_of_freedom": Label((_JOINT,), "1", "of joint_chi2"),
    "joint_iterations": Label((_JOINT,), "1", "steps of the search"),
    "parameter_names": Label((_JOINT, _PARAMETER), "1", "names of the shared parameters"),
    "parameter_covariance": Label(
        (_JOINT, _PARAMETER, _OTHER_PARAMETER), "those of the parameters", "covariance"
    ),
    "parameter_correlation": Label((_JOINT, _PARAMETER, _OTHER_PARAMETER), "1", "correlation"),
    "emitters": Label((EMITTER,), "1", "names"),
    "configurations": Label((_CONFIGURATION,), "1", "names"),
    "data_sets": Label((_SET,), "1", "names"),
    "bins": Label((BIN,), "1", "index on the axis"),
}


class Results(Mapping[str, NDArray[Any]]):
    """The products of a run that was merged.

    It is a mapping: ``results["emissivity"]`` is the array of that name in ``solution.npz``, read when
    it is first asked for. The usual ones are attributes. Tables are read by `table`.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._solution = self.path / "solution.npz"
        if not self._solution.is_file():
            raise OtfhpcError(self._what_is_missing())
        self._read: dict[str, NDArray[Any]] = {}
        with np.load(self._solution) as archive:
            self._names = tuple(archive.files)

    def _what_is_missing(self) -> str:
        if not self.path.is_dir():
            return f"{self.path} is no folder: expected the results of a run"
        if not (self.path / "plan.json").is_file():
            return f"{self.path} has no plan.json: expected the results of a run"
        return (
            f"{self.path} has no solution.npz: it is not merged yet, or no calibration; "
            f"otfhpc.Run({str(self.path)!r}).status() says what is missing"
        )

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(f"{self._solution} has no {name!r}; it has {', '.join(self._names)}")
        if name not in self._read:
            with np.load(self._solution) as archive:
                self._read[name] = archive[name]
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        counts = self.summary["totals"]
        ended = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)
        return f"Results({self.path}: {len(self.configurations)} configurations; {ended})"

    @property
    def emissivity(self) -> Complex:
        """Complex emissivities, [configuration, bin, emitter]; NaN where nothing was fitted."""
        return self["emissivity"]

    @property
    def sigma(self) -> Reals:
        """Their standard errors ``sqrt(E|dE|^2)``, [configuration, bin, emitter]."""
        return self["sigma"]

    @property
    def status(self) -> NDArray[np.uint8]:
        """How each bin ended, [configuration, bin]: keys of `otfhpc.STATUS`."""
        return self["status"]

    @property
    def determined(self) -> NDArray[np.bool_]:
        """Whether a value is determined: its error bar is at most 0.1."""
        return self["determined"].astype(np.bool_)

    @property
    def frequency_ghz(self) -> Reals:
        """Optical frequency, GHz, [bin]; [data set, bin] if there are several data sets."""
        return self["frequency_ghz"]

    @property
    def truth(self) -> Complex | None:
        """Emissivities of a simulated instrument, [data set, bin, emitter]; None of measured data."""
        return self.get("truth")

    @property
    def emitters(self) -> tuple[str, ...]:
        """Names of the emitters."""
        return tuple(self["emitters"].tolist())

    @property
    def data_sets(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return tuple(self["data_sets"].tolist())

    @property
    def units(self) -> dict[str, str]:
        """Unit of each array."""
        return {name: _LABELS[name].unit for name in self if name in _LABELS}

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Names of the axes of each array."""
        return {name: self._label(name).axes for name in self if name in _LABELS}

    @cached_property
    def configurations(self) -> list[dict[str, Any]]:
        """What each configuration is: the rows of ``configurations.csv``."""
        return self.table("configurations").rows

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The run in one page: ``summary.json``."""
        return self._json("summary.json")

    @cached_property
    def ledger(self) -> dict[str, Any]:
        """The account of every unit: ``ledger.json``."""
        return self._json("ledger.json")

    @property
    def report(self) -> Path:
        """The page for a browser."""
        return self.path / "report.html"

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that there are."""
        return tuple(sorted(path.stem for path in self.path.glob("*.csv")))

    def table(self, name: str) -> Table:
        """Return a table of the run, as in ``table("errors")``."""
        if name not in self.tables:
            raise KeyError(f"{self.path} has no table {name!r}; it has {', '.join(self.tables)}")
        return Table(self.path / f"{name}.csv")

    def find(
        self,
        *,
        data_set: str | None = None,
        method: str | None = None,
        constraint: str | None = None,
        noise_level: float | None = None,
        trial: int | None = None,
        first: bool = False,
    ) -> int:
        """Return the index of a configuration.

        Parameters
        ----------
        data_set, method, constraint, noise_level, trial : optional
            What it is to be, as in ``configurations.csv``.
        first : bool
            Take the first of several, instead of an error.
        """
        wanted = {"data_set": data_set, "method": method, "constraint": constraint}
        wanted_numbers = {"noise_level": noise_level, "trial": trial}
        asked = {key: value for key, value in (wanted | wanted_numbers).items() if value is not None}
        rows = self.configurations
        found = [i for i, row in enumerate(rows) if all(row[key] == asked[key] for key in asked)]
        if len(found) == 1 or (found and first):
            return found[0]
        several = "several configurations are" if found else "no configuration is"
        described = ", ".join(f"{key} {value}" for key, value in asked.items()) or "asked for"
        have = (self["configurations"][i] for i in (found or range(len(rows)))[:8])
        raise ValueError(f"{several} {described}; there are: {'; '.join(have)}, ...")

    def fit(self, configuration: int | None = None, **wanted: Any) -> Fit:  # noqa: ANN401
        """Return one configuration as a fit.

        Parameters
        ----------
        configuration : int, optional
            Row of ``configurations.csv``.
        **wanted
            Else what `find` takes, as in ``fit(method="wls")``.
        """
        index = self.find(**wanted) if configuration is None else configuration
        row = self.configurations[index]
        kept = self["covariance_configurations"].tolist() if "covariance" in self else []
        return Fit(
            emissivity=self.emissivity[index],
            sigma=self.sigma[index],
            status=self.status[index],
            reason=[""] * len(self["bins"]),
            condition=self["condition"][index],
            rss=self["rss"][index],
            covariance=self["covariance"][kept.index(index)] if index in kept else None,
            bins=self["bins"],
            frequency_ghz=self.frequency_of(str(row["data_set"])),
            emitters=self.emitters,
            method=str(row["method"]).split("+")[0],
            constraint=str(row["constraint"]),
        )

    def frequency_of(self, data_set: str) -> Reals:
        """Return the frequencies of the bins of a data set, GHz, [bin]."""
        ghz = self.frequency_ghz
        return ghz if ghz.ndim == 1 else ghz[self.data_sets.index(data_set)]

    def to_xarray(self) -> xarray.Dataset:
        """Return all arrays as an `xarray.Dataset` with names and units."""
        along = ("emitters", "configurations", "data_sets", "bins", "frequency_ghz", "in_band")
        names = [name for name in self if name in _LABELS and name not in along]
        labels = {name: self._label(name) for name in (*names, "frequency_ghz", "in_band")}
        rows = self.configurations
        coords: dict[str, tuple[tuple[str, ...], Any, str]] = {
            BIN: ((BIN,), self["bins"], ""),
            EMITTER: ((EMITTER,), self["emitters"], ""),
            _CONFIGURATION: ((_CONFIGURATION,), self["configurations"], ""),
            _SET: ((_SET,), self["data_sets"], ""),
            "frequency_ghz": (labels["frequency_ghz"].axes, self.frequency_ghz, "GHz"),
            "in_band": (labels["in_band"].axes, self["in_band"].astype(np.bool_), ""),
            **{
                name: ((_CONFIGURATION,), [row[name] for row in rows], "")
                for name in ("method", "constraint", "noise_level", "trial")
            },
        }
        attrs = {"source": self.summary["source"], "version": self.summary["version"]}
        return dataset({name: self[name] for name in names}, labels, coords, attrs)

    def to_pandas(self, table: str | None = None) -> pandas.DataFrame:
        """Return a table as a `pandas.DataFrame`; without a name, all emissivities.

        Of the emissivities, one row for each configuration, bin and emitter that has a value.
        """
        if table is not None:
            return self.table(table).to_pandas()
        pd = optional("pandas", "to_pandas()")
        has_value = np.isfinite(self.emissivity)
        configuration, place, emitter = np.nonzero(has_value)
        rows = self.configurations
        shared = {
            name: np.array([row[name] for row in rows])[configuration]
            for name in ("data_set", "method", "noise_level", "trial")
        }
        ghz = np.array([self.frequency_of(str(row["data_set"])) for row in rows])
        return pd.DataFrame(
            {
                "configuration": configuration,
                **shared,
                "bin": self["bins"][place],
                "frequency_ghz": ghz[configuration, place],
                "emitter": np.array(self.emitters)[emitter],
                "emissivity": self.emissivity[has_value],
                "sigma": self.sigma[has_value],
                "determined": self.determined[has_value],
            }
        )

    def _label(self, name: str) -> Label:
        """Return what an array is: frequencies have an axis of data sets where there are several."""
        label = _LABELS[name]
        if name in ("frequency_ghz", "in_band") and self.frequency_ghz.ndim > 1:
            return Label((_SET, *label.axes), label.unit, label.meaning)
        return label

    def _json(self, name: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        return read


def load(path: str | Path = "results") -> Results:
    """Read what a run leaves.

    Parameters
    ----------
    path : path
        The results folder.

    Returns
    -------
    Results
        Arrays and tables, each read when it is first asked for.

    Raises
    ------
    OtfhpcError
        If there is none, or it is not merged.

    Examples
    --------
    >>> import otfhpc, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> run = otfhpc.local(out=folder, simulate={"records": 120}, fit={"methods": ["wls"]})
    >>> results = otfhpc.load(folder)
    >>> results.emissivity.shape, results.axes["emissivity"]
    ((1, 257, 7), ('configuration', 'bin', 'emitter'))
    >>> results.units["frequency_ghz"]
    'GHz'
    >>> results.table("errors")["emitter"][:2].tolist()
    ['xcal', 'ical']
    """
    return Results(path)
