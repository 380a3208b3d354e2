"""Windows and displaced starts: rasters are the data, curves are where theory is."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lt2f.dynamics import repeller, sensitivity
from lt2f.dynamics.codes import Branch, Regime
from lt2f.views import style
from lt2f.views.figures import which_minimum
from lt2f.views.which_minimum import BRANCHES
from lt2f.views.zooms import round_values

MU = 0.7


@pytest.fixture(scope="module")
def figure(window, displaced) -> Figure:
    return which_minimum(window, displaced, dpi=100)


def cells(figure: Figure, panel: int, rows: int, columns: int):
    """The middle pixel of every cell of a panel's image."""
    image = np.asarray(figure.axes[panel].images[0].get_array())
    up, across = (
        ((np.arange(n) + 0.5) * pixels / n).astype(int)
        for n, pixels in zip((rows, columns), image.shape, strict=False)
    )
    return image[np.ix_(up, across)]


def test_the_lower_panel_shows_the_branch_of_every_cell(figure, window):
    branch = window["branch"].transpose("b", "a").values
    regime = window["regime"].transpose("b", "a").values
    shown = cells(figure, 1, *branch.shape)
    expected = style.palette()[regime]
    for code in (Branch.POSITIVE, Branch.NEGATIVE):
        expected[branch == code] = np.round(255 * np.array(to_rgb(BRANCHES[code])))
    np.testing.assert_array_equal(shown, expected)


def test_the_upper_panel_shows_the_sign_of_the_final_imbalance(figure, window):
    values = window["imbalance_final"].transpose("b", "a").values
    shown = cells(figure, 0, *values.shape).astype(int)
    clear = np.abs(values) > 0.1  # NaN is not
    assert clear.sum() > 1000
    np.testing.assert_array_equal(
        np.sign(shown[clear, 0] - shown[clear, 2]), -np.sign(values[clear])
    )
    gone = window["regime"].transpose("b", "a").values == Regime.DIVERGENT
    assert (np.ptp(shown[gone], axis=1) == 0).all()


def test_the_colours_differ_in_lightness_for_every_eye():
    # Rec. 709 luma; colour blindness keeps it nearly
    light = [np.dot([0.2126, 0.7152, 0.0722], to_rgb(colour)) for colour in BRANCHES.values()]
    assert abs(light[0] - light[1]) > 0.3


def test_curves_are_the_minima_and_the_ellipse(figure):
    minima, ellipse = (c for c in figure.axes[1].collections if isinstance(c, ContourSet))
    for curve, of in (
        (minima, lambda a, b: a * b - MU),
        (ellipse, lambda a, b: a * a + b * b - MU * a * b - 4 + MU * MU),
    ):
        a, b = np.vstack(curve.allsegs[0]).T
        # linear between points 4.9/300 apart: an eighth of the square of that times the bend, 2
        assert np.abs(of(a, b)).max() < 2.5 * (4.9 / 300) ** 2
    assert not any(isinstance(c, PathCollection) for c in figure.axes[1].collections)


def test_a_narrow_window_is_framed_in_the_wide_one(window):
    narrow = window.isel(a=slice(20, 40), b=slice(30, 50))
    figure = which_minimum(window, narrow, dpi=80)
    (frame,) = (p for p in figure.axes[0].patches if isinstance(p, Rectangle))
    low = narrow["a"].values[0] - 0.035
    assert frame.get_x() == pytest.approx(low)
    assert frame.get_width() == pytest.approx(20 * 0.07)
    assert not figure.axes[3].patches
    beyond = window.isel(a=slice(55, 70), b=slice(30, 50))
    beyond = beyond.assign_coords(a=beyond["a"] + 0.4)  # its middle is in the window, not its end
    figure = which_minimum(window, beyond, dpi=80)
    assert len(figure.axes[0].patches) == 1
    assert figure.axes[0].get_xlim() == pytest.approx((-2.485, 2.415))


def test_shares_of_displaced_starts_and_both_slopes(figure, displaced):
    axes = figure.axes[-1]
    (bars,) = axes.containers
    eps, f = bars.lines[0].get_data()
    labels = displaced["branch"].transpose("a", "b", "perturbation").values
    np.testing.assert_array_equal(eps, displaced["perturbation"].values[1:])
    both = (labels[..., 1:] > 0) & (labels[..., :1] > 0)
    changed = both & (labels[..., 1:] != labels[..., :1])
    assert both.sum() < both.size  # some diverge
    np.testing.assert_allclose(f, changed.sum(axis=(0, 1)) / both.sum(axis=(0, 1)))
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    fit = sensitivity.uncertainty_exponent(
        sensitivity.uncertain_fractions(labels, displaced["perturbation"].values, absent=0)
    )
    assert any(f"{fit.value:.3f}" in text and f"{fit.error:.3f}" in text for text in words)
    predicted = next(line for line in axes.lines if "kappa" in str(line.get_label()))
    x, y = np.log(predicted.get_data())
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    assert slope == pytest.approx(repeller.uncertainty_exponent(MU).value, rel=1e-12)


def test_displaced_starts_alone(displaced):
    figure = which_minimum(displaced, dpi=80)
    assert len(figure.axes) == 1
    assert "$\\mu$ = 0.7" in figure.axes[0].texts[-1].get_text()


def test_displacements_too_few_for_a_slope(displaced):
    some = displaced.isel(perturbation=slice(0, 2))
    (axes,) = which_minimum(some, dpi=80).axes
    assert len(axes.get_legend().get_texts()) == 1


def test_beyond_one_and_under_noise_no_theory_is_drawn(make_map):
    few = {"a": {"start": -2, "step": 0.5, "num": 9}, "b": {"start": -2, "step": 0.5, "num": 9}}
    noise = {"model": "multiplicative"}
    data: xr.Dataset = make_map(few, {"mu": 0.6, "noise": 0.1}, noise=noise, record=["branch"])
    figure = which_minimum(data, dpi=60)
    assert not figure.axes[0].collections
    mus = {"mu": {"values": [0.5, 1.2]}}
    figure = which_minimum(make_map({**mus, **few}, {}, record=["branch"]), dpi=60)
    assert len(figure.axes) == 2


def test_one_step_size_is_said_once(window, displaced):
    figure = which_minimum(window, displaced, dpi=80)
    said = [axes.get_title() + axes.get_title(loc="left") for axes in figure.axes]
    said += [t.get_text() for axes in figure.axes for t in axes.texts]
    legend = figure.axes[-1].get_legend().get_texts()
    said += [text.get_text() for text in legend]
    assert sum("$\\mu$ = 0.7" in words for words in said) == 1
    assert any("escape rate" in text.get_text() for text in legend)


def test_every_window_has_two_ticks_an_axis_outside_it(window):
    narrow = window.isel(a=slice(20, 31), b=slice(30, 41))
    narrow = narrow.assign_coords(a=1.195 + 1e-3 * np.arange(11), b=1.961 + 1e-3 * np.arange(11))
    figure = which_minimum(window, narrow, dpi=80)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes in figure.axes[0], figure.axes[1], figure.axes[3], figure.axes[4]:
        assert len(axes.get_xticks()) >= 2
        assert len(axes.get_yticks()) >= 2
        left = axes.get_window_extent().x0
        for text in axes.get_yticklabels():
            assert text.get_window_extent(renderer).x1 <= left


@given(low=st.floats(-3, 3), size=st.floats(1e-7, 5))
def test_round_values_are_two_or_three_inside(low, size):
    values = round_values(low, low + size)
    assert len(values) in (2, 3)
    assert all(low < value < low + size for value in values)


def key(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_key_names_the_curves_that_are_there(window, figure):
    assert any("minima" in words for words in key(figure))
    corner = window.isel(a=slice(60, 70), b=slice(60, 70))  # beyond ellipse and minima
    assert not any("minima" in words or "ellipse" in words for words in key(which_minimum(corner)))


def test_cells_on_their_way_are_white_and_counted(window):
    slow = window.copy(deep=True)
    a, b = np.argwhere(window["branch"].transpose("a", "b").values != 0)[100]
    slow["branch"].loc[{"a": slow["a"][a], "b": slow["b"][b]}] = 0
    assert slow["regime"].isel(a=a, b=b) in (Regime.MONOTONE, Regime.CATAPULT)
    figure = which_minimum(slow, dpi=100)
    assert (cells(figure, 1, 70, 70)[b, a] == 255).all()
    assert "not yet at a minimum (1 cell)" in key(figure)
    assert not any("catapult" in words or "monotone" in words for words in key(figure))
