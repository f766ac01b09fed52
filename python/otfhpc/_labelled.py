"""Arrays that know the names of their axes, their units and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from otfhpc._optional import optional

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Label:
    """What an array is.

    Attributes
    ----------
    axes : tuple of str
        Names of its axes.
    unit : str
        Its unit; ``"1"`` where it has none.
    meaning : str
        In one line.
    """

    axes: tuple[str, ...]
    unit: str
    meaning: str


RECORD, BIN, EMITTER = "record", "bin", "emitter"

LABELS: dict[str, Label] = {
    "spectrum": Label((RECORD, BIN), "MJy/sr", "spectrum over gain, corrected"),
    "variance": Label((RECORD, BIN), "(MJy/sr)^2", "E|noise|^2 of a spectrum"),
    "planck": Label((RECORD, BIN, EMITTER), "MJy/sr", "Planck function of an emitter"),
    "residual": Label((RECORD, BIN), "MJy/sr", "spectrum less what was fitted"),
    "temperatures": Label((RECORD, EMITTER), "K", "temperature at which an emitter emits"),
    "model": Label((BIN, EMITTER), "1", "what may be known of the emissivities"),
    "blocked": Label((BIN,), "1", "whether the electronics pass next to nothing"),
    "plateau": Label((RECORD,), "1", "number of the plateau, ascending"),
    "emissivity": Label((BIN, EMITTER), "1", "complex emissivity; of xcal, the transfer function"),
    "sigma": Label((BIN, EMITTER), "1", "standard error, sqrt(E|dE|^2)"),
    "status": Label((BIN,), "1", "0 converged, 1 not converged, 2 failed, 3 no signal"),
    "condition": Label((BIN,), "1", "condition number of the scaled design"),
    "rss": Label((BIN,), "variances", "weighted sum of the squared residuals"),
    "covariance": Label((BIN, EMITTER, "other_emitter"), "1", "E[dE_i conj(dE_k)]"),
    "frequency_ghz": Label((BIN,), "GHz", "optical frequency"),
}


def dataset(
    arrays: Mapping[str, NDArray[Any]],
    labels: Mapping[str, Label],
    coords: Mapping[str, tuple[tuple[str, ...], Any, str]],
    attrs: Mapping[str, Any],
) -> xarray.Dataset:
    """Make an `xarray.Dataset` of labelled arrays.

    Parameters
    ----------
    arrays, labels : mapping
        What it holds, and what each of them is.
    coords : mapping
        What stands along the axes: axes, values and unit.
    attrs : mapping
        What is said of all.
    """
    xr = optional("xarray", "to_xarray()")
    variables = {
        name: (
            labels[name].axes,
            array,
            {"units": labels[name].unit, "long_name": labels[name].meaning},
        )
        for name, array in arrays.items()
    }
    along = {
        name: (axes, values, {"units": unit} if unit else {}) for name, (axes, values, unit) in coords.items()
    }
    made: xarray.Dataset = xr.Dataset(variables, coords=along, attrs=dict(attrs))
    return made
