"""Fits of arrays: the values of the program, whatever the arrays' layout."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import METHODS, SMALL

import otfhpc

ARRAYS = ("emissivity", "sigma", "status", "condition", "rss")


def same(one: otfhpc.Fit, other: otfhpc.Fit) -> bool:
    pairs = ((getattr(one, name), getattr(other, name)) for name in ARRAYS)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


@pytest.mark.parametrize("constraint", ["none", "kirchhoff"])
@pytest.mark.parametrize("method", METHODS)
def test_values_are_those_of_the_program_to_the_last_bit(data, run, method, constraint):
    label = method if constraint == "none" else f"{method}+{constraint}"
    expected = run.fit(method=label)
    found = otfhpc.fit(data, method=method, constraint=constraint)
    chosen = data.bins
    for name in ARRAYS:
        ours, theirs = getattr(found, name), getattr(expected, name)[chosen]
        assert np.array_equal(ours, theirs, equal_nan=True), name
    assert expected.constraint == constraint


def unaligned(array):
    raw = np.empty(array.nbytes + 1, np.uint8)[1:]
    made = raw.view(array.dtype).reshape(array.shape)
    made[...] = array
    assert not made.flags.aligned
    return made


def field(array):
    """A view whose strides are no whole number of elements."""
    records = np.zeros(array.shape, [("flag", "i1"), ("value", array.dtype)])
    records["value"] = array
    return records["value"]


def spread(array):
    wide = np.full(tuple(2 * n for n in array.shape), np.nan, array.dtype)
    every_second = tuple(slice(None, None, 2) for _ in array.shape)
    wide[every_second] = array
    return wide[every_second]


LAYOUTS = {
    "c": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "negative": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "all_negative": lambda a: np.flip(np.ascontiguousarray(np.flip(a))),
    "spread": spread,
    "other_byte_order": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": unaligned,
    "field": field,
    "read_only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same_bits(problem, layout):
    spectrum, planck, variance, _ = problem
    lay = LAYOUTS[layout]
    expected = otfhpc.fit(spectrum, planck, variance, covariance=True)
    found = otfhpc.fit(lay(spectrum), lay(planck), lay(variance), covariance=True)
    assert same(expected, found)
    assert np.array_equal(expected.covariance, found.covariance)


def test_the_truth_is_found_within_the_error_bars(problem):
    spectrum, planck, variance, truth = problem
    found = otfhpc.fit(spectrum, planck, variance)
    off = np.abs(found.emissivity - truth) / found.sigma
    assert off.max() < 4
    assert 0.5 < np.sqrt(np.mean(off**2)) < 1.5
    assert np.all(np.abs(found.rss / 57 - 1) < 0.5)


def test_without_noise_the_truth_is_found(problem):
    _, planck, _, truth = problem
    found = otfhpc.fit(np.einsum("jbi,bi->jb", planck, truth), planck)
    assert np.allclose(found.emissivity, truth, rtol=1e-11)


def test_least_squares_are_those_of_numpy(problem):
    spectrum, planck, variance, _ = problem
    found = otfhpc.fit(spectrum, planck, variance, covariance=True)
    for b in range(5):
        root = 1 / np.sqrt(variance[:, b])
        design = planck[:, b] * root[:, None]
        expected = np.linalg.lstsq(design.astype(complex), spectrum[:, b] * root, rcond=None)[0]
        assert np.allclose(found.emissivity[b], expected, rtol=1e-10)
        covariance = np.linalg.inv(design.T @ design)
        assert np.allclose(found.covariance[b], covariance, rtol=1e-9)
        assert np.allclose(found.sigma[b], np.sqrt(np.diag(covariance)), rtol=1e-9)


def test_variances_may_be_a_number_one_a_record_or_all(problem):
    spectrum, planck, _, _ = problem
    number = otfhpc.fit(spectrum, planck, 0.5)
    assert same(number, otfhpc.fit(spectrum, planck, np.full(60, 0.5)))
    assert same(number, otfhpc.fit(spectrum, planck, np.full((60, 5), 0.5)))
    # Without any, only the residuals say how large the noise is.
    free = otfhpc.fit(spectrum, planck)
    assert np.allclose(free.emissivity, number.emissivity)
    assert np.allclose(free.sigma, otfhpc.fit(spectrum, planck, 7.0, scale="relative").sigma)


def test_one_bin_needs_no_axis_of_bins(problem):
    spectrum, planck, variance, _ = problem
    alone = otfhpc.fit(spectrum[:, 2], planck[:, 2], variance[:, 2:3])
    assert np.array_equal(alone.emissivity[0], otfhpc.fit(*problem[:3]).emissivity[2])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_no_bit(data, threads):
    assert same(otfhpc.fit(data, method="huber"), otfhpc.fit(data, method="huber", threads=threads))


def test_emissivities_sum_to_zero_under_the_constraint(data):
    found = otfhpc.fit(data, constraint="kirchhoff")
    sums = np.abs(found.emissivity.sum(axis=1))[found.status == 0]
    assert sums.max() < 1e-12 * np.nanmax(np.abs(found.emissivity))


def test_bins_without_signal_are_told_apart_from_failures(problem):
    spectrum, planck, variance, _ = problem
    planck = planck.copy()
    planck[:, 0] = 0
    planck[:, 1, 2] = planck[:, 1, 1]
    blocked = np.array([False, False, True, False, False])
    found = otfhpc.fit(spectrum, planck, variance, blocked=blocked)
    assert [otfhpc.STATUS[int(code)] for code in found.status] == [
        "no signal",
        "failed",
        "no signal",
        "converged",
        "converged",
    ]
    assert found.reason[1]
    assert not found.reason[0]
    assert np.isnan(found.emissivity[:3]).all()


def test_options_are_those_of_the_method(data):
    narrow = otfhpc.fit(data, method="map", options={"relative_width": 1e-8, "floor": 1e-8})
    known = (narrow.status == 0) & data.model.any(axis=1)
    assert known.sum() > 20
    assert np.allclose(narrow.emissivity[known], data.model[known], rtol=1e-2)
    usual = otfhpc.fit(data, method="map")
    assert not np.allclose(usual.emissivity[known], data.model[known], rtol=1e-2)
    with pytest.raises(ValueError, match=r"there is no option `width`.*relative_width, floor"):
        otfhpc.fit(data, method="map", options={"width": 1})
    with pytest.raises(ValueError, match=r"`floor` is 2: expected 0.00000001 to 1"):
        otfhpc.fit(data, method="map", options={"floor": 2})


def test_wrong_arguments_are_named_with_what_was_expected(problem):
    spectrum, planck, variance, _ = problem
    for wrong, error, message in [
        (
            {"planck": planck[:, :4]},
            ValueError,
            r"planck has the shape \(60, 4, 3\): expected \(60, 5, 3\) \[record 60, bin 5, emitter 3\]",
        ),
        ({"planck": planck[:, 0]}, ValueError, r"planck has the shape \(60, 3\): expected 3 axes"),
        (
            {"spectrum": spectrum[None]},
            ValueError,
            r"spectrum has the shape \(1, 60, 5\): expected 2 axes \[record, bin\]",
        ),
        (
            {"variance": variance.T},
            ValueError,
            r"variance has the shape \(5, 60\): expected \(60, 5\)",
        ),
        ({"variance": spectrum}, TypeError, "variance is complex: expected real numbers"),
        ({"planck": None}, TypeError, "planck is missing"),
        ({"planck": "x"}, TypeError, "planck cannot be made an array of float64"),
        (
            {"spectrum": spectrum[:0], "planck": planck[:0], "variance": 1.0},
            ValueError,
            "at least one record",
        ),
        (
            {"method": "wlss"},
            ValueError,
            r"there is no method `wlss`; did you mean wls\?; otfhpc.fit has ols, wls",
        ),
        ({"method": "joint"}, ValueError, "otfhpc.local"),
        ({"constraint": "kirchoff"}, ValueError, "`none` or `kirchhoff`"),
        ({"method": "tls"}, ValueError, "method 'tls' needs temperatures"),
        ({"method": "map"}, ValueError, "method 'map' needs model"),
        ({"method": "plateau"}, ValueError, "method 'plateau' needs plateau"),
        ({"plateau": np.arange(60)[::-1]}, ValueError, "plateau is not ascending"),
        ({"plateau": np.linspace(0, 1, 60)}, TypeError, "plateau is an array of float64"),
        ({"bins": [4, 3, 2, 1, 0]}, ValueError, "bins are not ascending"),
        ({"bins": [1, 2]}, ValueError, r"bins has the shape \(2,\): expected \(5,\) \[bin 5\]"),
        ({"emitters": ["a", "b"]}, ValueError, "expected 3 names"),
        ({"scale": "abs"}, ValueError, "expected 'absolute' or 'relative'"),
        ({"threads": 0}, ValueError, "threads is 0: expected 1 to 1024"),
        ({"unit_seconds": -1.0}, ValueError, "unit_seconds"),
    ]:
        given = {"spectrum": spectrum, "planck": planck, "variance": variance} | wrong
        with pytest.raises(error, match=message):
            otfhpc.fit(**given)


def test_nonsense_in_the_data_is_a_failure_of_its_bin_alone(problem):
    spectrum, planck, variance, _ = problem
    expected = otfhpc.fit(spectrum, planck, variance)
    spectrum, variance = spectrum.copy(), variance.copy()
    spectrum[3, 1] = np.nan
    variance[5, 3] = -1.0
    found = otfhpc.fit(spectrum, planck, variance)
    assert [otfhpc.STATUS[int(code)] for code in found.status] == [
        "converged",
        "failed",
        "converged",
        "failed",
        "converged",
    ]
    assert found.reason[1]
    assert found.reason[3]
    for b in (0, 2, 4):
        assert np.array_equal(found.emissivity[b], expected.emissivity[b])


def large(records=2400):
    settings = {"simulate": {"records": records}, "fit.bins": "1-256"}
    return otfhpc.spectra(**settings)


def test_an_interrupt_stops_a_fit_soon():
    data = large(6000)

    def ring(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    try:
        # Long before the iterations would be done, which take a second.
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            otfhpc.fit(data, method="tls", threads=1)
        assert time.monotonic() - start < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    # Nothing is left over: the next fit is as any other.
    assert otfhpc.fit(data).status.max() == 0


MEMORY = """
import resource
import numpy as np
import otfhpc

shape = (4000, 257, 7)
planck = np.random.default_rng(1).uniform(1.0, 3.0, shape)
spectrum = planck.sum(axis=2) + 0j
variance = np.ones(shape[:2])
otfhpc.fit(spectrum[:, :4], planck[:, :4], variance[:, :4], threads=2)
most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = most()
otfhpc.fit(spectrum, planck, variance, threads=2)
print((most() - before) / (spectrum.nbytes + planck.nbytes + variance.nbytes))
"""


def test_a_fit_of_any_arrays_copies_no_more_than_a_bin_for_each_thread():
    ran = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 0.1


def test_other_python_threads_go_on_during_a_fit(data):
    big = large(1200)
    ticks, over = 0, threading.Event()

    def count():
        nonlocal ticks
        while not over.is_set():
            ticks += 1
            time.sleep(0.001)

    counting = threading.Thread(target=count)
    counting.start()
    start = time.monotonic()
    otfhpc.fit(big, method="tls", threads=1)
    took = time.monotonic() - start
    over.set()
    counting.join()
    assert ticks > 100 * took


def test_fits_of_several_python_threads_do_not_mix(problem):
    spectrum, planck, variance, _ = problem
    expected = otfhpc.fit(spectrum, planck, variance)
    found = [None] * 8

    def one(place):
        found[place] = otfhpc.fit(spectrum, planck, variance, threads=2)

    threads = [threading.Thread(target=one, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(expected, fit) for fit in found)


def test_a_fit_converts_to_xarray_and_pandas(data):
    found = otfhpc.fit(data, covariance=True)
    labelled = found.to_xarray()
    assert labelled.emissivity.dims == ("bin", "emitter")
    assert labelled.emissivity.attrs["units"] == "1"
    assert labelled.covariance.dims == ("bin", "emitter", "other_emitter")
    otf = labelled.emissivity.sel(emitter="xcal", bin=20)
    assert complex(otf) == found.emissivity[20, 0]
    frame = found.to_pandas()
    assert frame.loc[(20, "xcal"), "emissivity"] == found.emissivity[20, 0]
    assert frame.loc[(0, "xcal"), "status"] == "no signal"
    assert otfhpc.fit(data, method="ols").units["rss"] == "(MJy/sr)^2"
    assert found.units["rss"] == "variances"


def test_residuals_are_what_is_left(data):
    found = otfhpc.fit(data)
    rest = found.residual(data)
    assert np.array_equal(rest, found.residual(data.spectrum, data.planck), equal_nan=True)
    chi2 = np.sum(np.abs(rest) ** 2 / data.variance, axis=0)
    lit = found.status == 0
    assert np.allclose(chi2[lit], found.rss[lit], rtol=1e-6)


def test_the_environment_says_how_many_threads(data, monkeypatch):
    monkeypatch.setenv("OTFHPC_THREADS", "many")
    with pytest.raises(ValueError, match="OTFHPC_THREADS is `many`: expected a number of threads"):
        otfhpc.fit(data)
    assert SMALL
