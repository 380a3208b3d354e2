"""Transverse exponents: what was measured, under the closed forms."""

import numpy as np
import pytest

from lt2f.dynamics import theory
from lt2f.dynamics.transverse import antisymmetric_transverse_exponent
from lt2f.views.figures import ellipse as drawing
from lt2f.views.figures import transverse
from lt2f.views.measured import Measured, on_ellipse

TITLES = ("Above the edge", "Below full chaos", "Where the bands", "Antisymmetric")


@pytest.fixture(scope="module")
def fine(make_map):
    """Steps of 0.001 across everything that has a panel of its own."""
    mu = {"start": 0.9, "step": 0.001, "num": 1100}
    return make_map({"mu": mu}, {"imbalance": 0.001, "product": 0.11})


def panel(figure, title):
    (axes,) = [axes for axes in figure.axes if axes.get_title(loc="left").startswith(title)]
    return axes


def points(axes, label):
    (line,) = [line for line in axes.lines if line.get_label().startswith(label)]
    return line.get_xydata().T


def test_the_measured_line_passes_through_the_data(line):
    figure = transverse(line, dpi=200)
    x, y = points(figure.axes[0], "attractor")
    kept = np.searchsorted(line["mu"].values, x)
    np.testing.assert_array_equal(x, line["mu"].values[kept])
    np.testing.assert_array_equal(y, line["transverse_lyapunov"].values[kept])
    assert x.size == 210


def test_bands_are_two_standard_errors_wide(line):
    figure = transverse(line)
    x, y = figure.axes[0].collections[0].get_paths()[0].vertices.T
    for k in range(140, 150):
        value, error = (line[f"transverse_lyapunov{part}"].values[k] for part in ("", "_error"))
        ends = y[np.isclose(x, line["mu"].values[k])]
        assert (ends.min(), ends.max()) == pytest.approx((value - 2 * error, value + 2 * error))


def test_closed_forms_lie_on_the_data_where_they_hold(line):
    dashed = [
        curve.get_xydata().T
        for curve in transverse(line).axes[0].lines
        if len(curve.get_xdata()) == 401
    ]
    assert [x[0] for x, _ in dashed] == pytest.approx([0.005, 1.0, 2 * 2**0.5 - 1])
    mu, value = line["mu"].values, line["transverse_lyapunov"].values
    for x, y in dashed:
        # 0.03 from either end cycles and minima have settled; the lines have 400 pieces.
        inside = (mu > x[0] + 0.001) & (mu < min(x[-1], 0.97 if x[-1] == 1 else 2) - 0.001)
        inside &= (mu < 0.97) | (mu > 1.03)
        np.testing.assert_allclose(np.interp(mu[inside], x, y), value[inside], atol=2e-5)


def test_the_ellipse_is_above_with_its_means(line, ellipse):
    figure = transverse(line, ellipse)
    x, y = max((curve.get_xydata().T for curve in figure.axes[0].lines), key=lambda c: c[1].size)
    assert x.size == 801
    np.testing.assert_array_equal(y, theory.ellipse_exponents(x)[1])
    across, along = on_ellipse(ellipse)
    # Realizations 0 and 1 are off by as many errors of 0.02.
    np.testing.assert_allclose(along.value, np.log(3) + 0.01)
    np.testing.assert_allclose(across.value, theory.ellipse_exponents(across.mu)[1] + 0.01)
    np.testing.assert_allclose(across.error, 0.02 / 2**0.5)
    for part in (across, along):
        drawn = [bar for bar in figure.axes[0].containers if bar[0].get_ydata()[0] == part.value[0]]
        (((_, _, (bars,)),)) = drawn
        np.testing.assert_allclose(
            [segment[:, 1] for segment in bars.get_segments()],
            np.stack([part.value - 2 * part.error, part.value + 2 * part.error], axis=-1),
        )


def test_deviations_are_in_standard_errors(line, ellipse):
    check = transverse(line, ellipse).axes[1]
    for name in ("across", "along"):
        x, y = points(check, name)
        np.testing.assert_array_equal(x, ellipse["mu"].values)
        np.testing.assert_allclose(y, 0.5**0.5)


def test_without_an_ellipse_its_formula_is_still_there(line):
    assert len(transverse(line).axes[0].containers) == 0
    assert any("arcosh" in text.get_text() for text in transverse(line).axes[0].texts)


def test_an_axis_of_realizations_may_be_missing_or_first(ellipse):
    one = on_ellipse(ellipse.isel(realization=1))
    np.testing.assert_allclose(one[1].value, np.log(3) + 0.02)
    np.testing.assert_allclose(one[1].error, 0.02)
    turned = on_ellipse(ellipse.transpose("realization", "exponent", "mu"))
    for part, same in zip(turned, on_ellipse(ellipse), strict=True):
        np.testing.assert_array_equal(part.value, same.value)


def test_near_its_ends_the_exponent_meets_the_power_laws(fine):
    figure = transverse(fine)
    above, below = (panel(figure, title) for title in TITLES[:2])
    for axes in (above, below):
        assert axes.get_xscale() == axes.get_yscale() == "log"
    x, y = above.lines[0].get_xydata().T
    np.testing.assert_allclose(
        y[(x > 0.03) & (x < 0.2)],
        -theory.two_cycle_transverse_exponent(1 + x[(x > 0.03) & (x < 0.2)]),
        rtol=1e-6,
    )
    np.testing.assert_allclose(*points(above, r"$\mu-1$"))
    x, y = points(below, r"$\sqrt")
    np.testing.assert_allclose(y, np.sqrt(x / 3))
    seen = below.lines[0].get_xdata()
    assert 0 < seen.min() < seen.max() <= 0.4


def test_the_window_shows_the_cycle_that_is_known(fine):
    axes = panel(transverse(fine), TITLES[3])
    x, y = axes.lines[0].get_xydata().T
    inside = (x > 1.83) & (x < 1.837)
    expected = antisymmetric_transverse_exponent(x[inside])
    np.testing.assert_allclose(y[inside], expected, atol=1e-6)
    assert inside.sum() >= 6


def test_there_are_panels_for_what_the_data_show(fine):
    def titles(dataset):
        named = [axes.get_title(loc="left") for axes in transverse(dataset).axes]
        return [title for title in TITLES if any(name.startswith(title) for name in named)]

    assert titles(fine) == list(TITLES)
    assert len(transverse(fine.sel(mu=slice(1.001, 1.2))).axes) == 2  # and none that is empty
    assert titles(fine.sel(mu=slice(None, 1.0005))) == []
    assert titles(fine.sel(mu=slice(1.001, 1.2))) == [TITLES[0]]
    assert titles(fine.sel(mu=slice(1.82, 1.85))) == [TITLES[1], TITLES[3]]


@pytest.mark.parametrize("values", [[1.5], [2.5], [0.5], [0.5, 1.1, 1.9, 2.5], [1.0, 2.0]])
def test_few_or_divergent_cells_are_no_exception(make_map, ellipse, values):
    dataset = make_map({"mu": {"values": values}}, {"imbalance": 0.2, "product": 0.11})
    assert transverse(dataset).axes
    assert transverse(dataset, ellipse.isel(mu=[3])).axes


def test_an_exponent_of_minus_infinity_is_cut(line):
    deep = line.copy(deep=True)
    deep["transverse_lyapunov"].values[120] = -np.inf
    low, _ = transverse(deep).axes[0].get_ylim()
    assert low == -1.3


def test_what_is_not_finite_is_not_within():
    data = Measured(np.array([1.0, 2.0, 3.0]), np.array([np.nan, 1.0, 2.0]), np.zeros(3))
    assert data.within(0.5, 2.5).mu.tolist() == [2.0]


def test_an_ellipse_alone_is_shown_against_its_formulas(ellipse):
    upper, lower = drawing(ellipse).axes
    x, y = max((curve.get_xydata().T for curve in upper.lines), key=lambda c: c[1].size)
    np.testing.assert_array_equal(y, theory.ellipse_exponents(x)[1])
    bars = [bar[0].get_ydata() for bar in upper.containers]
    for part, drawn in zip(on_ellipse(ellipse), bars, strict=True):
        np.testing.assert_array_equal(part.value, drawn)
    for name in ("across", "along"):
        np.testing.assert_allclose(points(lower, name)[1], 0.5**0.5)
    assert any("shared by all" in text.get_text() for text in lower.texts)
