"""Orbit diagrams: dark where theory says that the residual stays."""

import numpy as np
import pytest

import lt2f
from lt2f.dynamics import theory, thresholds
from lt2f.views import annotate, raster, spread
from lt2f.views.figures import orbit_diagram


def columns(orbit, figure, panel_pixels):
    """Pixels of the diagram, one column per mu, and the residual at the middle of each row."""
    pixels = panel_pixels(figure, 0)
    width = pixels.shape[1] // orbit.sizes["mu"]
    assert (pixels[:, ::width] == pixels[:, width - 1 :: width]).all()
    low, high = figure.axes[0].get_ylim()
    middle = low + (high - low) * (np.arange(pixels.shape[0]) + 0.5) / pixels.shape[0]
    return pixels[:, ::width], middle, 2 * (high - low) / pixels.shape[0]


def test_ink_lies_where_the_residual_stays(orbit, panel_pixels):
    pixels, middle, bin_ = columns(orbit, orbit_diagram(orbit), panel_pixels)
    inked = (pixels != 255).any(axis=-1)
    for k, mu in enumerate(orbit["mu"].values):
        rows = middle[inked[:, k]]
        if mu < 0.97:  # nearer to 1 it settles too slowly for 2000 steps
            np.testing.assert_allclose(rows, 0, atol=bin_)
        elif 1.03 < mu < 1.2:
            gaps = np.abs(rows[:, np.newaxis] - np.array(theory.two_cycle(mu)))
            assert (gaps.min(axis=1) <= bin_).all()
            assert (gaps.min(axis=0) <= bin_).all()
        elif mu > 2.005:
            assert rows.size == 0
        elif mu < 1.995:  # at mu = 2 rounding decides
            assert rows.max() <= 2 + bin_
            assert rows.min() >= -mu - bin_  # x^2 - mu on the balanced line


def test_ink_is_darker_where_the_residual_is_more_often(orbit, panel_pixels):
    pixels, *_ = columns(orbit, orbit_diagram(orbit), panel_pixels)
    at = {mu: pixels[:, np.abs(orbit["mu"].values - mu).argmin()] for mu in (0.9, 1.1, 1.9)}
    darkest = [int(column.sum(axis=-1).min()) for column in at.values()]
    # All steps in one bin, half of them in each of two, and some in many.
    assert darkest[0] < darkest[1] < darkest[2]


def test_memory_does_not_change_the_picture(orbit, monkeypatch):
    whole = orbit_diagram(orbit).axes[0].images[0].get_array()
    monkeypatch.setattr(raster, "SLAB", 1000)
    np.testing.assert_array_equal(orbit_diagram(orbit).axes[0].images[0].get_array(), whole)


def test_several_mu_share_a_column_if_there_are_more_than_pixels(orbit, panel_pixels):
    figure = orbit_diagram(orbit, dpi=50)
    dense = orbit.isel(mu=np.repeat(np.arange(131), 10))
    dense = dense.assign_coords(mu=np.linspace(0.8, 2.1, 1310))
    image = orbit_diagram(dense, dpi=50).axes[0].images[0].get_array()
    assert image.shape[1] <= 5.8 * 50
    assert figure.axes[0].get_ylim() == orbit_diagram(dense, dpi=50).axes[0].get_ylim()


def test_every_threshold_in_range_is_marked_in_both_panels(orbit, line):
    figure = orbit_diagram(orbit, line)
    rows = [row for row in thresholds.table() if 0.795 <= row.mu <= 2.105]
    assert len(rows) >= 8
    names = {text.get_text() for text in figure.axes[0].texts}
    assert {annotate.short(row) for row in rows} <= names
    for panel in figure.axes[:2]:
        places = [v.get_xdata()[0] for v in panel.lines if np.ptp(v.get_xdata()) == 0]
        assert {row.mu for row in rows} <= set(places)


def test_panels_share_mu(orbit, line):
    figure = orbit_diagram(orbit, line)
    assert len(figure.axes) == 3
    for panel in figure.axes:
        assert panel.get_xlim() == pytest.approx((0.795, 2.105))
    assert figure.axes[-1].get_xlabel() == "effective step size $\\mu$"
    assert "64 steps after 2,000" in figure.axes[0].texts[-1].get_text()


def test_without_exponents_only_the_strip_is_below(orbit, line):
    assert len(orbit_diagram(orbit, line[["regime", "decided_by"]]).axes) == 2
    assert len(orbit_diagram(orbit).axes) == 1


def test_nothing_bounded_is_an_empty_panel(orbit, panel_pixels):
    figure = orbit_diagram(orbit.sel(mu=slice(2.005, None)))
    assert (panel_pixels(figure, 0) == 255).all()


def test_uneven_steps_of_mu_fill_the_panel(orbit, panel_pixels):
    uneven = orbit.isel(mu=[0, 1, 5, 20])
    pixels = panel_pixels(orbit_diagram(uneven), 0)
    assert (pixels != 255).any(axis=(0, 2)).all()


# The imbalance


@pytest.fixture(scope="module")
def driven():
    """Noise for each factor, on the two-cycle and beyond mu = 2."""
    sweep = {
        "kind": "orbit",
        "axes": {"mu": {"start": 1.05, "step": 0.05, "num": 24}},
        "fixed": {"imbalance": 0.0, "product": 0.11, "noise": 0.01},
        "noise": {"model": "factors", "law": "normal"},
        "iterations": {"transient": 500, "samples": 4000},
        "record": ["imbalance"],
    }
    return lt2f.sweep({"study": "views", "sweeps": {"it": sweep}}, "it")


def curves(figure, panel):
    return {line.get_label(): line.get_xydata().T for line in figure.axes[panel].lines}


def test_the_spread_of_the_imbalance_is_below(driven):
    drawn = curves(orbit_diagram(driven), 1)
    size = np.abs(driven["imbalance"].values)
    x, median = drawn["median"]
    np.testing.assert_array_equal(x, driven["mu"])
    bounded = np.isfinite(size).all(axis=1)
    assert 10 < bounded.sum() < 24
    # half of the samples lie below, and 99 in a hundred; one more or less to interpolate
    below = (size <= median[:, np.newaxis]).mean(axis=1)
    np.testing.assert_allclose(below[bounded], 0.5, atol=1 / 4000)
    below = (size <= drawn["99 %"][1][:, np.newaxis]).mean(axis=1)
    np.testing.assert_allclose(below[bounded], 0.99, atol=1 / 4000)
    assert np.isnan(median[~bounded]).all()


def test_theory_lies_over_the_spread_on_the_two_cycle(driven):
    drawn = curves(orbit_diagram(driven), 1)
    (x, median), (at, deviation) = drawn["median"], drawn["standard deviation, theory"]
    on_cycle = (x > 1.08) & (x < 1.22)
    assert on_cycle.sum() == 3
    # the median of a normal law is 0.6745 deviations; 4000 samples, correlated over some tens of
    # steps, know it to a few per cent
    ratio = median[on_cycle] / np.interp(x[on_cycle], at, deviation)
    np.testing.assert_allclose(ratio, 0.6745, rtol=0.25)


def test_panels_keep_their_places_below_the_spread(driven, line):
    figure = orbit_diagram(driven, line)
    assert len(figure.axes) == 4
    labels = [axes.get_ylabel() for axes in figure.axes[:3]]
    exponents = "without noise: nats per step"  # those of another dataset
    assert labels == ["residual $e=ab-\\mu$", r"imbalance $|a^2-b^2|$", exponents]


def test_no_imbalance_at_all_is_an_empty_panel(driven):
    still = driven.copy(deep=True)
    still["imbalance"].values[:] = 0.0
    assert orbit_diagram(still).axes[1].get_ylim() == (1e-3, 1.0)
    low, high = spread._span(np.array([[1e-30, np.nan, 1.0]]))
    assert 0 < low < 1 < high


def test_the_standard_deviation_is_measured_beside_theory(driven):
    _, deviation = curves(orbit_diagram(driven), 1)["standard deviation"]
    bounded = np.isfinite(driven["imbalance"].values).all(axis=1)
    exact = driven["imbalance"].values[bounded].std(axis=1)
    np.testing.assert_allclose(deviation[bounded], exact, rtol=1e-12)
    assert np.isnan(deviation[~bounded]).all()


def test_what_does_not_move_has_no_quantiles(driven):
    still = driven.copy(deep=True)
    still["imbalance"].values[2:5] = -0.25
    drawn = curves(orbit_diagram(still), 1)
    for name in ("median", "90 %", "99 %", "standard deviation"):
        assert np.isnan(drawn[name][1][2:5]).all()
        assert np.isfinite(drawn[name][1][[0, 1, 5]]).all()
    constant = drawn["constant in time"][1]
    assert (constant[2:5] == 0.25).all()
    assert np.isnan(constant[[0, 1, 5]]).all()
    assert "constant in time" not in curves(orbit_diagram(driven), 1)


# What has escaped, and what has no noise


def test_grey_is_where_every_orbit_has_escaped(orbit):
    axes = orbit_diagram(orbit).axes[0]
    gone = ~np.isfinite(orbit["residual"].values).any(axis=1)
    assert gone.any()
    for k in (np.flatnonzero(gone)[0], 50, 130):
        ends = [(b.get_x(), b.get_x() + b.get_width()) for b in axes.patches]
        mu = orbit["mu"].values[k]
        assert any(low < mu < high for low, high in ends) == gone[k]
    assert "escaped" in {text.get_text() for text in axes.texts}


def test_the_strip_below_noisy_orbits_is_named_and_ends_with_its_data(driven, line, panel_pixels):
    figure = orbit_diagram(driven, line.sel(mu=slice(None, 1.5)))
    assert figure.axes[-1].get_ylabel() == "without\nnoise"
    strip = panel_pixels(figure, 3)
    places = np.linspace(*figure.axes[-1].get_xlim(), strip.shape[1], endpoint=False)
    white = (strip == 255).all(axis=(0, 2))
    assert white[places > 1.56].all()  # a step of the orbit is 0.05
    assert not white[places < 1.5].any()


def test_the_strip_without_noise_needs_no_name(orbit, line):
    assert orbit_diagram(orbit, line).axes[-1].get_ylabel() == ""


# Realizations


def test_realizations_are_pooled(driven):
    pair = driven.drop_vars("realization").expand_dims(realization=2).copy(deep=True)
    pair["realization"] = [0, 1]
    for name in ("residual", "imbalance"):
        pair[name].values[1] *= 0.5
    figure = orbit_diagram(pair)
    both = driven["imbalance"].values[:4]
    both = np.abs(np.concatenate([both, both / 2], axis=1))
    median = curves(figure, 1)["median"][1][:4]
    np.testing.assert_allclose(median, np.median(both, axis=1), rtol=1e-12)
    assert figure.axes[0].texts[-1].get_text().startswith("Orbit diagram, 2 realizations of 4,000")
    rows = list(raster.pooled(pair["residual"].transpose("mu", ...)))
    values = np.concatenate([values for _, values in rows])
    expected = np.concatenate([driven["residual"], driven["residual"] / 2], axis=1)
    np.testing.assert_array_equal(values[:10], expected[:10])  # beyond, some escape


def test_an_orbit_that_escapes_while_it_is_sampled_is_not_drawn(orbit, panel_pixels):
    late = orbit.copy(deep=True)
    late["residual"].values[110, -3:] = [5.0, 1e150, np.inf]
    late["residual"].values[111, -1] = 1e150
    figure = orbit_diagram(late)
    assert figure.axes[0].get_ylim() == orbit_diagram(orbit).axes[0].get_ylim()
    pixels, *_ = columns(late, figure, panel_pixels)
    assert (pixels[:, 110:112] == 255).all()
    assert (pixels[:, 109] != 255).any()
