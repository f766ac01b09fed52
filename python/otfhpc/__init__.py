"""Fits a Fourier-transform spectrometer's optical transfer function and emissivities.

What is science runs in this process, on NumPy arrays: `fit`, `spectra`, `planck`, `axis`,
`electronics`, `bolometer`. What is a run, on this machine or on a Slurm cluster, is the program
`otfhpc`, which this package carries: `simulate`, `local`, `submit`, `Run`. `load` reads what a run
leaves, and `otfhpc.plot` draws it.

Units: light in MJy/sr, temperatures in K, frequencies say theirs in their names. Emissivities have no
unit; that of the first emitter, the external calibrator, is the optical transfer function.

Examples
--------
>>> import otfhpc
>>> data = otfhpc.spectra(simulate={"records": 240})
>>> found = otfhpc.fit(data, method="wls", constraint="kirchhoff")
>>> found.emissivity.shape
(257, 7)
>>> found.emitters[0], found.frequency_ghz[20].round(1)
('xcal', np.float64(340.1))
"""

from importlib.metadata import version as _version

from otfhpc import plot
from otfhpc._command import (
    CommandError,
    FailedUnits,
    IncompleteError,
    OtfhpcError,
    StoppedError,
    command,
    executable,
)
from otfhpc._fit import Fit, fit
from otfhpc._instrument import (
    PUBLISHED_LL,
    Axis,
    BolometerParameters,
    BolometerState,
    axis,
    bolometer,
    electronics,
    planck,
)
from otfhpc._methods import STATUS, Method, Option, methods
from otfhpc._results import Results, load
from otfhpc._run import Run, local, simulate, submit
from otfhpc._spectra import Spectra, spectra
from otfhpc._table import Table

__version__ = _version("otfhpc")

__all__ = [
    "PUBLISHED_LL",
    "STATUS",
    "Axis",
    "BolometerParameters",
    "BolometerState",
    "CommandError",
    "FailedUnits",
    "Fit",
    "IncompleteError",
    "Method",
    "Option",
    "OtfhpcError",
    "Results",
    "Run",
    "Spectra",
    "StoppedError",
    "Table",
    "axis",
    "bolometer",
    "command",
    "electronics",
    "executable",
    "fit",
    "load",
    "local",
    "methods",
    "planck",
    "plot",
    "simulate",
    "spectra",
    "submit",
]
