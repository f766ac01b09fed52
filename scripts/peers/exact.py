"""A reference for all programs that fit all bins of LLSS: the same problem with more digits.

Usage: python3 scripts/peers/exact.py CAL.npz EXACT.npz
       python3 scripts/peers/exact.py --compare EXACT.npz SOLUTION.npz

Everything from the telemetry to the emissivities is done in NumPy's `longdouble` (64 bits of
mantissa on x86-64, 113 on most others), each bin by Householder reflections; a machine that has
nothing wider than a double is refused. EXACT.npz gets `emissivity` and `sigma` [bin, emitter],
rounded to doubles at last, and `in_band` [bin].

With --compare, prints as JSON how far a solution is off: that of a peer, or `solution.npz` of
`otfhpc` (its first configuration). One that is further off than HELD error bars is an error.
"""

import json
import sys
from pathlib import Path

import numpy as np

import llss

HELD = 1e-8  # error bars by which an emissivity may be off
DETERMINED = 0.1  # an emissivity whose error bar is at most this is determined by the data


def triangle(columns: np.ndarray) -> np.ndarray:
    """R of a QR factorisation of [record, column], by Householder reflections in place."""
    for k in range(columns.shape[1]):
        below = columns[k:, k:]
        reflection = below[:, 0].copy()
        reflection[0] += np.copysign(np.sqrt(np.sum(reflection**2)), reflection[0])
        reflection /= np.sqrt(np.sum(reflection**2))
        below -= np.outer(2 * reflection, reflection @ below)
    return np.triu(columns[: columns.shape[1]])


def inverse(upper: np.ndarray) -> np.ndarray:
    """Of an upper triangle: NumPy's own knows no wide numbers."""
    found = np.zeros_like(upper)
    for k in reversed(range(len(upper))):
        found[k, k] = 1
        found[k] = (found[k] - upper[k, k + 1 :] @ found[k + 1 :]) / upper[k, k]
    return found


def solution(path: Path) -> dict[str, np.ndarray]:
    kind = np.longdouble
    records = llss.read(path, llss.KEYS, kind=kind)
    gain = llss.gain(records)[:, 1:]
    weight = np.abs(gain) / np.sqrt(llss.SAMPLES * records.variance)[:, None]
    data = llss.transforms(records.ifg)[:, 1:] / gain * weight
    emitters = len(llss.KEYS)
    emissivity = np.full((llss.BINS, emitters), np.nan, complex)
    sigma = np.full((llss.BINS, emitters), np.nan)
    for bin in range(1, llss.BINS):
        seen, rows = data[:, bin - 1], weight[:, bin - 1, None]
        columns = llss.planck(llss.FREQUENCY_HZ[bin], records.temperatures.T) * rows
        lengths = np.sqrt(np.sum(columns**2, axis=0))
        if not lengths.all():
            continue
        scaled = np.column_stack([columns / lengths, seen.real, seen.imag])
        both = triangle(scaled)
        back = inverse(both[:emitters, :emitters]) / lengths[:, None]
        found = back @ both[:emitters, emitters:]
        emissivity[bin] = found[:, 0] + 1j * found[:, 1]
        sigma[bin] = np.sqrt(np.sum(back**2, axis=1))
    return {"emissivity": emissivity, "sigma": sigma, "in_band": llss.in_band()}


def accuracy(exact: Path, emissivity: np.ndarray, sigma: np.ndarray | None = None) -> dict:
    """The largest differences: of emissivities in error bars and relative, of error bars relative.

    Over the bins of the optical band, and over all emissivities that the data determine. What was
    not found, and should have been, is infinitely far off.
    """
    with np.load(exact) as file:
        right, bars, in_band = (file[name] for name in ["emissivity", "sigma", "in_band"])
    with np.errstate(invalid="ignore"):
        determined = bars <= DETERMINED
    off = np.abs(emissivity - right)
    places = {"in_band": in_band[:, None] & np.isfinite(bars), "determined": determined}

    def largest(differences: np.ndarray, place: np.ndarray) -> float:
        return float(np.nan_to_num(differences[place], nan=np.inf).max())

    told = {}
    for name, place in places.items():
        told[name] = {
            "error_bars": largest(off / bars, place),
            "relative": largest(off / np.abs(right), place),
        }
        if sigma is not None:
            told[name]["of_error_bars"] = largest(np.abs(sigma / bars - 1), place)
    return told


def hold(who: str, accuracy: dict) -> None:
    """Ends the program if somebody is not as accurate as all have to be."""
    for place, off in accuracy.items():
        if not off["error_bars"] <= HELD:
            raise SystemExit(
                f"{who}: an emissivity ({place}) is off by {off['error_bars']:.3g} of its error bar, "
                f"at most {HELD:g} was expected: mend it before its times are compared"
            )


def compare(exact: Path, found: Path) -> dict:
    with np.load(found) as file:
        emissivity, sigma = file["emissivity"], file["sigma"]
    if emissivity.ndim == 3:  # by configuration
        emissivity, sigma = emissivity[0], sigma[0]
    return accuracy(exact, emissivity, sigma)


def main() -> None:
    match sys.argv[1:]:
        case ["--compare", exact, found]:
            off = compare(Path(exact), Path(found))
            print(json.dumps(off | {"bits": np.finfo(np.longdouble).nmant + 1}))
            hold(found, off)
        case [cal, output]:
            if np.finfo(np.longdouble).eps > 2e-19:
                raise SystemExit("NumPy's longdouble is no wider than a double here: no reference")
            np.savez(output, **solution(Path(cal)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
