"""Exponents: lines through the data, and a strip of their regimes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import theory, thresholds
from lt2f.dynamics.codes import Regime
from lt2f.views import annotate, style
from lt2f.views.exponents import extremes
from lt2f.views.figures import exponents


def curve(figure, label):
    (line,) = [line for line in figure.axes[0].lines if line.get_label().startswith(label)]
    return line.get_xydata().T


def test_lines_pass_through_closed_forms(line):
    figure = exponents(line)
    x, y = curve(figure, "transverse")
    on_cycle = (x > 1.02) & (x < 1.23)
    assert on_cycle.sum() > 10
    # Exponents on a cycle come from its multipliers, (3 - 2 mu) across the balanced line.
    expected = theory.two_cycle_transverse_exponent(x[on_cycle])
    np.testing.assert_allclose(y[on_cycle], expected, atol=1e-9)


def test_bands_are_two_standard_errors_wide(line):
    figure = exponents(line)
    for band, error, value in zip(
        figure.axes[0].collections[:2],
        line["lyapunov_error"].values.T,
        line["lyapunov"].values.T,
        strict=True,
    ):
        x, y = band.get_paths()[0].vertices.T
        for mu, e, v in zip(
            line["mu"].values[130:135], error[130:135], value[130:135], strict=True
        ):
            ends = y[np.isclose(x, mu)]
            assert (ends.min(), ends.max()) == pytest.approx((v - 2 * e, v + 2 * e))


def test_superstable_cycles_leave_the_panel_below(line):
    deep = line.copy(deep=True)
    deep["lyapunov"].values[110] = -np.inf
    figure = exponents(deep)
    low, high = figure.axes[0].get_ylim()
    assert -2.5 < low < high < 3
    x, y = curve(figure, "largest")
    assert y[np.isclose(x, line["mu"].values[110])] < low
    assert np.isfinite(y[x < 1.9]).all()


def test_every_threshold_in_range_is_marked(line):
    figure = exponents(line)
    rows = [row for row in thresholds.table() if row.mu <= 2.105]
    names = {text.get_text() for text in figure.axes[0].texts}
    assert {annotate.short(row) for row in rows} <= names
    places = [v.get_xdata()[0] for v in figure.axes[0].lines if np.ptp(v.get_xdata()) == 0]
    assert {row.mu for row in rows} <= set(places)


def test_the_strip_shows_every_regime_in_its_colour(line, panel_pixels):
    pixels = panel_pixels(exponents(line), 1)
    width = pixels.shape[1] // line.sizes["mu"]
    expected = style.palette()[line["regime"].values].repeat(width, axis=0)
    assert (pixels == expected).all()


def test_an_undecided_cell_is_seen_however_many_share_its_column(line, panel_pixels):
    many = line.isel(mu=np.repeat(np.arange(210), 30)).copy(deep=True)
    many = many.assign_coords(mu=np.linspace(0.01, 2.1, many.sizes["mu"]))
    many["regime"].values[4321] = Regime.UNDECIDED
    pixels = panel_pixels(exponents(many), 1)
    vivid = (pixels == style.palette()[Regime.UNDECIDED]).all(axis=-1)
    assert (vivid == vivid[0]).all()
    (columns,) = np.nonzero(vivid[0])
    # Somewhere in the column of its 6: pixel 4321/6300 of the width.
    assert 1 <= columns.size <= 2
    assert columns.mean() / pixels.shape[1] == pytest.approx(4321 / 6300, abs=2 / pixels.shape[1])


def test_what_was_not_recorded_is_not_drawn(line):
    bare = exponents(line[["regime", "decided_by"]])
    assert len(bare.axes) == 1
    one = exponents(line[["regime", "transverse_lyapunov", "transverse_lyapunov_error"]])
    labels = [text.get_text() for text in one.axes[0].get_legend().get_texts()]
    assert labels == [r"transverse $\lambda_\perp$"]


def test_any_axis_will_do(make_map):
    imbalance = {"imbalance": {"start": 0.0, "step": 0.25, "num": 20}}
    figure = exponents(make_map(imbalance, {"mu": 1.1, "product": 0.11}))
    assert figure.axes[-1].get_xlabel() == "imbalance of the start $a_0^2-b_0^2$"
    assert any("$\\mu$ = 1.1" in text.get_text() for text in figure.axes[0].texts)
    # Thresholds are values of mu, and this is another axis.
    assert len(figure.axes[0].texts) == 1


@pytest.mark.parametrize("values", [[1.5], [2.5], [0.5, 1.1, 1.9, 2.5]])
def test_few_or_divergent_cells_are_no_exception(make_map, values):
    dataset = make_map({"mu": {"values": values}}, {"imbalance": 0.2, "product": 0.11})
    figure = exponents(dataset)
    assert len(figure.axes) == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(-3, 3) | st.just(np.nan)), min_size=1, max_size=40
    )
)
def test_thinned_lines_keep_the_extremes_of_every_column(points):
    column = np.array([c for c, _ in points])
    values = np.array([v for _, v in points])
    kept = extremes(column, values)
    assert (np.diff(kept) > 0).all()
    for c in np.unique(column):
        every, some = values[column == c], values[kept][column[kept] == c]
        assert some.size <= 2
        assert np.isnan(some).any() == np.isnan(every).any()
        if not np.isnan(every).all():
            assert np.nanmin(some) == np.nanmin(every)
        if not np.isnan(every).any():
            assert some.max() == every.max()
