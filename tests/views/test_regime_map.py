"""Regime maps: the raster is the data, and every line over it is where theory puts it."""

import json
from fractions import Fraction

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import Regime
from lt2f.views import annotate, raster, style
from lt2f.views.figures import regime_map

PRODUCT = Fraction(11, 100)


@pytest.fixture(scope="module")
def figure(regimes: xr.Dataset) -> Figure:
    return regime_map(regimes)


def curves(figure: Figure) -> list[NDArray[np.float64]]:
    """Vertices of the boundaries: of the ellipse, then of the first step."""
    collections = [c for c in figure.axes[0].collections if isinstance(c, Collection)]
    return [np.asarray(collection.get_paths()[0].vertices) for collection in collections]


def words(figure: Figure) -> set[str]:
    return {text.get_text() for text in (*figure.axes[0].texts, *figure.texts)}


# The raster


def assert_cells(pixels: NDArray[np.uint8], codes: NDArray[np.uint8]) -> None:
    """Every pixel of every cell has the colour of its regime: codes is (other, mu)."""
    rows, columns = (n // m for n, m in zip(pixels.shape, codes.shape, strict=False))
    assert pixels.shape == (rows * codes.shape[0], columns * codes.shape[1], 3)
    for row in range(rows):
        for column in range(columns):
            np.testing.assert_array_equal(
                pixels[row::rows, column::columns], style.palette()[codes]
            )


def test_every_pixel_of_a_cell_has_the_colour_of_its_regime(figure, regimes, panel_pixels):
    assert_cells(panel_pixels(figure, 0), regimes["regime"].values.T)


@pytest.mark.parametrize(
    ("mu", "other"),
    [
        ({"start": 0.3, "step": 0.01, "num": 7}, {"values": [0.0, 0.5, 1.0, 2.0]}),
        ({"values": [0.1, 0.5, 1.2, 1.9]}, {"start": 0.0, "step": 0.005, "num": 900}),
        ({"start": 0.01, "step": 0.0015, "num": 1301}, {"values": [1.0]}),
    ],
    ids=["uneven rows", "uneven columns, tall", "more cells than pixels"],
)
@pytest.mark.parametrize("order", ["mu first", "mu last"])
def test_any_shape_of_grid_is_drawn_cell_by_cell(make_map, panel_pixels, mu, other, order):
    axes = {"mu": mu, "imbalance": other}
    if order == "mu last":
        axes = dict(reversed(axes.items()))
    dataset = make_map(axes, {"product": 0.11}, record=["regime"])
    drawn = regime_map(dataset, dpi=80)
    assert_cells(panel_pixels(drawn, 0), dataset["regime"].transpose("imbalance", "mu").values)
    assert 5 < drawn.get_figwidth() < 6.7


def test_grids_beyond_all_screens_are_thinned_and_say_so(regimes, panel_pixels, monkeypatch):
    monkeypatch.setattr(raster, "MOST", 20)
    figure = regime_map(regimes)
    assert_cells(panel_pixels(figure, 0), regimes["regime"].values.T[::3, ::3])
    assert any("one mu in 3 and one imbalance in 3" in text for text in words(figure))


# Boundaries. For the start (imbalance d, product p): S^2 = d^2 + 4p^2, e = p - mu.


def bounded(mu: Fraction, imbalance: Fraction) -> bool:
    """S < 4 + mu e, without rounding."""
    side = 4 + mu * (PRODUCT - mu)
    return side > 0 and imbalance**2 + 4 * PRODUCT**2 < side**2


def test_the_ellipse_passes_between_bounded_and_unbounded_cells(figure, regimes):
    ellipse = curves(figure)[0]
    order = np.argsort(ellipse[:, 0])
    for mu, column in zip(regimes["mu"].values, regimes["regime"].values, strict=True):
        if mu >= 2:
            continue
        edge = np.interp(mu, *ellipse[order].T)
        for imbalance, code in zip(regimes["imbalance"].values, column, strict=True):
            inside = bounded(Fraction(f"{mu:.6f}"), Fraction(f"{imbalance:.6f}"))
            assert inside == (imbalance < edge)
            assert inside == (code != Regime.DIVERGENT)


def test_the_ellipse_is_where_its_equation_puts_it(figure):
    mu, imbalance = curves(figure)[0].T
    p = float(PRODUCT)
    # Linear between points 0.0036 apart: the error of h is some 0.0036^2/4, and in the imbalance,
    # of which h has the slope d/S, as much once d is not small.
    exact = np.sqrt((4 + mu * (p - mu)) ** 2 - 4 * p * p)
    np.testing.assert_allclose(imbalance[exact > 0.5], exact[exact > 0.5], atol=2e-5)


def test_above_the_dashed_line_the_first_step_raises_the_loss(figure, regimes):
    mu, imbalance = curves(figure)[1].T
    p = float(PRODUCT)
    # S = 2 + mu e + e^2 = 2 - mu p + p^2
    exact = np.sqrt((2 - mu * p + p * p) ** 2 - 4 * p * p)
    np.testing.assert_allclose(imbalance, exact, atol=2e-5)
    assert mu.max() <= 1
    sharpness = np.hypot(regimes["imbalance"], 2 * p)
    above = (sharpness > 2 - p * regimes["mu"] + p * p).transpose("mu", "imbalance").values
    convergent = np.isin(regimes["regime"].values, [Regime.MONOTONE, Regime.CATAPULT])
    assert set(regimes["regime"].values[above & convergent]) == {Regime.CATAPULT}


@pytest.mark.parametrize(
    ("other", "fixed"),
    [
        ("product", {"imbalance": 0.5}),
        ("product", {"imbalance": -2.0}),
        ("a", {"b": 0.8}),
        ("b", {"a": -1.5}),
    ],
)
def test_the_ellipse_over_any_other_coordinate(make_map, other, fixed):
    axes = {
        "mu": {"start": 0.05, "step": 0.05, "num": 43},
        other: {"start": -3.06, "step": 0.2, "num": 40},
    }
    dataset = make_map(axes, fixed, record=["regime"])
    mu, x = curves(regime_map(dataset))[0].T
    if other == "product":
        # (4 - mu^2)(4 - e^2) = d^2
        h = fixed["imbalance"] ** 2 - (4 - mu**2) * (4 - (x - mu) ** 2)
        last = np.sqrt(4 - fixed["imbalance"] ** 2 / 4)  # where e = 0
    else:
        y = next(iter(fixed.values()))
        h = x * x + y * y - mu * x * y - 4 + mu * mu
        last = 2
    # Linear between points 0.014 apart: 0.014^2/8 times second derivatives of up to 8, and for the
    # first h times S + 4 + mu e on top, up to 20.
    np.testing.assert_allclose(h, 0, atol=2e-4 * (20 if other == "product" else 1))
    assert mu.min() < 0.1
    assert mu.max() == pytest.approx(last, abs=0.01)  # the curve is upright there


# Thresholds


def leaders(figure: Figure) -> dict[str, float]:
    """Where the line below each threshold's name meets the panel, in mu."""
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    lines = [line for line in axes.lines if not line.get_clip_on()]
    ends = [low + (high - low) * line.get_xdata()[0] for line in lines]
    named = {line.get_xdata()[-1]: end for line, end in zip(lines, ends, strict=True)}
    return {
        text.get_text(): named[text.get_position()[0]]
        for text in axes.texts
        if text.get_position()[0] in named
    }


def test_every_threshold_of_the_plane_is_named_at_its_place(figure):
    expected = {annotate.short(row): row.mu for row in thresholds.table() if 1 <= row.mu <= 2.175}
    assert len(expected) >= 7
    assert leaders(figure) == pytest.approx(expected, abs=1e-9)


def test_thresholds_cross_the_map_only_where_starts_are_bounded(figure):
    lines = [line for line in figure.axes[0].lines if line.get_clip_on()]
    drawn = {float(line.get_xdata()[0]): line.get_ydata() for line in lines}
    assert set(drawn) == {row.mu for row in thresholds.table() if row.mu >= 1}
    for mu, y in drawn.items():
        seen = np.isfinite(y)
        edge = np.sqrt(max(0, (4 + mu * (0.11 - mu)) ** 2 - 4 * 0.11**2))
        # Up to the edge but for a step between points.
        assert np.abs(y[seen]).max(initial=0) == pytest.approx(edge, abs=0.01)


def test_no_thresholds_where_there_are_none(make_map):
    axes = {"mu": {"values": [0.1, 0.2, 0.9]}, "imbalance": {"values": [0.1, 0.3]}}
    figure = regime_map(make_map(axes, {"product": 0.11}, record=["regime"]))
    assert leaders(figure) == {}


# Words


def test_every_regime_is_named_and_so_is_what_is_fixed(figure, regimes):
    legend = figure.axes[0].get_legend()
    named = words(figure) | {text.get_text() for text in (legend.get_texts() if legend else [])}
    for code in np.unique(regimes["regime"]):
        assert any(text.startswith(style.WORDS[Regime(code)]) for text in named)
    assert "Regimes of training, $a_0b_0$ = 0.11" in named
    assert figure.axes[0].get_xlabel() == "effective step size $\\mu$"
    assert figure.axes[0].get_ylabel() == "imbalance of the start $a_0^2-b_0^2$"


def test_names_lie_in_their_regions(figure, regimes):
    axes = figure.axes[0]
    for text in axes.texts:
        names = [code for code in Regime if style.WORDS[code] == text.get_text()]
        if names:
            x, y = axes.transData.inverted().transform(
                axes.transAxes.transform(text.get_position())
            )
            cell = regimes["regime"].sel(mu=x, imbalance=y, method="nearest")
            assert cell.item() == names[0]


def test_undecided_cells_are_counted_in_the_key(regimes):
    few = regimes.copy(deep=True)
    few["regime"].values[3, 5] = Regime.UNDECIDED
    few["regime"].values[30, 7] = Regime.UNDECIDED
    legend = regime_map(few).axes[0].get_legend()
    assert legend is not None
    assert "undecided (2 cells)" in [text.get_text() for text in legend.get_texts()]


# Noise: the theorems are silent, but for the stability of minima


def noisy(model: str) -> xr.Dataset:
    """A map over mu and noise; what its regimes are does not matter here."""
    mu, noise = 0.02 * np.arange(1, 101), 0.01 * np.arange(60)
    settings = {"study": "s", "sweeps": {"it": {"noise": {"model": model}}}}
    return xr.Dataset(
        {"regime": (("mu", "noise"), np.full((100, 60), Regime.MONOTONE, dtype=np.uint8))},
        {"mu": mu, "noise": noise, "imbalance": 0.0, "product": 0.1},
        {"lt2f_settings": json.dumps(settings)},
    )


def test_under_multiplicative_noise_the_line_is_the_stability_of_the_balanced_minimum():
    figure = regime_map(noisy("multiplicative"))
    ((mu, noise),) = [curve.T for curve in curves(figure)]
    # 2 mu = 2/(1 - s^2) for two equally likely factors 1 +- s; points lie 0.003 apart.
    np.testing.assert_allclose(mu, 1 / (1 - noise**2), atol=1e-4)
    assert np.ptp(noise) > 0.58
    assert leaders(figure) == {}
    assert any("multiplicative noise (two-point)" in text for text in words(figure))


def test_under_target_noise_no_line_is_exact():
    figure = regime_map(noisy("target"))
    assert curves(figure) == []
    assert leaders(figure) == {}


def test_words_along_a_curve_are_white_where_most_of_them_lie_on_dark_cells(make_map):
    axes = {"mu": {"start": 0.05, "step": 0.05, "num": 48},
            "decay": {"start": 0.0, "step": 0.05, "num": 17}}  # fmt: skip
    (panel,) = regime_map(make_map(axes, {"imbalance": 0.5, "product": 0.1})).axes
    colours = {text.get_text(): text.get_color() for text in panel.texts}
    (doubling,) = (words for words in colours if "second doubling" in words)
    (attracts,) = (words for words in colours if "the origin attracts" in words)
    assert colours[doubling] == "w"  # beside it lie cycles and chaos
    assert colours[attracts] == style.INK  # and there convergence
