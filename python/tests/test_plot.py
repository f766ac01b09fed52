"""Figures show what they say."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

import otfhpc


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_emissivities_of_a_run_have_their_truth(run):
    ax = otfhpc.plot.emissivity(run)
    assert ax.get_xlabel() == "frequency (GHz)"
    drawn = ax.get_legend_handles_labels()[1]
    assert drawn == ["real part", "imaginary part"]
    values, truth = (line.get_ydata() for line in ax.lines[:2])
    found, band = run.fit(0), run["in_band"].astype(bool)
    chosen = band & (found.status == 0)
    assert np.array_equal(values, found.emissivity[chosen, 0].real)
    assert np.array_equal(truth, run.truth[0][chosen, 0].real)


def test_figures_of_fits(data):
    one, other = otfhpc.fit(data), otfhpc.fit(data, method="huber")
    figure, axes = plt.subplots(2, 3)
    assert otfhpc.plot.emissivity(one, "ical", ax=axes[0, 0]) is axes[0, 0]
    otfhpc.plot.errors(one, ax=axes[0, 1])
    otfhpc.plot.residuals(one, data, ax=axes[0, 2])
    otfhpc.plot.compare(one, other, ax=axes[1, 0])
    otfhpc.plot.spectrum(data, [0, 5], ax=axes[1, 1])
    figure.canvas.draw()
    assert len(axes[0, 1].lines) == len(one.emitters) + 1
    rest = axes[0, 2].collections[0].get_array()
    assert 0.9 < rest.std() < 1.1
    with pytest.raises(ValueError, match="no emitter 'moon'; there are xcal"):
        otfhpc.plot.emissivity(one, "moon")
