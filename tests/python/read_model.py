"""Checks a calibration model, an array and spectra that otfhpc wrote, with astropy and NumPy.

Usage: python read_model.py MODEL.FITS PUBLISHED.FITS RESULTS ARRAY.npy SPECTRA.npz

RESULTS is the folder of the run, of one configuration, from which all were made. Prints, for each point,
the transfer function as astropy reads it; fails at the first difference.
"""

import sys
from pathlib import Path

import numpy as np
from astropy.io import fits

COLUMNS = {
    "xcal": "TRANSFE",
    "ical": "ICAL",
    "dihedral": "DIHEDRA",
    "refhorn": "REFHORN",
    "skyhorn": "SKYHORN",
    "collimator": "STRUCTU",
    "bolometer": "BOLOMET",
}


def require(condition: bool, message: str) -> None:
    if not condition:
        sys.exit(message)


def check_layout(ours: fits.HDUList, published: fits.HDUList) -> None:
    """Names, formats, units and shapes of all columns in their order, and the keywords."""
    columns = [
        [(c.name, c.format, c.unit, c.dim) for c in file[1].columns] for file in (ours, published)
    ]
    require(columns[0] == columns[1], f"columns {columns[0]}, expected {columns[1]}")
    missing = set(published[0].header) - set(ours[0].header)
    require(not missing, f"the primary header lacks {missing}")
    for name in ("NU_ZERO", "DELTA_NU", "OM_ZERO", "DELTA_OM", "NUM_FREQ", "NORMALIZ"):
        found, expected = ours[0].header[name], published[0].header[name]
        require(abs(found / expected - 1) < 1e-6, f"{name} is {found}, expected {expected}")
    require(ours[0].header["CHANSCAN"] == published[0].header["CHANSCAN"], "CHANSCAN")
    require(ours[0].header["DATE-BEG"] == "29/11/89", ours[0].header["DATE-BEG"])
    row, expected = ours[1].data[0], published[1].data[0]
    same = ["TIME_CON", "DC_RESPO", "BOLOM_BI", "BOLOM_VO", "BOLOM_TE", "BOLOM_B2"]
    same += ["BOLPARM_"] + [f"BOLPARM{i}" for i in range(2, 11)]
    same += ["RELEX_GA", "IELEX_GA"]
    for name in same:
        found = np.abs(row[name] - expected[name]).max()
        require(found <= 2e-7 * np.abs(expected[name]).max(), f"{name}: {row[name]}")
    # The fit made no corrections and did not apodise, and the model says so.
    assumed = ["OPTPARM_"] + [f"OPTPARM{i}" for i in range(2, 9)]
    for name in [*assumed, "DRIFT_AM", "DRIFT_OF", "XCAL_COR"]:
        require(row[name] == 0, f"{name} is {row[name]}, expected 0")
    require((row["APODIZAT"] == 1).all(), "APODIZAT")


def check_values(ours: fits.HDUList, solution: dict[str, np.ndarray]) -> None:
    """Every point against the arrays of the run."""
    points, count = ours["OTFHPC_POINTS"].data, ours[0].header["NUM_FREQ"]
    header = ours["OTFHPC_POINTS"].header
    bins = points["BIN"]
    require(len(points) == count and (np.diff(bins) == 1).all(), "points")
    require(np.allclose(points["FREQUENCY"], solution["frequency_ghz"][bins], rtol=1e-15), "axis")
    axis = ours[0].header["NU_ZERO"] + ours[0].header["DELTA_NU"] * np.arange(count)
    require(np.allclose(axis, points["FREQUENCY"], rtol=1e-14), "the axis of the header")
    expected = solution["emissivity"][0, bins]
    for place, emitter in enumerate(solution["emitters"]):
        require(header[f"EMIT{place + 1}"] == emitter, f"EMIT{place + 1} is not {emitter}")
        column = header[f"ECOL{place + 1}"]
        require(column == COLUMNS[emitter], f"column of {emitter}: {column}")
        real, imaginary = (ours[1].data[f"{letter}{column}"][0] for letter in "RI")
        require((real[:count] == expected[:, place].real.astype("f4")).all(), f"R{column}")
        require((imaginary[:count] == expected[:, place].imag.astype("f4")).all(), f"I{column}")
        require((real[count:] == 0).all(), f"R{column} after its end")
    for column, name in [("EMISSIVITY", "emissivity"), ("SIGMA", "sigma"), ("STATUS", "status")]:
        require((points[column] == solution[name][0, bins]).all(), column)
    for column, name in [("RSS", "rss"), ("CONDITION", "condition"), ("DETERMINED", "determined")]:
        require((points[column] == solution[name][0, bins]).all(), column)
    require((points["IN_BAND"] == solution["in_band"][bins]).all(), "IN_BAND")
    # The error bar is the root of the covariance's diagonal.
    diagonal = np.einsum("kii->ki", points["COVARIANCE"].reshape(count, 7, 7))
    require(np.allclose(np.sqrt(diagonal.real), points["SIGMA"], rtol=1e-9), "COVARIANCE")
    product = points["EMISSIVITY"] * points["RESPONSE"][:, np.newaxis]
    require(np.allclose(points["PRODUCT"], product, rtol=1e-12), "PRODUCT")
    require(0.9 < np.median(points["CHI2_DOF"]) < 1.2, f"CHI2_DOF {points['CHI2_DOF']}")


def check_parameters(ours: fits.HDUList) -> None:
    """Each stands in its column of the layout too; none was fitted."""
    table = ours["OTFHPC_PARAMETERS"].data
    require(len(table) == 22, f"{len(table)} parameters")
    for row in table:
        single = ours[1].data[row["LAYOUT_COLUMN"]][0]
        require(np.float32(row["VALUE"]) == single, f"{row['NAME']}: {row['VALUE']}, {single}")
        require(row["FITTED"] == 0 and np.isnan(row["SIGMA"]), f"{row['NAME']} was not fitted")


def check_spectra(spectra: dict[str, np.ndarray], solution: dict[str, np.ndarray]) -> None:
    """The residuals are what the emissivities leave, and add up to what the run says."""
    records, bins = spectra["spectrum"].shape
    require(spectra["planck"].shape == (records, bins, 7), "planck")
    for name, length in [("record", records), ("plateau", records), ("bins", bins)]:
        require(spectra[name].shape == (length,), name)
    require(list(spectra["emitters"]) == list(solution["emitters"]), "emitters")
    require(str(spectra["configuration"]) == "llss wls", str(spectra["configuration"]))
    light = (spectra["planck"] * spectra["emissivity"]).sum(axis=-1)
    fitted = np.isfinite(spectra["emissivity"]).all(axis=1)
    left = (spectra["spectrum"] - light)[:, fitted]
    residual = spectra["residual"][:, fitted]
    require(np.allclose(left, residual, rtol=1e-9, atol=1e-12 * np.abs(left).max()), "residual")
    rss = (np.abs(residual) ** 2 / spectra["variance"][:, fitted]).sum(axis=0)
    require(np.allclose(rss, solution["rss"][0, spectra["bins"][fitted]], rtol=1e-9), "rss")


def check_published(ours: fits.HDUList, published: fits.HDUList) -> None:
    """Where the grids of 512 and of 640 points meet, the data were made from the published values."""
    points = ours["OTFHPC_POINTS"].data
    meet = np.flatnonzero(points["BIN"] % 5 == 0)[1:]
    for place, (emitter, column) in enumerate(COLUMNS.items()):
        real, imaginary = (published[1].data[f"{letter}{column}"][0][meet] for letter in "RI")
        away = np.abs(points["EMISSIVITY"][meet, place] - (real + 1j * imaginary))
        sigma = away / points["SIGMA"][meet, place]
        rms = np.sqrt((sigma**2).mean())
        require(0.3 < rms < 2 and sigma.max() < 4, f"{emitter}: {sigma}")


def main() -> None:
    model, truth, results, array, archive = (Path(argument) for argument in sys.argv[1:6])
    with np.load(results / "solution.npz") as file:
        solution = {name: file[name] for name in file.files}
    with np.load(archive) as file:
        spectra = {name: file[name] for name in file.files}
    with fits.open(model) as ours, fits.open(truth) as published:
        ours.verify("exception")
        check_layout(ours, published)
        check_values(ours, solution)
        check_parameters(ours)
        check_published(ours, published)
        row = ours[1].data[0]
        for real, imaginary in zip(row["RTRANSFE"][:43], row["ITRANSFE"][:43], strict=True):
            print(repr(float(real)), repr(float(imaginary)))
    emissivities = np.load(array)
    require(emissivities.dtype.str == "<c16" and emissivities.shape == (257, 7), "the array")
    same = emissivities == solution["emissivity"][0]
    require((same | np.isnan(emissivities)).all(), "the array is not that of the run")
    check_spectra(spectra, solution)


if __name__ == "__main__":
    main()
