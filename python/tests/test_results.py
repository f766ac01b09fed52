"""What a run leaves, as it is read."""

import numpy as np
import pytest
from conftest import METHODS

import otfhpc


def test_arrays_have_names_axes_and_units(run):
    archive = np.load(run.path / "solution.npz")
    assert set(run) == set(archive.files)
    for name, axes in run.axes.items():
        assert len(axes) == run[name].ndim, name
        assert np.array_equal(run[name], archive[name], equal_nan=archive[name].dtype.kind in "fc")
    assert set(run.axes) == set(archive.files), "every array has a label"
    assert run.units["emissivity"] == "1"
    assert run.emitters[0] == "xcal"
    with pytest.raises(KeyError, match="has no 'sigmas'; it has emissivity"):
        run["sigmas"]


def test_nothing_is_read_before_it_is_asked_for(run):
    results = otfhpc.load(run.path)
    assert not results._read
    assert results.sigma.shape == results.emissivity.shape
    assert set(results._read) == {"sigma", "emissivity"}
    assert results.sigma is results.sigma


def test_configurations_are_found_by_what_they_are(run):
    assert len(run.configurations) == 2 * len(METHODS)
    place = run.find(method="huber+kirchhoff")
    assert run["configurations"][place].startswith("llss huber+kirchhoff")
    with pytest.raises(ValueError, match="no configuration is method nothing"):
        run.find(method="nothing")
    with pytest.raises(ValueError, match="several configurations are data_set llss"):
        run.find(data_set="llss")
    assert run.find(data_set="llss", first=True) == 0


def test_tables_have_typed_columns(run):
    errors = run.table("errors")
    assert errors["configuration"].dtype.kind == "i"
    assert errors["rmse"].dtype.kind == "f"
    assert errors["emitter"].dtype.kind == "U"
    assert run.table("records")["used"].dtype.kind == "b"
    assert len(errors.rows) == len(errors["rmse"]) == 7 * len(run.configurations)
    assert {"configurations", "errors", "records", "summary"} <= set(run.tables)
    with pytest.raises(KeyError, match="no table 'nothing'; it has configurations"):
        run.table("nothing")
    with pytest.raises(KeyError, match="no column 'nothing'"):
        errors["nothing"]


def test_xarray_and_pandas_have_all_of_it(run):
    labelled = run.to_xarray()
    assert labelled.emissivity.dims == ("configuration", "bin", "emitter")
    one = labelled.emissivity.sel(configuration=run["configurations"][0], emitter="xcal")
    assert np.array_equal(one, run.emissivity[0, :, 0], equal_nan=True)
    assert labelled.frequency_ghz.attrs["units"] == "GHz"
    assert labelled.truth.dims == ("data_set", "bin", "emitter")
    frame = run.to_pandas()
    assert len(frame) == np.isfinite(run.emissivity).sum()
    assert (run.to_pandas("errors").columns == list(run.table("errors"))).all()


def test_several_data_sets_have_axes_of_their_own(tmp_path):
    settings = {
        "data": {"sets": ["llss", "rhss"]},
        "simulate": {"records": 60, "plateau_records": 5},
    }
    results = otfhpc.local(
        out=tmp_path / "two", **settings, fit={"methods": "wls", "constraint": "kirchhoff"}
    )
    assert results.frequency_ghz.shape == (2, 257)
    assert results.axes["frequency_ghz"] == ("data_set", "bin")
    assert results.to_xarray().frequency_ghz.dims == ("data_set", "bin")
    high = results.fit(data_set="rhss")
    assert np.array_equal(high.frequency_ghz, otfhpc.axis("rhss").frequency_ghz)
    frame = results.to_pandas()
    of_high = frame[(frame.data_set == "rhss") & (frame.bin == 20)]
    assert np.allclose(of_high.frequency_ghz, high.frequency_ghz[20])
    spectra = otfhpc.spectra(tmp_path / "two", data_set="rhss", method="wls")
    assert spectra.data_set == "rhss"


def test_a_joint_fit_has_its_parameters(tmp_path):
    results = otfhpc.local(
        "joint",
        out=tmp_path / "joint",
        simulate={"records": 200},
        study={"trials": 1},
        fit={"bins": "5-20"},
    )
    assert "bolometer_r0" in results.table("parameters")["parameter"]
    assert results["parameter_covariance"].shape[1:] == 2 * results["parameter_names"].shape[1:]
    assert results.fit(method="joint").covariance.shape == (257, 7, 7)
    assert set(results.axes) == set(results)
    assert results.to_xarray().parameter_covariance.dims[1:] == ("parameter", "other_parameter")


def test_spectra_of_a_run_are_those_of_its_fit(run, data):
    shown = otfhpc.spectra(run.path, method="wls")
    assert np.array_equal(shown.spectrum, data.spectrum, equal_nan=True)
    assert np.array_equal(shown.planck, data.planck)
    assert np.array_equal(shown.blocked, data.blocked | ~data.planck.any(axis=(0, 2)))
    assert shown.scale == data.scale
    found = otfhpc.fit(shown)
    assert np.array_equal(found.emissivity, run.fit(method="wls").emissivity[data.bins], equal_nan=True)
    lit = found.status == 0
    assert np.allclose(shown.residual[:, lit], found.residual(shown)[:, lit], atol=1e-6)
    with pytest.raises(ValueError, match="leave out config and settings"):
        otfhpc.spectra(run.path, data={"sigma": 1})


def test_what_is_no_result_says_what_it_is(tmp_path):
    with pytest.raises(otfhpc.OtfhpcError, match="is no folder: expected the results of a run"):
        otfhpc.load(tmp_path / "nothing")
    with pytest.raises(otfhpc.OtfhpcError, match=r"has no plan.json"):
        otfhpc.load(tmp_path)
    otfhpc.command("plan", "--out", tmp_path / "planned", "--no-probe")
    with pytest.raises(otfhpc.OtfhpcError, match="is not merged yet"):
        otfhpc.load(tmp_path / "planned")
