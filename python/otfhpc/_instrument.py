"""The instrument as functions of arrays."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from otfhpc import _otfhpc
from otfhpc._arrays import Complex, Reals, array_of


def planck(frequency_ghz: ArrayLike, temperature_k: ArrayLike) -> Reals:
    """Return the brightness of a black body.

    Parameters
    ----------
    frequency_ghz : array_like
        Frequency, GHz, not negative.
    temperature_k : array_like
        Temperature, K. The two are broadcast against each other.

    Returns
    -------
    numpy.ndarray
        ``2 h nu^3 / c^2 / (exp(h nu / k T) - 1)``, MJy/sr: 0 at frequency 0 and at 0 K, NaN for NaN
        and for a temperature below 0. To the last bit what the program has.

    Examples
    --------
    >>> import otfhpc
    >>> otfhpc.planck([68.020812, 600.0], [[2.725], [20.0]]).round(3)
    array([[2.0059400e+02, 8.2010000e+00],
           [2.6173380e+03, 9.8918587e+04]])
    """
    hertz = array_of("frequency_ghz", frequency_ghz, np.float64) * 1e9
    kelvin = array_of("temperature_k", temperature_k, np.float64)
    return _otfhpc.planck(*np.broadcast_arrays(hertz, kelvin))


@dataclass(frozen=True)
class Axis:
    """The frequency axis of a data set.

    Attributes
    ----------
    frequency_ghz : numpy.ndarray
        Optical frequency of each of the 257 bins, GHz.
    audio_hz : numpy.ndarray
        Frequency at which the moving mirror modulates its light, Hz.
    in_band : numpy.ndarray
        Whether it lies in the channel's optical band.
    """

    frequency_ghz: Reals
    audio_hz: Reals
    in_band: NDArray[np.bool_]


def axis(data_set: str, transform_length: int = 512, frequency_correction: float = 1.0060549) -> Axis:
    """Return the frequency axis of a channel in a scan mode.

    Parameters
    ----------
    data_set : str
        Channel (rh, rl, lh, ll) and scan mode (ss, sf, ls, lf), as in ``"llss"``.
    transform_length : int
        Points of the transform: 512, or 640 for the grid of the published products.
    frequency_correction : float
        Factor of the optical Nyquist frequency.

    Examples
    --------
    >>> import otfhpc
    >>> otfhpc.axis("llss", 640).frequency_ghz[5].round(4)
    np.float64(68.0208)
    """
    return Axis(**_otfhpc.axis(data_set, transform_length, frequency_correction))


def electronics(data_set: str, audio_hz: ArrayLike | None = None) -> Complex:
    """Return the transfer function of everything between bolometer and telemetry.

    Parameters
    ----------
    data_set : str
        Channel and scan mode, as in ``"llss"``.
    audio_hz : array_like, optional
        Audio frequencies, Hz; by default, those of the 257 bins of a transform of 512 points.

    Returns
    -------
    numpy.ndarray
        Complex gain, V/V, of the shape of `audio_hz`; 0 at 0 Hz.

    Examples
    --------
    >>> import otfhpc
    >>> otfhpc.electronics("llss", [0.0, 17.0]).shape
    (2,)
    """
    hertz = axis(data_set).audio_hz if audio_hz is None else audio_hz
    return _otfhpc.electronics(data_set, array_of("audio_hz", hertz, np.float64))


@dataclass(frozen=True)
class BolometerParameters:
    """What makes one bolometer differ from another; see docs/DATA.md.

    Attributes
    ----------
    r0_ohm, t0_k, g1, beta, rho_k_per_v, c1, c3, j0_v, jg, rl_ohm : float
        Resistance at infinite temperature, ohm; the temperature that scales it, K; conductance at
        1 K, W/K^(beta+1), and its power; effect of the field, K/V; heat capacity, J/K^2 and J/K^4;
        offset, V, and gain of the preamplifier; load resistance, ohm.
    """

    r0_ohm: float
    t0_k: float
    g1: float
    beta: float
    rho_k_per_v: float
    c1: float
    c3: float
    j0_v: float
    jg: float
    rl_ohm: float


PUBLISHED_LL = BolometerParameters(**dict(_otfhpc.published_bolometer()))
"""The bolometer of the channel ll, as it was published for LLSS."""


@dataclass(frozen=True)
class BolometerState:
    """How a bolometer answers to light.

    Attributes
    ----------
    temperature_k : numpy.ndarray
        Its temperature, K.
    responsivity : numpy.ndarray
        Response to a steady signal, V/(erg/s); negative.
    time_constant_s : numpy.ndarray
        Time constant, s.
    """

    temperature_k: Reals
    responsivity: Reals = field(repr=False)
    time_constant_s: Reals = field(repr=False)

    def response(self, audio_hz: ArrayLike) -> Complex:
        """Return the response at audio frequencies, Hz: ``S0 / (1 + i omega tau)``, V/(erg/s).

        `audio_hz` is broadcast against the state.
        """
        omega = 2.0 * np.pi * array_of("audio_hz", audio_hz, np.float64)
        same = np.broadcast_arrays(self.responsivity, self.time_constant_s, omega)
        return _otfhpc.bolometer_response(*same)


def bolometer(
    bias_v: ArrayLike,
    volt_v: ArrayLike,
    bath_k: ArrayLike,
    parameters: BolometerParameters = PUBLISHED_LL,
) -> BolometerState:
    """Return the state of a bolometer at its operating point.

    Parameters
    ----------
    bias_v : array_like
        Bias, V: commanded counts over 25.5.
    volt_v : array_like
        Voltage that was read, V.
    bath_k : array_like
        Temperature of the bath, K. The three are broadcast against each other.
    parameters : BolometerParameters
        Which bolometer it is.

    Raises
    ------
    ValueError
        If there is no state: names the first element, and what is impossible there.

    Examples
    --------
    >>> import otfhpc
    >>> state = otfhpc.bolometer(35 / 25.5, 2.06, 1.53)
    >>> state.temperature_k.shape, bool(state.responsivity < 0)
    ((), True)
    """
    given = (("bias_v", bias_v), ("volt_v", volt_v), ("bath_k", bath_k))
    same = np.broadcast_arrays(*(array_of(name, value, np.float64) for name, value in given))
    flat = (np.ascontiguousarray(values).ravel() for values in same)
    found = _otfhpc.bolometer_states(list(astuple(parameters)), *flat)
    return BolometerState(*(values.reshape(same[0].shape) for values in found))
