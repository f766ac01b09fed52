"""Simulates a noise-free calibration campaign of LLSS, independently of the program under test.

Usage: python write_cal.py CAL.npz EXPECTED.npz

CAL.npz is in the format of FIRAS analyses; EXPECTED.npz has the truth [bin, emitter], the bins
of the band, and NumPy's least-squares solution from the interferograms in the file.
"""

import sys

import numpy as np

SAMPLES, PEAK = 512, 359  # samples are counted from zero
SAMPLING_HZ, ADDS, SWEEPS, BIAS_COUNTS = 681.43, 3, 16, 35
BAND = np.arange(5, 38)
KEYS = ["xcal_cone", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"]
DRIVEN = [0, 1, 3, 4]  # xcal, ical and the two horns can be heated
PLATEAUS, RECORDS = 12, 4  # of each driven body; of each plateau

NYQUIST_ICM = 1.0060549 / 20e-4 / (4 * np.cos(np.pi / 6)) / 2 * 6 / ADDS
FREQUENCY_HZ = np.arange(257) / 256 * NYQUIST_ICM * 29.9792458e9
AUDIO_HZ = np.arange(257) * SAMPLING_HZ / ADDS / SAMPLES

# The bolometer of the channel ll as it was published.
R0, T0, G1, BETA, RHO = 11.938669204711914, 371.6449890136719, 2.1257850590927774e-8, \
    1.1720000505447388, 2.326357841491699
C1, C3, J0, JG, RL = 5.86650561462676e-10, 2.428000023257937e-10, 1.6622320413589478, \
    0.9200000166893005, 4e7

# Gains of the preamplifier of ll that were measured, by what they are called.
MEASURED = {1: 1.0, 3: 2.999850, 10: 9.997999, 30: 29.99250, 100: 100.8040, 300: 302.3967,
            1000: 1007.838, 3000: 3023.364}


def planck(temperature_k: np.ndarray) -> np.ndarray:
    """MJy/sr, one bin more on the last axis; zero at bin 0."""
    h, c, k = 6.62607015e-34, 299792458.0, 1.380649e-23
    x = h * FREQUENCY_HZ[1:] / (k * temperature_k[..., None])
    radiance = np.zeros((*temperature_k.shape, 257))
    radiance[..., 1:] = 2e20 * h * FREQUENCY_HZ[1:] ** 3 / c**2 / np.expm1(x)
    return radiance


def electronics() -> np.ndarray:
    """The chain from the bolometer to the telemetry, [bin]; zero at bin 0."""
    f = AUDIO_HZ[1:]
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
    etf = np.zeros(257, complex)
    etf[1:] = -amplifier * bessel * boost * dc_block * digital * average
    return etf


def bolometer(bias_v: float, volt_v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Response of each record at each bin, V per erg/s, and its temperature, K."""
    v = (volt_v - J0) / JG
    resistance = RL * v / (bias_v - v)
    x = v * RHO
    t = np.full_like(v, 1.6)
    for _ in range(50):  # to rest, wherever it starts
        t = T0 / np.log(resistance / R0 / x * t * np.sinh(x / t)) ** 2
    h = t / x * np.tanh(x / t)
    conductance, capacity = G1 * t**BETA, C3 * t**3 + C1 * t
    d = 1 / h - 1 - np.sqrt(T0 / t) / 2
    heat = conductance * t * resistance
    z = (heat + d * v**2) / (heat / h - d * v**2)
    s0 = 1e-7 * resistance * (z - h) / (v * (z * resistance / RL + 1) * (h + 1))
    tau = capacity / conductance * (z + 1) * (resistance * h + RL)
    tau /= (z * resistance + RL) * (h + 1)
    return s0[:, None] / (1 + 2j * np.pi * AUDIO_HZ * tau[:, None]), t


def emissivities(rng: np.random.Generator) -> np.ndarray:
    """[bin, emitter]: smooth in the band, zero outside, and summing to zero at every bin."""
    sizes = [0.04, 0.04, 1e-4, 8e-4, 8e-4, 4e-4, 9e-4]
    x = np.linspace(0, 1, len(BAND))
    truth = np.zeros((257, 7), complex)
    for emitter, size in enumerate(sizes):
        level, bend = rng.uniform(0.6, 1.0), rng.uniform(-0.3, 0.3, 2)
        turn = rng.uniform(-np.pi, np.pi) if emitter else 0.1
        curve = level + bend[0] * np.sin(2 * np.pi * x) + bend[1] * np.cos(3 * np.pi * x)
        truth[BAND, emitter] = size * curve * np.exp(1j * (turn + 0.5 * x))
    truth[:, 1] -= truth.sum(axis=1)
    return truth


def temperatures(rng: np.random.Generator) -> np.ndarray:
    """[record, emitter]: one body driven at a time, and the rest drifting."""
    rows = []
    for plateau in range(PLATEAUS * len(DRIVEN)):
        level = 2.73 + rng.uniform(-0.02, 0.02, 7)
        level[2] = rng.uniform(2.0, 5.0)
        level[5] = rng.uniform(1.6, 2.7)
        level[6] = rng.uniform(1.53, 1.80)
        level[DRIVEN[plateau % len(DRIVEN)]] = rng.uniform(2.2, 20.0)
        rows += [level + 1e-3 * rng.standard_normal(7) for _ in range(RECORDS)]
    return np.array(rows)


def simulate(rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns of a calibration set without its channel's suffix, and the truth."""
    truth, kelvin = emissivities(rng), temperatures(rng)
    records = len(kelvin)
    volt = 2.0657 + 3e-4 * rng.standard_normal(records)
    light = np.einsum("ki,rik->rk", truth, planck(emitting(kelvin, volt)))
    y = np.fft.irfft(light * gain(volt), n=SAMPLES, axis=1)
    y = np.roll(y, PEAK, axis=1)
    steps = np.array(list(MEASURED))
    peak = SWEEPS * np.abs(y).max(axis=1)
    commanded = np.array([steps[steps * p < 25000].max() for p in peak])
    ifg = y * (measured(commanded) * SWEEPS)[:, None] + rng.uniform(-500, 500, (records, 1))
    columns = {
        "ifg": ifg,
        "gain": commanded.astype(np.int16),
        "sweeps": np.full(records, SWEEPS, np.int16),
        "bol_cmd_bias": np.full(records, BIAS_COUNTS, np.int16),
        "bol_volt": volt,
        "adds_per_group": np.full(records, ADDS, np.int8),
        "mtm_length": np.zeros(records, np.int8),
        "mtm_speed": np.zeros(records, np.int8),
    }
    return columns | dict(zip(KEYS, kelvin.T)), truth


def gain(volt_v: np.ndarray) -> np.ndarray:
    """Counts per gain and sweep for one MJy/sr, [record, bin]."""
    scale = NYQUIST_ICM * 1.5 * 204.75 / (1e8 / 29.9792458)
    return electronics() * scale * bolometer(BIAS_COUNTS / 25.5, volt_v)[0]


def emitting(kelvin: np.ndarray, volt_v: np.ndarray) -> np.ndarray:
    """The temperatures at which bodies emit: the bolometer's is not that of its bath."""
    kelvin = kelvin.copy()
    kelvin[:, 6] = bolometer(BIAS_COUNTS / 25.5, volt_v)[1]
    return kelvin


def measured(commanded: np.ndarray) -> np.ndarray:
    """What the preamplifier does at gains as they are commanded."""
    return np.array([MEASURED[gain] for gain in commanded.tolist()])


def least_squares(columns: dict[str, np.ndarray]) -> np.ndarray:
    """The emissivities that fit the interferograms, [bin, emitter]; NaN outside the band."""
    y = columns["ifg"] / (measured(columns["gain"]) * columns["sweeps"])[:, None]
    y = y - np.median(y, axis=1, keepdims=True)
    spectrum = np.fft.rfft(np.roll(y, -PEAK, axis=1), axis=1)
    response = gain(columns["bol_volt"])
    kelvin = np.array([columns[key] for key in KEYS]).T
    design = planck(emitting(kelvin, columns["bol_volt"]).T)
    found = np.full((257, 7), np.nan, complex)
    for k in BAND:
        columns_of_k = design[:, :, k].T
        lengths = np.linalg.norm(columns_of_k, axis=0)
        data = spectrum[:, k] / response[:, k]
        solution = np.linalg.lstsq(columns_of_k / lengths, data, rcond=None)[0]
        found[k] = solution / lengths
    return found


def with_bad_records(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Three records more, each with a reason to be left out, in among the good."""
    rows = np.r_[0:50, 7, 50:100, 60, 100, 100 : len(columns["gain"])]
    bad = {name: column[rows].copy() for name, column in columns.items()}
    bad["skyhorn"][50] = np.nan
    bad["sweeps"][101] = 0
    bad["mtm_length"][102] = 1
    return bad


def main() -> None:
    rng = np.random.default_rng(2606)
    columns, truth = simulate(rng)
    np.savez(sys.argv[2], truth=truth, band=BAND, least_squares=least_squares(columns))
    in_file = {f"{name}_ll": column for name, column in with_bad_records(columns).items()}
    np.savez_compressed(sys.argv[1], **in_file)


if __name__ == "__main__":
    main()
