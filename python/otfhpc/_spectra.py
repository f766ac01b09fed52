"""The spectra of a campaign, or of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otfhpc import _otfhpc
from otfhpc._arrays import Complex, Reals
from otfhpc._command import command
from otfhpc._labelled import BIN, EMITTER, LABELS, RECORD, dataset
from otfhpc._settings import assignments, config_name

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, repr=False)
class Spectra:
    """What a fit is given: spectra, variances, Planck functions, and what is known besides.

    Attributes
    ----------
    data_set : str
        Channel and scan mode.
    spectrum : numpy.ndarray
        Spectrum over gain, MJy/sr; complex, [record, bin].
    variance : numpy.ndarray
        ``E|noise|^2``, (MJy/sr)^2, [record, bin].
    planck : numpy.ndarray
        Planck functions, MJy/sr, [record, bin, emitter].
    temperatures : numpy.ndarray
        At which emitters emit, K, [record, emitter].
    bins, frequency_ghz, blocked : numpy.ndarray
        Index of each bin, its frequency, GHz, and whether the electronics pass next to nothing.
    record, plateau : numpy.ndarray
        Place of each record among those of the file, and number of its plateau, ascending.
    emitters : tuple of str
        Their names.
    scale : str
        ``"absolute"`` where the variances are the noise, ``"relative"`` where only their ratios are
        known (data without noise).
    model : numpy.ndarray or None
        What may be known of the emissivities, [bin, emitter]: the published model, or the truth of a
        simulation with an error.
    emissivity, residual : numpy.ndarray or None
        Of a run: what was fitted, [bin, emitter], and what it left, MJy/sr, [record, bin].
    """

    data_set: str
    spectrum: Complex
    variance: Reals
    planck: Reals
    temperatures: Reals
    bins: NDArray[np.int64]
    frequency_ghz: Reals
    blocked: NDArray[np.bool_]
    record: NDArray[np.int64]
    plateau: NDArray[np.int64]
    emitters: tuple[str, ...]
    scale: str
    model: Complex | None = None
    emissivity: Complex | None = None
    residual: Complex | None = None

    def __repr__(self) -> str:
        records, bins = self.spectrum.shape
        return f"Spectra({self.data_set}: {records} records, {bins} bins, {len(self.emitters)} emitters)"

    def to_xarray(self) -> xarray.Dataset:
        """Return an `xarray.Dataset` with names and units."""
        named = (
            "spectrum",
            "variance",
            "planck",
            "temperatures",
            "model",
            "emissivity",
            "residual",
        )
        arrays = {name: getattr(self, name) for name in named if getattr(self, name) is not None}
        coords: dict[str, tuple[tuple[str, ...], Any, str]] = {
            BIN: ((BIN,), self.bins, ""),
            EMITTER: ((EMITTER,), list(self.emitters), ""),
            RECORD: ((RECORD,), self.record, ""),
            "frequency_ghz": ((BIN,), self.frequency_ghz, "GHz"),
            "plateau": ((RECORD,), self.plateau, ""),
        }
        return dataset(arrays, LABELS, coords, {"data_set": self.data_set, "scale": self.scale})


def spectra(
    source: str | Path | None = None,
    *,
    config: str | Path | None = None,
    data_set: str | None = None,
    noise: int = 0,
    trial: int = 1,
    method: str | None = None,
    configuration: int | None = None,
    threads: int | None = None,
    **settings: object,
) -> Spectra:
    """Return the spectra of a calibration set, of a simulated campaign, or of a run.

    Parameters
    ----------
    source : path, optional
        A calibration set (``cal.npz``, docs/DATA.md), or the folder with the results of a run. Without
        one, a campaign is simulated, as the settings say.
    config : path or str, optional
        Settings in TOML, or one of ``"default"``, ``"quickstart"``, ``"comprehensive"``,
        ``"measured"``, ``"joint"``, ``"joint_measured"``. Not for a run, which has its own.
    data_set : str, optional
        Which one, as in ``"llss"``, if there are several.
    noise, trial : int
        Of a simulated campaign: index of the noise level, from 0, and noise draw, from 1.
    method, configuration : optional
        Of a run: the method whose fit is shown, or the row of ``configurations.csv``.
    threads : int, optional
        By default ``OTFHPC_THREADS``, or one for each processor that this process may use.
    **settings
        Settings by table, ``data={"sigma": 0.02}``, or with dots, ``**{"data.sigma": 0.02}``.

    Returns
    -------
    Spectra
        Its memory is as a fit wants it: `fit` copies nothing of it.

    Examples
    --------
    >>> import otfhpc
    >>> otfhpc.spectra(simulate={"records": 120}, study={"noise_levels": [0.1]})
    Spectra(llss: 120 records, 257 bins, 7 emitters)
    """
    if source is not None and Path(source).is_dir():
        if config is not None or settings:
            raise ValueError(f"{source} is a run, which has its own settings: leave out config and settings")
        return _of_run(Path(source), data_set, method, configuration)
    if method is not None or configuration is not None:
        raise ValueError("method and configuration choose a fit of a run: source is not a folder")
    if source is not None:
        settings = {**settings, "data.path": Path(source)}
    found = _otfhpc.spectra(
        {
            "config": config_name(config),
            "assignments": assignments(settings),
            "set": data_set,
            "noise": noise,
            "trial": trial,
            "threads": threads,
        }
    )
    return Spectra(
        data_set=found["set"],
        scale="relative" if found["is_relative"] else "absolute",
        emitters=tuple(found["emitters"]),
        spectrum=found["spectrum"],
        variance=found["variance"],
        planck=found["planck"],
        temperatures=found["temperatures"],
        bins=found["bins"],
        frequency_ghz=found["frequency_ghz"],
        blocked=found["blocked"],
        record=found["record"],
        plateau=found["plateau"],
        model=found["model"],
    )


def _of_run(folder: Path, data_set: str | None, method: str | None, configuration: int | None) -> Spectra:
    from otfhpc._results import load

    results = load(folder)
    index = configuration
    if index is None:
        index = results.find(data_set=data_set, method=method, first=True)
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "spectra.npz"
        chosen = ("--configuration", str(index), "--out", path)
        command("--quiet", "spectra", folder, *chosen)
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
    row = results.configurations[index]
    bins = arrays["bins"]
    no_signal = 3
    return Spectra(
        data_set=str(row["data_set"]),
        scale="relative" if results.truth is not None and row["noise_level"] == 0 else "absolute",
        emitters=tuple(str(name) for name in arrays["emitters"]),
        blocked=results.status[index][bins] == no_signal,
        **{
            name: arrays[name]
            for name in (
                "spectrum",
                "variance",
                "planck",
                "temperatures",
                "bins",
                "frequency_ghz",
                "record",
                "plateau",
                "emissivity",
                "residual",
            )
        },
    )
