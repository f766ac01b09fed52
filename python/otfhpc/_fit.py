"""Fits of arrays, in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otfhpc import _otfhpc
from otfhpc._arrays import Complex, Reals, array_of, check_axes, check_shape
from otfhpc._labelled import BIN, EMITTER, LABELS, RECORD, Label, dataset
from otfhpc._methods import STATUS, methods
from otfhpc._optional import optional
from otfhpc._spectra import Spectra

if TYPE_CHECKING:
    import pandas
    import xarray

_NEEDS = {"plateau": ("plateau",), "map": ("model",), "tls": ("temperatures", "frequency_ghz")}
"""What methods rest on beside spectra, Planck functions and variances."""


@dataclass(frozen=True, repr=False)
class Fit:
    """What a fit found at every bin. A value that was not fitted is NaN.

    Attributes
    ----------
    emissivity : numpy.ndarray
        Complex emissivity, [bin, emitter].
    sigma : numpy.ndarray
        Its standard error ``sqrt(E|dE|^2)``, [bin, emitter].
    status : numpy.ndarray
        How the bin ended, [bin]: a key of `otfhpc.STATUS`.
    reason : list of str
        Why it has no converged value; empty where it has one.
    condition : numpy.ndarray
        Condition number of the design, its columns scaled to unit length, [bin].
    rss : numpy.ndarray
        Sum of the squared residuals, in variances where the method weights, else (MJy/sr)^2; [bin].
    covariance : numpy.ndarray or None
        ``E[dE_i conj(dE_k)]``, [bin, emitter, emitter]: real, since noise is round in the complex
        plane. Where it was asked for; NaN where the method is not linear in the data.
    bins, frequency_ghz : numpy.ndarray
        Index of each bin, and its frequency, GHz (NaN where that was not given).
    emitters : tuple of str
        Their names.
    method, constraint : str
        How it was fitted.
    """

    emissivity: Complex
    sigma: Reals
    status: NDArray[np.uint8]
    reason: list[str]
    condition: Reals
    rss: Reals
    covariance: Reals | None
    bins: NDArray[np.int64]
    frequency_ghz: Reals
    emitters: tuple[str, ...]
    method: str
    constraint: str

    def __repr__(self) -> str:
        codes, counts = np.unique(self.status, return_counts=True)
        ended = ", ".join(f"{n} {STATUS[int(code)]}" for code, n in zip(codes, counts, strict=True))
        return f"Fit({self.method}, constraint {self.constraint}: {ended})"

    @property
    def units(self) -> dict[str, str]:
        """Unit of each array."""
        return {name: label.unit for name, label in self._labels().items()}

    def residual(self, spectrum: Spectra | ArrayLike, planck: ArrayLike | None = None) -> Complex:
        """Return the spectra less what was fitted, MJy/sr, [record, bin].

        `spectrum` and `planck` are what was fitted; `planck` is not given beside `Spectra`.
        """
        if isinstance(spectrum, Spectra):
            own = spectrum
            spectrum, planck = own.spectrum, own.planck
        if planck is None:
            raise TypeError("planck is missing: expected the Planck functions, [record, bin, emitter]")
        data = array_of("spectrum", spectrum, np.complex128)
        light = array_of("planck", planck, np.float64)
        fitted: Complex = np.einsum("jbi,bi->jb", light, self.emissivity)
        return data - fitted

    def to_xarray(self) -> xarray.Dataset:
        """Return an `xarray.Dataset` with names and units."""
        names = ["emissivity", "sigma", "status", "condition", "rss"]
        if self.covariance is not None:
            names.append("covariance")
        coords: dict[str, tuple[tuple[str, ...], Any, str]] = {
            BIN: ((BIN,), self.bins, ""),
            EMITTER: ((EMITTER,), list(self.emitters), ""),
            "frequency_ghz": ((BIN,), self.frequency_ghz, "GHz"),
            "reason": ((BIN,), self.reason, ""),
        }
        if self.covariance is not None:
            coords["other_emitter"] = (("other_emitter",), list(self.emitters), "")
        attrs = {"method": self.method, "constraint": self.constraint}
        return dataset({name: getattr(self, name) for name in names}, self._labels(), coords, attrs)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a `pandas.DataFrame` with a row for each bin and emitter."""
        pd = optional("pandas", "to_pandas()")
        emitters = len(self.emitters)
        index = pd.MultiIndex.from_product([self.bins, self.emitters], names=[BIN, EMITTER])
        columns = {
            "frequency_ghz": np.repeat(self.frequency_ghz, emitters),
            "emissivity": self.emissivity.ravel(),
            "sigma": self.sigma.ravel(),
            "status": np.repeat([STATUS[int(code)] for code in self.status], emitters),
            "reason": np.repeat(self.reason, emitters),
        }
        return pd.DataFrame(columns, index=index)

    def _labels(self) -> dict[str, Label]:
        names = ("emissivity", "sigma", "status", "condition", "rss", "covariance", "frequency_ghz")
        labels = {name: LABELS[name] for name in names}
        if not methods()[self.method].weighted:
            labels["rss"] = Label((BIN,), "(MJy/sr)^2", "sum of the squared residuals")
        return labels


def fit(
    spectrum: Spectra | ArrayLike,
    planck: ArrayLike | None = None,
    variance: ArrayLike | None = None,
    *,
    method: str = "wls",
    constraint: str = "none",
    options: Mapping[str, float] | None = None,
    emitters: Sequence[str] | None = None,
    bins: ArrayLike | None = None,
    frequency_ghz: ArrayLike | None = None,
    temperatures: ArrayLike | None = None,
    plateau: ArrayLike | None = None,
    model: ArrayLike | None = None,
    blocked: ArrayLike | None = None,
    scale: str | None = None,
    covariance: bool = False,
    unit_seconds: float | None = None,
    threads: int | None = None,
) -> Fit:
    """Fit the emissivities at every bin: ``D[j, b] = sum_i E[b, i] P[j, b, i] + noise``.

    The arrays are viewed, whatever their strides; a vector of records that does not lie in one piece is
    copied when its bin is fitted. The work is done on several threads, without the interpreter's lock,
    and Ctrl-C stops it at the end of a bin (methods that fit all bins together: when they are done).
    Values are those of the program, to the last bit. While it runs, nobody may change the arrays.

    Parameters
    ----------
    spectrum : Spectra or array_like
        What `spectra` returns, which has all else; or spectra over gain, MJy/sr: complex,
        [record, bin], or [record] for one bin.
    planck : array_like
        Planck functions of the emitters, MJy/sr, [record, bin, emitter], or [record, emitter].
    variance : array_like, optional
        ``E|noise|^2``, (MJy/sr)^2: a number, [record], or [record, bin]. Without it all records count
        alike, and error bars follow from the residuals.
    method : str
        See `otfhpc.methods`. All but ``"joint"``, for which there is `otfhpc.local`.
    constraint : str
        ``"none"``, or ``"kirchhoff"``: the emissivities sum to zero.
    options : mapping, optional
        Of the method: see `otfhpc.methods`.
    emitters : sequence of str, optional
        Their names.
    bins : array_like, optional
        Index of each bin on the axis, ascending; by default 0, 1, ... The method ``smooth`` ties
        neighbours.
    frequency_ghz : array_like, optional
        Of each bin, GHz; for ``tls``.
    temperatures : array_like, optional
        Of the emitters, K, [record, emitter]; for ``tls``.
    plateau : array_like, optional
        Number of the plateau of each record, ascending; for ``plateau``.
    model : array_like, optional
        Complex emissivities that are known beforehand, [bin, emitter]; for ``map``.
    blocked : array_like, optional
        Bins that have no signal whatever the Planck functions say.
    scale : str, optional
        ``"absolute"`` if the variances are the noise (the default), ``"relative"`` if only their
        ratios are known: error bars then follow from the residuals.
    covariance : bool
        Whether the covariance among the emitters is kept, of methods that are linear.
    unit_seconds : float, optional
        Iterative methods give up at a bin after this time. Results then depend on the machine.
    threads : int, optional
        By default ``OTFHPC_THREADS``, or one for each processor that this process may use.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If a shape or a value is not as expected: names the argument.

    Examples
    --------
    Two emitters of which the second is the colder, one record at each of 30 temperatures, two bins:

    >>> import numpy as np
    >>> import otfhpc
    >>> warm, cold = np.linspace(4, 20, 30), np.linspace(3.1, 2.7, 30)
    >>> kelvin = np.stack([warm, cold], axis=1)[:, np.newaxis, :]     # record, bin, emitter
    >>> light = otfhpc.planck(np.array([100.0, 200.0])[:, np.newaxis], kelvin)
    >>> truth = np.array([0.9 + 0.1j, -0.9 + 0.05j])
    >>> found = otfhpc.fit(light @ truth, light, method="ols", emitters=["xcal", "ical"])
    >>> found
    Fit(ols, constraint none: 2 converged)
    >>> bool(np.allclose(found.emissivity, truth))
    True
    """
    if isinstance(spectrum, Spectra):
        if planck is not None or variance is not None:
            raise TypeError("planck and variance are given beside Spectra, which have their own")
        own = spectrum
        spectrum, planck, variance = own.spectrum, own.planck, own.variance
        emitters = own.emitters if emitters is None else emitters
        bins = own.bins if bins is None else bins
        frequency_ghz = own.frequency_ghz if frequency_ghz is None else frequency_ghz
        temperatures = own.temperatures if temperatures is None else temperatures
        plateau = own.plateau if plateau is None else plateau
        model = own.model if model is None else model
        blocked = own.blocked if blocked is None else blocked
        scale = own.scale if scale is None else scale
    elif planck is None:
        raise TypeError("planck is missing: expected the Planck functions, [record, bin, emitter]")
    data, design = _linear(spectrum, planck)
    records, count, sources = design.shape
    given = {"frequency_ghz": frequency_ghz, "temperatures": temperatures}
    given |= {"plateau": plateau, "model": model}
    for needed in _NEEDS.get(method, ()):
        if given[needed] is None:
            raise ValueError(f"method {method!r} needs {needed}: give {needed}=")
    names = _names(emitters, sources)
    numbers = _numbers(bins, count)
    ghz = _vector("frequency_ghz", frequency_ghz, np.float64, (count, BIN), np.nan)
    dark = _vector("blocked", blocked, np.bool_, (count, BIN), False)
    if scale is None:
        scale = "relative" if variance is None else "absolute"
    if scale not in ("absolute", "relative"):
        raise ValueError(f"scale is {scale!r}: expected 'absolute' or 'relative'")
    found = _otfhpc.fit_bins(
        data,
        design,
        _variance(variance, data.shape),
        _matrix("temperatures", temperatures, np.float64, (records, sources), (RECORD, EMITTER)),
        _matrix("model", model, np.complex128, (count, sources), (BIN, EMITTER)),
        {
            "method": method,
            "constraint": constraint,
            "options": {name: float(value) for name, value in (options or {}).items()},
            "emitters": list(names),
            "is_relative": scale == "relative",
            "bins": numbers.tolist(),
            "frequency_hz": (ghz * 1e9).tolist(),
            "blocked": dark.tolist(),
            "plateaus": _plateaus(plateau, records),
            "with_covariance": covariance,
            "unit_seconds": unit_seconds,
            "threads": threads,
        },
    )
    return Fit(
        **found,
        bins=numbers,
        frequency_ghz=ghz,
        emitters=names,
        method=method,
        constraint=constraint,
    )


def _linear(spectrum: ArrayLike, planck: ArrayLike) -> tuple[Complex, Reals]:
    """Return spectra and design, with an axis of bins also where there is one bin alone."""
    data = array_of("spectrum", spectrum, np.complex128)
    design = array_of("planck", planck, np.float64)
    if data.ndim == 1:
        check_axes("planck", design, (RECORD, EMITTER))
        data, design = data[:, np.newaxis], design[:, np.newaxis, :]
    check_axes("spectrum", data, (RECORD, BIN))
    check_axes("planck", design, (RECORD, BIN, EMITTER))
    check_shape("planck", design, (*data.shape, design.shape[2]), (RECORD, BIN, EMITTER))
    for axis, length in zip((RECORD, BIN, EMITTER), design.shape, strict=True):
        if length == 0:
            raise ValueError(f"planck has the shape {design.shape}: expected at least one {axis}")
    return data, design


def _variance(variance: ArrayLike | None, shape: tuple[int, ...]) -> Reals:
    """Return the variances as [record, bin], a view of what was given."""
    given = array_of("variance", 1.0 if variance is None else variance, np.float64)
    if given.ndim == 0:
        return np.broadcast_to(np.full((shape[0], 1), given), shape)
    if given.ndim == 1:
        check_shape("variance", given, shape[:1], (RECORD,))
        return np.broadcast_to(given[:, np.newaxis], shape)
    check_shape("variance", given, shape, (RECORD, BIN))
    return given


def _names(emitters: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if emitters is None:
        return tuple(f"emitter_{number}" for number in range(count))
    names = tuple(str(name) for name in emitters)
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"emitters is {list(names)}: expected {count} names, each another one")
    return names


def _numbers(bins: ArrayLike | None, count: int) -> NDArray[np.int64]:
    if bins is None:
        return np.arange(count)
    found = np.asarray(bins)
    if not np.issubdtype(found.dtype, np.integer):
        raise TypeError(f"bins is an array of {found.dtype}: expected whole numbers")
    check_shape("bins", found, (count,), (BIN,))
    if found[0] < 0 or np.any(np.diff(found) <= 0):
        raise ValueError("bins are not ascending from 0 or more: each is expected above the last")
    return found.astype(np.int64)


def _plateaus(plateau: ArrayLike | None, records: int) -> list[int]:
    if plateau is None:
        return []
    found = np.asarray(plateau)
    if not np.issubdtype(found.dtype, np.integer):
        raise TypeError(f"plateau is an array of {found.dtype}: expected whole numbers")
    check_shape("plateau", found, (records,), (RECORD,))
    if found[0] < 0 or np.any(np.diff(found) < 0):
        raise ValueError("plateau is not ascending from 0 or more: expected records in their order")
    numbers: list[int] = found.tolist()
    return numbers


def _vector(
    name: str, value: ArrayLike | None, dtype: type, axis: tuple[int, str], default: float
) -> NDArray[Any]:
    length, along = axis
    if value is None:
        return np.full(length, default, dtype)
    found = array_of(name, value, dtype)
    check_shape(name, found, (length,), (along,))
    return found


def _matrix(
    name: str, value: ArrayLike | None, dtype: type, shape: tuple[int, int], axes: tuple[str, str]
) -> NDArray[Any] | None:
    if value is None:
        return None
    found = array_of(name, value, dtype)
    check_shape(name, found, shape, axes)
    return found
