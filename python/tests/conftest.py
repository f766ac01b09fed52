"""Campaigns and runs that tests share."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

import otfhpc

matplotlib.use("Agg")

SMALL = {"simulate": {"records": 120, "plateau_records": 5}, "fit.bins": "0-40"}
PER_BIN = [name for name, method in otfhpc.methods().items() if not method.couples_bins]
METHODS = [name for name in otfhpc.methods() if name != "joint"]


@pytest.fixture(scope="session")
def data() -> otfhpc.Spectra:
    return otfhpc.spectra(**SMALL)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> otfhpc.Results:
    """Every method that bins alone are enough for, free and constrained."""
    both = [*METHODS, *(f"{name}+kirchhoff" for name in METHODS)]
    return otfhpc.local(out=tmp_path_factory.mktemp("run") / "results", **SMALL, **{"fit.methods": both})


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Spectra, Planck functions, variances and the truth: 60 records, 5 bins, 3 emitters."""
    random = np.random.default_rng(1)
    planck = random.uniform(1.0, 3.0, (60, 5, 3)) * [100.0, 30.0, 10.0]
    truth = random.normal(size=(5, 3)) + 1j * random.normal(size=(5, 3))
    variance = random.uniform(0.1, 1.0, (60, 5))
    noise = np.sqrt(variance / 2) * (random.normal(size=(60, 5)) + 1j * random.normal(size=(60, 5)))
    return np.einsum("jbi,bi->jb", planck, truth) + noise, planck, variance, truth


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
