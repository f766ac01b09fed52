"""Figures of an analysis, with matplotlib where it is installed.

Each function draws into the axes that it is given, or into new ones, and returns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from otfhpc._arrays import Complex, Reals
from otfhpc._fit import Fit
from otfhpc._optional import optional
from otfhpc._results import Results
from otfhpc._spectra import Spectra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONVERGED = 0


def emissivity(
    found: Fit | Results,
    emitter: str = "xcal",
    *,
    truth: Complex | None = None,
    in_band: NDArray[np.bool_] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw real and imaginary part of an emissivity over frequency, with error bars.

    Parameters
    ----------
    found : Fit or Results
        A fit; of a run, its first configuration (``results.fit(method="wls")`` is any other one), with
        the truth of a simulated campaign, in the optical band.
    emitter : str
        Which: of ``"xcal"`` it is the optical transfer function.
    truth : numpy.ndarray, optional
        Emissivities to draw beside, [bin, emitter].
    in_band : numpy.ndarray, optional
        The bins to draw; by default, those with a converged value.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    """
    if isinstance(found, Results):
        sets = found["in_band"]
        band = (sets if sets.ndim == 1 else sets[0]).astype(np.bool_)
        in_band = band if in_band is None else in_band
        truth = found.truth[0] if truth is None and found.truth is not None else truth
        found = found.fit(0)
    ax = _axes(ax)
    place = _emitter(found, emitter)
    chosen = found.status == _CONVERGED
    if in_band is not None:
        chosen = chosen & in_band
    ghz, value = found.frequency_ghz[chosen], found.emissivity[chosen, place]
    # Real and imaginary part have half of the variance each.
    error = found.sigma[chosen, place] / np.sqrt(2.0)
    for name, part in (("real", np.real), ("imaginary", np.imag)):
        bars = ax.errorbar(ghz, part(value), error, fmt=".", markersize=4, label=f"{name} part")
        if truth is not None:
            color = bars.lines[0].get_color()
            ax.plot(ghz, part(truth[chosen, place]), color=color, linewidth=0.8)
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel(f"emissivity of {emitter}")
    ax.set_title(f"{found.method}, constraint {found.constraint}")
    ax.legend()
    return ax


def errors(found: Fit, *, ax: Axes | None = None) -> Axes:
    """Draw the error bars of all emitters over frequency: how far the data determine each.

    Parameters
    ----------
    found : Fit
        A fit.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    chosen = found.status == _CONVERGED
    for place, name in enumerate(found.emitters):
        ax.semilogy(found.frequency_ghz[chosen], found.sigma[chosen, place], label=name)
    limit = 0.1
    ax.axhline(limit, color="grey", linestyle="--", linewidth=0.8)
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel("standard error of the emissivity")
    ax.set_title("determined below the dashed line")
    ax.legend(fontsize="small")
    return ax


def residuals(found: Fit, data: Spectra, *, ax: Axes | None = None) -> Axes:
    """Draw a map of the residuals, record by bin, in standard deviations of the noise.

    Parameters
    ----------
    found : Fit
        A fit of `data`.
    data : Spectra
        What was fitted.
    ax : matplotlib.axes.Axes, optional
        Where to draw. What is drawn is the real part: of noise alone it has no pattern.
    """
    ax = _axes(ax)
    chosen = found.status == _CONVERGED
    rest = found.residual(data)[:, chosen].real / np.sqrt(data.variance[:, chosen] / 2.0)
    ghz = found.frequency_ghz[chosen]
    image = ax.pcolormesh(ghz, np.arange(len(rest)), rest, vmin=-5, vmax=5, cmap="RdBu", shading="nearest")
    ax.figure.colorbar(image, ax=ax, label="residual (standard deviations)")
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel("record")
    return ax


def compare(one: Fit, other: Fit, emitter: str = "xcal", *, ax: Axes | None = None) -> Axes:
    """Draw by how much two fits differ, in units of the error bars of the first.

    Parameters
    ----------
    one, other : Fit
        Fits of the same bins.
    emitter : str
        Of which the emissivities are compared.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    """
    if not np.array_equal(one.bins, other.bins):
        raise ValueError("the fits are of other bins: expected the same in both")
    ax = _axes(ax)
    chosen = (one.status == _CONVERGED) & (other.status == _CONVERGED)
    mine, theirs = _emitter(one, emitter), _emitter(other, emitter)
    difference = np.abs(one.emissivity[chosen, mine] - other.emissivity[chosen, theirs])
    ax.semilogy(one.frequency_ghz[chosen], difference / one.sigma[chosen, mine], ".")
    ax.axhline(1.0, color="grey", linestyle="--", linewidth=0.8)
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel(f"difference of {emitter} (error bars)")
    ax.set_title(f"{one.method} and {other.method}")
    return ax


def spectrum(data: Spectra, records: int | list[int] = 0, *, ax: Axes | None = None) -> Axes:
    """Draw the modulus of the spectra of some records over frequency, with the noise.

    Parameters
    ----------
    data : Spectra
        What `otfhpc.spectra` returns.
    records : int or list of int
        Places in `data`, from 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    chosen = ~data.blocked
    ghz = data.frequency_ghz[chosen]
    for place in np.atleast_1d(records):
        line = ax.semilogy(ghz, np.abs(data.spectrum[place, chosen]), label=f"record {place}")
        noise: Reals = np.sqrt(data.variance[place, chosen])
        ax.semilogy(ghz, noise, ":", color=line[0].get_color(), linewidth=0.8)
    ax.set_xlabel("frequency (GHz)")
    ax.set_ylabel("spectrum (MJy/sr); dotted: noise")
    ax.legend()
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    plt = optional("matplotlib.pyplot", "otfhpc.plot")
    made: Axes = plt.subplots(layout="constrained")[1]
    return made


def _emitter(found: Fit, name: str) -> int:
    if name not in found.emitters:
        raise ValueError(f"there is no emitter {name!r}; there are {', '.join(found.emitters)}")
    return found.emitters.index(name)
