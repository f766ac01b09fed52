"""The instrument in NumPy, for the data set LLSS: from a calibration set to spectra and design.

What a user of NumPy would write: every step is done to all records at once. The formulas are those
of docs/DATA.md and src/science/instrument/, so that the solutions can be compared with those of otfhpc.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAMPLES, BINS, PEAK, ADDS = 512, 257, 359, 3  # samples are counted from zero
SAMPLING_HZ, GHZ_PER_ICM = 681.43, 29.9792458
PLANCK, LIGHT, BOLTZMANN = 6.62607015e-34, 299792458.0, 1.380649e-23
EMITTERS = ["xcal_cone", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"]
KEYS = [f"{name}_ll" for name in EMITTERS]

NYQUIST_ICM = 1.0060549 / 20e-4 / (4 * np.cos(np.pi / 6)) / 2 * 6 / ADDS
FREQUENCY_HZ = np.arange(BINS) / (BINS - 1) * NYQUIST_ICM * GHZ_PER_ICM * 1e9
BAND_GHZ = (68.0, 640.0)  # where the channel sees light
NORMALIZATION = NYQUIST_ICM * 1.5 * 204.75 / (1e8 / GHZ_PER_ICM)  # of spectra, MJy/sr
AUDIO_HZ = np.arange(BINS) * SAMPLING_HZ / ADDS / SAMPLES

# The bolometer of the channel ll as it was published.
R0, T0, G1, BETA, RHO = 11.938669204711914, 371.6449890136719, 2.1257850590927774e-8, \
    1.1720000505447388, 2.326357841491699
C1, C3, J0, JG, RL = 5.86650561462676e-10, 2.428000023257937e-10, 1.6622320413589478, \
    0.9200000166893005, 4e7
# Gains of the preamplifier of ll that were measured, by what they are called.
MEASURED = {3: 2.999850, 10: 9.997999, 30: 29.99250, 100: 100.8040, 300: 302.3967,
            1000: 1007.838, 3000: 3023.364}


@dataclass
class Records:
    """The records that are used. Arrays have one element, or row, a record."""

    ifg: np.ndarray  # counts per gain and sweep, [record, sample]
    variance: np.ndarray  # of one sample, (counts per gain and sweep)^2
    bias_v: np.ndarray
    volt_v: np.ndarray
    temperatures: np.ndarray  # at which the emitters emit, K, [emitter, record]
    operating: np.ndarray  # temperature of the bolometer, K
    bath: np.ndarray  # temperature of the bolometer's bath, K
    used: np.ndarray  # of all records of the set, whether it is one of these


def read(path: Path, keys: list[str], sigma: float | None = None, kind: type = float) -> Records:
    """Reads a calibration set with the temperatures of these `keys`; bad records are left out.

    The noise of a sample is what the set says, unless `sigma` does. All that follows is done with
    numbers of this `kind`: a wider one than float makes a reference.
    """
    with np.load(path, allow_pickle=False) as file:
        names = ["ifg", "gain", "sweeps", "bol_cmd_bias", "bol_volt", "adds_per_group"]
        names += ["mtm_length", "mtm_speed"]
        given = {name: file[f"{name}_ll"] for name in names}
        given["bol_volt"] = given["bol_volt"].astype(kind)
        temperatures = np.array([file[key] for key in keys], dtype=kind)
        sigma = float(file["sigma_llss"]) if sigma is None else sigma
    ifg = given["ifg"]
    bias = np.where(given["bol_cmd_bias"] < 0, given["bol_cmd_bias"] + 256.0, given["bol_cmd_bias"])
    positive = np.array([given["gain"], given["sweeps"], bias, *temperatures])
    good = (positive > 0).all(axis=0) & (positive < np.inf).all(axis=0) & (temperatures <= 1000).all(axis=0)
    good &= (given["mtm_length"] == 0) & (given["mtm_speed"] == 0)
    good &= given["adds_per_group"] == ADDS
    good &= (np.abs(ifg) < 32767).all(axis=1) & (ifg != ifg[:, :1]).any(axis=1)
    measured = np.array([MEASURED.get(gain, gain) for gain in given["gain"][good].tolist()], kind)
    scale = measured * given["sweeps"][good]
    rounding = 1 / 12 if np.issubdtype(ifg.dtype, np.integer) else 0.0
    bias_v, volt_v, temperatures = bias[good] / 25.5, given["bol_volt"][good], temperatures[:, good]
    own = keys.index("bolometer_ll")
    bath = temperatures[own].copy()
    operating = operating_temperature(bias_v, volt_v, bath)
    # The bolometer is warmer than its bath, whose temperature was read.
    temperatures[own] = operating
    return Records(
        ifg=ifg[good] / scale[:, None],
        variance=sigma**2 + rounding / scale**2,
        bias_v=bias_v,
        volt_v=volt_v,
        temperatures=temperatures,
        operating=operating,
        bath=bath,
        used=good,
    )


def in_band() -> np.ndarray:
    """Whether a bin lies in the optical band, [bin]."""
    low, high = BAND_GHZ
    return (FREQUENCY_HZ >= low * 1e9) & (FREQUENCY_HZ <= high * 1e9)


def transforms(ifg: np.ndarray) -> np.ndarray:
    """The transforms of interferograms, [record, bin]: baseline, rotation, FFT."""
    level = ifg - np.median(ifg, axis=1, keepdims=True)
    return np.fft.rfft(np.roll(level, -PEAK, axis=1), axis=1)


def gain(records: Records) -> np.ndarray:
    """Counts per gain and sweep for one MJy/sr, [record, bin]; zero at bin 0."""
    responsivity, seconds = bolometer(records)
    response = responsivity[:, None] / (1 + 2j * np.pi * AUDIO_HZ * seconds[:, None])
    return electronics(responsivity.dtype) * NORMALIZATION * response


def electronics(kind: type | np.dtype = float) -> np.ndarray:
    """The chain from the bolometer to the telemetry, [bin]; zero at bin 0."""
    f = AUDIO_HZ[1:].astype(kind)
    bessel = 1 / np.polyval([0.0892, 0.5511, 1.5894, 2.6189, 2.4275, 1], 1j * f / 100)
    boost = 1 + 2j * np.pi * f * 0.04022
    s = 3.2 * 2j * np.pi * f
    dc_block = (s / (1 + s)) ** 5 * s / (2 + s)
    z = np.exp(-2j * np.pi * f / SAMPLING_HZ)
    digital = (1 + 2 * z + 2 * z**2 + 2 * z**3 + z**4) / (8 - 8 * z**2 + z**4) / 8
    q = np.pi * f / SAMPLING_HZ
    average = np.sin(ADDS * q) / np.sin(q) / ADDS * np.exp(1j * q * (1 - ADDS))
    average[q < 0.001] = 1
    amplifier = 31 * 1.3823 * 1.2255 * 1.9099
    return np.concatenate([[0], -amplifier * bessel * boost * dc_block * digital * average])


def load_line(bias_v: np.ndarray, volt_v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voltage (V) and resistance (ohm) of the bolometer, and the effect of its field (K)."""
    v = (volt_v - J0) / JG
    return v, RL * v / (bias_v - v), v * RHO


def operating_temperature(bias_v: np.ndarray, volt_v: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Temperature of the bolometer, K, from that of its bath."""
    v, resistance, x = load_line(bias_v, volt_v)
    for _ in range(8):
        t = T0 / np.log(resistance / R0 / x * t * np.sinh(x / t)) ** 2
    return t


def bolometer(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Responsivity (V per erg/s) and time constant (s) of each record."""
    t, (v, resistance, x) = records.operating, load_line(records.bias_v, records.volt_v)
    h = t / x * np.tanh(x / t)
    conductance, capacity = G1 * t**BETA, C3 * t**3 + C1 * t
    d = 1 / h - 1 - np.sqrt(T0 / t) / 2
    heat = conductance * t * resistance
    z = (heat + d * v**2) / (heat / h - d * v**2)
    responsivity = 1e-7 * resistance * (z - h) / (v * (z * resistance / RL + 1) * (h + 1))
    seconds = capacity / conductance * (z + 1) * (resistance * h + RL)
    return responsivity, seconds / ((z * resistance + RL) * (h + 1))


def planck(frequency_hz: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """MJy/sr, of any shapes that fit together; frequencies above 0."""
    with np.errstate(over="ignore"):  # a cold body at a high frequency: 0 is right
        falls = np.expm1(PLANCK * frequency_hz / (BOLTZMANN * temperatures))
    return 2e20 * PLANCK * frequency_hz**3 / LIGHT**2 / falls
