"""The cascade: doublings and mergings where they were located, on a folded logarithm."""

import mpmath
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import theory, thresholds
from lt2f.views.cascade import DELTA, Fold, _series, ratios
from lt2f.views.figures import cascade

END = thresholds.accumulation().mu
# Both sides, and each alone.
SIDES = [slice(None), slice(None, END), slice(END, None)]


@given(st.lists(st.floats(-3, 3).filter(lambda d: abs(d) > 1e-9), min_size=2, unique=True))
def test_folding_keeps_the_order_and_the_decades(gaps):
    mu = np.sort(END + np.array(gaps))
    fold = Fold(mu, END)
    x = fold.place(mu)
    assert (np.diff(x) >= 0).all()
    assert (np.sign(x) == np.sign(mu - END)).all()
    far = np.log10(np.abs(mu - END))
    np.testing.assert_allclose(np.abs(x), far - fold.origin, atol=1e-9)
    assert np.isnan(fold.place(np.array([END]))).all()


def test_mirrored_values_are_evenly_spaced(crowded):
    x = Fold(crowded["mu"].values, END).place(crowded["mu"].values)
    np.testing.assert_allclose(np.diff(x), x[1] - x[0], rtol=1e-6)


def marks(panel):
    x = [np.asarray(line.get_xdata()) for line in panel.lines]
    return np.array([both[0] for both in x if both.size == 2 and both[0] == both[1]])


def test_every_located_threshold_in_range_is_marked_and_named(crowded):
    figure = cascade(crowded)
    fold = Fold(crowded["mu"].values, END)
    rows = [row for name, rows in _series().items() if name[0] != "s" for row in rows]
    x = fold.place(np.array([row.mu for row in rows]))
    inside = np.isfinite(x)
    assert inside.sum() == 7 + 6  # what is farther than 1e-5
    for axes in figure.axes[:3]:
        found = marks(axes)
        assert np.isin(np.append(x[inside], 0.0), found).all()
    names = {text.get_text() for text in figure.axes[0].texts}
    assert {"1  period 2", "1.23606798  period 4", "1.36089377  bands 2→1"} <= names
    assert r"1.30228346  $\mu_\infty$" in names
    assert len(names) == 7 + 6 + 1 + 1  # and the title


def test_ticks_are_decades_of_the_distance(crowded):
    axes = cascade(crowded).axes[2]
    fold = Fold(crowded["mu"].values, END)
    words = [label.get_text() for label in axes.get_xticklabels()]
    for side in (-1, 1):
        for k in (-1, -4):
            (place,) = fold.place(np.array([END + side * 10.0**k]))
            near = np.abs(np.array(axes.get_xticks()) - place).argmin()
            assert axes.get_xticks()[near] == pytest.approx(place, abs=1e-9)
            assert words[near] == f"$10^{{{k}}}$"


def test_ink_lies_on_the_cycle_that_is_known(crowded, panel_pixels):
    figure = cascade(crowded)
    low, high = figure.axes[0].get_ylim()
    upper, lower = (panel_pixels(figure, k) for k in (0, 1))
    mu = crowded["mu"].values
    width = upper.shape[1] // mu.size
    assert width * mu.size == upper.shape[1]
    checked = 0
    for k, m in enumerate(mu):
        if not 1.03 < m < 1.2:
            continue
        checked += 1
        cycle = np.sort(theory.two_cycle(m))
        inked = [np.flatnonzero((p[:, k * width] != 255).any(axis=-1)) for p in (upper, lower)]
        rows = low + (high - low) * (inked[0] + 0.5) / upper.shape[0]
        bin_ = 2 * (high - low) / upper.shape[0]
        gaps = np.abs(rows[:, np.newaxis] - cycle)
        assert gaps.min(axis=1).max() <= bin_
        assert gaps.min(axis=0).max() <= bin_
        # The critical point of e -> e^3 + (m - 2) e^2 + (1 - 2m) e with e' < 0 beyond it.
        depth = np.sort(np.log10(np.abs(cycle - (1 - 2 * m) / 3)).clip(-5))
        rows = -5.0 + 5.5 * (inked[1] + 0.5) / lower.shape[0]
        gaps = np.abs(rows[:, np.newaxis] - depth)
        assert gaps.max(axis=1).min() >= 0
        assert gaps.min(axis=0).max() <= 2 * 5.5 / lower.shape[0] + 0.02
        assert gaps.min(axis=1).max() <= 2 * 5.5 / lower.shape[0] + 0.02
    assert checked >= 5


def test_the_critical_point_is_one():
    for m in (1.1, 1.302, 1.7):
        e = mpmath.mpf((1 - 2 * m) / 3)
        slope = mpmath.diff(lambda e, m=m: e**3 + (m - 2) * e**2 + (1 - 2 * m) * e, e)
        assert abs(slope) < 1e-12


def test_ratios_of_a_geometric_sequence_are_its_ratio():
    def row(mu):
        return thresholds.Threshold("", "", mu, 1e-10, "", "")

    ratio, bound = ratios([row(1 - 4.0**-k) for k in range(6)])
    np.testing.assert_allclose(ratio, 4.0)
    # (1 + 1 + 4 (1 + 1)) 1e-10 over the second interval, 3/4^(k + 1)
    np.testing.assert_allclose(bound, 1e-9 * 4.0 ** np.arange(2, 6) / 3)


def test_ratios_tend_to_feigenbaums_number():
    for rows in _series().values():
        ratio, bound = ratios(rows)
        off = np.abs(ratio - DELTA)
        assert (np.diff(off) < 0).all()
        assert off[-1] < 2e-5
        assert (bound < 0.01 * off).all()  # so what is drawn is no rounding


def test_the_panel_shows_them_at_the_middle_threshold(crowded):
    axes = cascade(crowded).axes[2]
    fold = Fold(crowded["mu"].values, END)
    drawn = np.vstack([bar[0].get_xydata() for bar in axes.containers])
    for rows in _series().values():
        ratio, _ = ratios(rows)
        x = fold.place(np.array([row.mu for row in rows[1:-1]]))
        for place, y in zip(x, np.abs(ratio - DELTA), strict=True):
            if np.isfinite(place):
                assert np.nanmin(np.hypot(*(drawn - [place, y]).T)) < 1e-12


@pytest.mark.parametrize("side", SIDES)
def test_one_side_will_do(crowded, side):
    figure = cascade(crowded.sel(mu=side))
    assert len(figure.axes) == 3


def test_even_steps_of_mu_will_do(orbit):
    assert len(cascade(orbit).axes) == 3
    assert len(cascade(orbit.sel(mu=slice(2.005, None))).axes) == 3  # nothing bounded


@pytest.mark.parametrize("mu", [[1.0], [END], [1.2, END], [1.0, 1.5], [END, 1.31, 1.4, 2.4]])
def test_few_values_are_no_exception(crowded, mu):
    few = crowded.isel(mu=np.arange(len(mu))).assign_coords(mu=mu)
    assert len(cascade(few).axes) == 3
    assert isinstance(few, xr.Dataset)
