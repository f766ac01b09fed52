"""What `llss` does, as somebody would write it who has looked where NumPy's time goes.

A block of records at a time stays in the cache; the median takes one partition; nothing is divided
by a complex number.
"""

from collections.abc import Callable

import numpy as np

import llss

RECORDS_AT_ONCE = 128


def transforms(ifg: np.ndarray) -> np.ndarray:
    """The transforms of interferograms, [record, bin], of bins 1 on."""
    half = ifg.shape[1] // 2
    parted = np.partition(ifg, half, axis=1)
    median = (parted[:, :half].max(axis=1) + parted[:, half]) / 2
    level = np.roll(ifg, -llss.PEAK, axis=1)
    level -= median[:, None]
    return np.fft.rfft(level, axis=1)[:, 1:]


def weigh(
    spectra: np.ndarray, chain: np.ndarray, omega: np.ndarray, responsivity: np.ndarray,
    seconds: np.ndarray, noise: np.ndarray, seen: np.ndarray, weight: np.ndarray,
) -> None:
    """Of a block of records: fills `seen` and `weight`, which `weighted` explains.

    The gain is chain * responsivity / (1 + i omega seconds): over the noise, its modulus is the
    weight, and its phase is what a weighted spectrum is divided by.
    """
    lag = np.multiply.outer(seconds, omega)
    over = 1 / np.sqrt(1 + lag * lag)
    over /= noise[:, None]
    spectra *= chain.conj() / np.abs(chain)
    sign = np.sign(responsivity)[:, None] * over
    seen[:, 0] = ((spectra.real - lag * spectra.imag) * sign).T
    seen[:, 1] = ((spectra.imag + lag * spectra.real) * sign).T
    over *= np.abs(responsivity)[:, None]
    weight[:] = (over * np.abs(chain)).T


def weighted(records: llss.Records, weigh: Callable = weigh) -> tuple[np.ndarray, np.ndarray]:
    """Spectra over their noise, [bin, 2, record], and the weights by which data were multiplied.

    Real and imaginary parts are apart; weights, [bin, record], are one over the noise in MJy/sr; both
    are of bins 1 on.
    """
    count, bins = len(records.ifg), llss.BINS - 1
    seen, weight = np.empty((bins, 2, count)), np.empty((bins, count))
    responsivity, seconds = llss.bolometer(records)
    noise = np.sqrt(llss.SAMPLES * records.variance)
    chain = llss.electronics()[1:] * llss.NORMALIZATION
    omega = 2 * np.pi * llss.AUDIO_HZ[1:]
    for first in range(0, count, RECORDS_AT_ONCE):
        block = slice(first, first + RECORDS_AT_ONCE)
        weigh(
            transforms(records.ifg[block]), chain, omega, responsivity[block], seconds[block],
            noise[block], seen[:, :, block], weight[:, block],
        )
    return seen, weight
