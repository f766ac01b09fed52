from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

_Reals = NDArray[np.float64]
_Complex = NDArray[np.complex128]

class _Option(TypedDict):
    name: str
    meaning: str
    default: float
    least: float
    most: float

class _Method(TypedDict):
    name: str
    summary: str
    minimises: str
    error_bars: str
    reference: str
    weighted: bool
    couples_bins: bool
    options: list[_Option]

class _Axis(TypedDict):
    frequency_ghz: _Reals
    audio_hz: _Reals
    in_band: NDArray[np.bool_]

class _Fitted(TypedDict):
    emissivity: _Complex
    sigma: _Reals
    status: NDArray[np.uint8]
    reason: list[str]
    condition: _Reals
    rss: _Reals
    covariance: _Reals | None

class _Spectra(TypedDict):
    set: str
    emitters: list[str]
    is_relative: bool
    spectrum: _Complex
    variance: _Reals
    planck: _Reals
    temperatures: _Reals
    model: _Complex | None
    frequency_ghz: _Reals
    bins: NDArray[np.int64]
    blocked: NDArray[np.bool_]
    record: NDArray[np.int64]
    plateau: NDArray[np.int64]

def fit_bins(
    spectrum: _Complex,
    planck: _Reals,
    variance: _Reals,
    temperatures: _Reals | None,
    model: _Complex | None,
    asked: dict[str, Any],
) -> _Fitted: ...
def spectra(wanted: dict[str, Any]) -> _Spectra: ...
def planck(frequency_hz: _Reals, temperature_k: _Reals) -> _Reals: ...
def axis(set: str, transform_length: int, correction: float) -> _Axis: ...  # noqa: A002
def electronics(set: str, audio_hz: _Reals) -> _Complex: ...  # noqa: A002
def published_bolometer() -> list[tuple[str, float]]: ...
def bolometer_states(
    parameters: list[float], bias_v: _Reals, volt_v: _Reals, bath_k: _Reals
) -> tuple[_Reals, _Reals, _Reals]: ...
def bolometer_response(responsivity: _Reals, time_constant_s: _Reals, omega: _Reals) -> _Complex: ...
def methods() -> list[_Method]: ...
def statuses() -> list[tuple[int, str, str]]: ...
def configs() -> list[str]: ...
