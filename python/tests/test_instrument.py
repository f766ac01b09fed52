"""The instrument against independent values."""

import numpy as np
import pytest

import otfhpc

H, C, K = 6.62607015e-34, 299792458.0, 1.380649e-23


def test_planck_is_plancks_law():
    ghz, kelvin = np.linspace(10, 3000, 40), np.array([[1.5], [2.725], [20.0]])
    hertz = ghz * 1e9
    expected = 2 * H * hertz**3 / C**2 / np.expm1(H * hertz / K / kelvin) * 1e20
    found = otfhpc.planck(ghz, kelvin)
    assert found.shape == (3, 40)
    assert np.allclose(found, expected, rtol=1e-12)
    assert otfhpc.planck(0.0, 2.7) == 0
    assert np.isnan(otfhpc.planck(100.0, -1.0))


def test_planck_is_what_spectra_have(data):
    expected = otfhpc.planck(data.frequency_ghz[:, None], data.temperatures[:, None, :])
    # Spectra have them from a few exponentials, which rounds otherwise.
    np.testing.assert_allclose(data.planck, expected, rtol=2e-14, atol=0)


def test_the_axis_is_the_published_one():
    axis = otfhpc.axis("llss", 640)
    assert np.isclose(axis.frequency_ghz[5], 68.020812, rtol=1e-7)
    assert np.isclose(np.diff(axis.frequency_ghz)[0], 13.604, rtol=1e-4)
    assert axis.in_band.sum() == np.sum((axis.frequency_ghz >= 60) & (axis.frequency_ghz <= 640))
    with pytest.raises(ValueError, match="transform length 600 is not supported"):
        otfhpc.axis("llss", 600)
    with pytest.raises(ValueError, match="`llxx` is not a channel and scan mode"):
        otfhpc.axis("llxx")


def test_electronics_are_those_of_the_program():
    # NumPy, float64, as the tests of the program have it.
    found = otfhpc.electronics("llls", [0.0])
    assert found[0] == 0
    by_bin = otfhpc.electronics("llss")
    assert by_bin.shape == (257,)
    assert np.array_equal(by_bin, otfhpc.electronics("llss", otfhpc.axis("llss").audio_hz))
    # Eight adds per group, as lllf has.
    expected = -93.165939792710560 - 40.496719488149765j
    assert np.isclose(otfhpc.electronics("lllf", 1.0), expected, rtol=1e-13)


def test_the_bolometer_is_the_published_one():
    state = otfhpc.bolometer(1.372549, 2.065718, 1.5309418)
    assert np.isclose(state.temperature_k, 1.8121065, rtol=1e-6)
    assert np.isclose(state.responsivity, -1.9348202, rtol=1e-6)
    assert np.isclose(state.time_constant_s, 0.044690497, rtol=1e-6)
    omega = 2 * np.pi * 10.0
    expected = state.responsivity / (1 + 1j * omega * state.time_constant_s)
    assert np.isclose(state.response(10.0), expected, rtol=1e-14)


def test_states_are_broadcast_and_the_impossible_is_named():
    states = otfhpc.bolometer([[1.37], [1.38]], 2.0657, [1.53, 1.54, 1.55])
    assert states.temperature_k.shape == (2, 3)
    assert states.response(np.array([1.0, 2.0, 3.0])).shape == (2, 3)
    with pytest.raises(ValueError, match=r"element 1: the bolometer's bias \(V\) is -1"):
        otfhpc.bolometer([1.37, -1.0], 2.0657, 1.53)
    with pytest.raises(TypeError, match="volt_v cannot be made an array"):
        otfhpc.bolometer(1.37, "a", 1.53)
