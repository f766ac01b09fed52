"""Runs: the program that the wheel carries."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL

import otfhpc
from otfhpc._settings import assignments

ROOT = Path(__file__).resolve().parents[2]


def test_the_program_is_that_of_the_wheel():
    path = otfhpc.executable()
    assert path.is_relative_to(Path(sys.prefix).resolve())
    assert otfhpc.command("--version").stdout.split()[:2] == ["otfhpc", otfhpc.__version__]


def test_settings_are_nested_or_have_dots():
    assert assignments(
        {
            "data": {"path": Path("a b.npz"), "sets": ("llss", "rhss")},
            "study.noise_levels": np.array([1e-8, 0.1]),
            "fit": {"covariance": True, "options": {"map": {"floor": 0.1}}},
            "study.trials": np.int64(3),
            "emitter": [{"name": "mirror", "key": {"a": 0.5}}],
        }
    ) == [
        'data.path="a b.npz"',
        'data.sets=["llss", "rhss"]',
        "study.noise_levels=[1e-08, 0.1]",
        "fit.covariance=true",
        "fit.options.map.floor=0.1",
        "study.trials=3",
        'emitter=[{ "name" = "mirror", "key" = { "a" = 0.5 } }]',
    ]
    with pytest.raises(TypeError, match=r"setting fit\.bins is a set: expected a number, a text"):
        assignments({"fit": {"bins": {1}}})


def test_settings_arrive(tmp_path):
    results = otfhpc.local(
        out=tmp_path / "results",
        simulate={"records": 60, "plateau_records": 5},
        fit={"methods": ["map"], "options": {"map": {"floor": 0.5}}, "bins": "5-8"},
        emitter=[
            {
                "name": "mirror",
                "key": "mirror",
                "simulated": {"temperature_k": [2.0, 3.4], "emissivity": 0.01},
            }
        ],
        **{"study.noise_levels": [0.1, 0.2]},
    )
    assert results.emitters[-1] == "mirror"
    assert [row["noise_level"] for row in results.configurations] == [0.1, 0.2]


def test_a_calibration_set_is_fitted_in_process_as_by_the_program(folder):
    cal = otfhpc.simulate("it's a cal.npz", simulate={"records": 120})
    sigma = float(np.load(cal)["sigma_llss"])
    results = otfhpc.local(out="results", data={"path": cal, "sigma": sigma}, fit={"methods": "wls"})
    found = otfhpc.fit(otfhpc.spectra(cal, data={"sigma": sigma}))
    assert np.array_equal(found.emissivity, results.emissivity[0], equal_nan=True)
    truth = np.load(cal)["truth_llss"]
    assert np.nanmax(np.abs(found.emissivity - truth)[5:40, 0]) < 1e-3
    with pytest.raises(otfhpc.CommandError, match="is there already"):
        otfhpc.simulate(cal)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fit": {"methods": "wlss"}}, "there is no method `wlss`"),
        ({"fit": {"method": "wls"}}, "methods"),
        ({"data": {"path": "nothing.npz"}}, "nothing.npz"),
    ],
)
def test_errors_are_those_of_the_program(folder, settings, message):
    with pytest.raises(otfhpc.CommandError, match=message) as caught:
        otfhpc.local(**settings)
    assert caught.value.code == 2
    with pytest.raises(ValueError, match=message):
        otfhpc.spectra(**settings)


def test_a_config_that_is_none_is_answered_with_those_that_are():
    with pytest.raises(FileNotFoundError, match=r"'quikstart', which is no file.*quickstart"):
        otfhpc.local("quikstart")


def test_which_spectra_is_said_where_there_are_several(folder):
    two = {"data": {"sets": ["llss", "rhss"]}, "simulate": {"records": 60, "plateau_records": 5}}
    with pytest.raises(ValueError, match="data_set is not given: expected one of llss, rhss"):
        otfhpc.spectra(**two)
    with pytest.raises(ValueError, match="data_set is `llsf`: expected one of llss, rhss"):
        otfhpc.spectra(data_set="llsf", **two)
    assert otfhpc.spectra(data_set="RHSS", **two).data_set == "rhss"
    with pytest.raises(ValueError, match="noise is 1: expected 0 to 0"):
        otfhpc.spectra(noise=1)
    with pytest.raises(ValueError, match="trial is 2: expected 1 to 1"):
        otfhpc.spectra(trial=2)
    with pytest.raises(ValueError, match="source is not a folder"):
        otfhpc.spectra(method="wls")


def test_failed_units_are_a_warning_and_the_rest_is_there(folder):
    (folder / "fails.sh").write_text("#!/bin/sh\necho no answer >&2\nexit 3\n")
    with pytest.warns(otfhpc.FailedUnits, match="some units failed"):
        results = otfhpc.local(
            **SMALL,
            **{"fit.methods": ["wls", "mine"]},
            method=[{"name": "mine", "command": ["/bin/sh", "fails.sh"]}],
        )
    assert (results.fit(method="wls").status[1:41] == 0).all()
    assert "no answer" in results.table("failures")["reason"][0]


def test_an_interrupted_run_goes_on_where_it_was(folder):
    settings = "simulate={'records': 1200}, fit={'methods': ['nelder_mead']}, study={'trials': 400}"
    script = f"import otfhpc\nprint('begun', flush=True)\notfhpc.local(threads=1, {settings})\n"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    deadline = time.monotonic() + 60

    def kept():
        return sum(path.stat().st_size for path in folder.glob("results/journals/*.journal"))

    # Some units are done, and far more are left than any machine does meanwhile.
    while kept() < 20_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    status = otfhpc.Run("results").status()
    assert 0 < status["units_done"] < status["units"]
    assert status["counts"]["running"] == 0


def test_a_run_is_submitted_watched_and_merged(folder, monkeypatch):
    standins = ROOT / "tests/standins"
    if not standins.is_dir():
        pytest.skip("needs tests/standins of the project")
    slurm = folder / "slurm"
    slurm.mkdir()
    (slurm / "max-array-size").write_text("1000\n")
    (slurm / "jobs.txt").write_text("")
    monkeypatch.setenv("PATH", f"{standins}:{os.environ['PATH']}")
    monkeypatch.setenv("STANDIN", str(slurm))
    run = otfhpc.submit(shards=3, slurm={"partition": "short"}, sbatch=("--qos=high",), **SMALL)
    assert "--qos=high" in (slurm / "calls").read_text()
    assert run.status()["counts"]["waiting"] == 3
    assert not run.is_over
    with pytest.raises(TimeoutError, match=r"not over after 0.2 s; shards: .*'waiting': 3"):
        run.wait(timeout=0.2, every=0.1)
    with pytest.raises(otfhpc.IncompleteError) as caught:
        run.result()
    assert caught.value.code == 3
    for shard in range(3):
        otfhpc.command("run", run.path, "--shard", str(shard))
    (slurm / "jobs.txt").write_text("")
    results = run.wait(timeout=10, every=0.1).result()
    assert results.summary["totals"]["missing"] == 0
    alone = otfhpc.local(out="alone", **SMALL)
    assert np.array_equal(results.emissivity, alone.emissivity, equal_nan=True)


def test_what_is_missing_is_done_here(folder):
    otfhpc.command("plan", "--shards", "2", "--no-probe", *(f"--set={a}" for a in assignments(SMALL)))
    run = otfhpc.Run()
    assert run.is_over
    assert run.resume(local=True).result().summary["totals"]["missing"] == 0


def test_a_program_elsewhere_can_be_named(monkeypatch, tmp_path):
    elsewhere = tmp_path / "otfhpc"
    shutil.copy(otfhpc.executable(), elsewhere)
    monkeypatch.setenv("OTFHPC_EXECUTABLE", str(elsewhere))
    assert otfhpc.executable() == elsewhere
