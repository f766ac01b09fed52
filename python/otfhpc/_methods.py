"""The methods that there are, and how a fit of a bin may end."""

from __future__ import annotations

from dataclasses import dataclass

from otfhpc import _otfhpc

STATUS: dict[int, str] = {code: name for code, name, _ in _otfhpc.statuses()}
"""Names of the status codes: how a bin ended."""


@dataclass(frozen=True)
class Option:
    """A number that a method can be given.

    Attributes
    ----------
    name : str
        Its name. ``EMITTER`` in it stands for the name of an emitter: each has such an option.
    meaning : str
        In one line, with the unit.
    default, least, most : float
        Its value unless it is given, and its range.
    """

    name: str
    meaning: str
    default: float
    least: float
    most: float


@dataclass(frozen=True)
class Method:
    """An estimator, in words and numbers.

    Attributes
    ----------
    name, summary, minimises, error_bars, reference : str
        What it is called, what it does, the function that it minimises, where its error bars come from,
        and where it is described.
    weighted : bool
        Whether its residual is in variances of the noise.
    couples_bins : bool
        Whether it fits all bins together.
    options : tuple of Option
        What it can be given.
    """

    name: str
    summary: str
    minimises: str
    error_bars: str
    reference: str
    weighted: bool
    couples_bins: bool
    options: tuple[Option, ...]


def methods() -> dict[str, Method]:
    """Return every method of the program, by its name.

    Examples
    --------
    >>> import otfhpc
    >>> otfhpc.methods()["wls"].summary
    'weighted least squares, each record by the inverse of its noise variance'
    >>> [option.name for option in otfhpc.methods()["map"].options]
    ['relative_width', 'floor']
    """

    def entry(found: _otfhpc._Method) -> Method:
        return Method(
            name=found["name"],
            summary=found["summary"],
            minimises=found["minimises"],
            error_bars=found["error_bars"],
            reference=found["reference"],
            weighted=found["weighted"],
            couples_bins=found["couples_bins"],
            options=tuple(Option(**option) for option in found["options"]),
        )

    return {found["name"]: entry(found) for found in _otfhpc.methods()}
