"""Shares of outcomes: pixels are counts, intervals are Wilson's, curves are where theory is."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.special import ndtri
from scipy.stats import binomtest

from lt2f.dynamics.codes import Regime
from lt2f.views import boundaries, raster, shades
from lt2f.views import shares as module
from lt2f.views.figures import shares

START = {"imbalance": 0.001, "product": 0.11}
GROUPS = [1, 2], [0, 3, 4, 5], [4], [6]  # converged, bounded, chaotic, divergent


@pytest.fixture(scope="module")
def figure(trials) -> Figure:
    return shares(trials, dpi=100)


def made(model: str, law: str, mu=None, noise=None) -> xr.Dataset:
    """A dataset over mu and noise; what its regimes are matters little here."""
    mu = 0.02 * np.arange(25, 101) if mu is None else mu
    noise = 0.02 * np.arange(31) if noise is None else noise
    codes = np.full((mu.size, noise.size, 2), Regime.CHAOTIC, dtype=np.uint8)
    codes[0, :, 1] = Regime.DIVERGENT
    settings = {"study": "s", "sweeps": {"it": {"noise": {"model": model, "law": law}}}}
    return xr.Dataset(
        {"regime": (("mu", "noise", "realization"), codes)},
        {"mu": mu, "noise": noise, "realization": [0, 1], **START},
        {"lt2f_settings": json.dumps(settings)},
    )


def drawn(figure: Figure, words: str) -> list[np.ndarray]:
    """Vertices of a curve, named by what its words contain, on every map."""
    legend = figure.axes[0].get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    (k,) = [k for k, name in enumerate(names) if words in name]
    maps = [axes for axes in figure.axes if axes.collections and axes.images]
    return [np.asarray(axes.collections[k].get_paths()[0].vertices).T for axes in maps]


# Outcomes and pixels


def test_outcomes_part_the_regimes():
    apart = [o for o in module.OUTCOMES if "among" not in o.words]
    codes = [code for outcome in apart for code in outcome.regimes]
    assert sorted(codes) == list(Regime)
    bounded, chaotic = module.OUTCOMES[1:3]
    assert set(chaotic.regimes) < set(bounded.regimes)


def test_every_pixel_of_a_cell_is_its_share(figure, trials, panel_pixels):
    codes = trials["regime"].transpose("noise", "mu", "realization").values
    for panel, regimes in enumerate(GROUPS):
        share = np.isin(codes, regimes).mean(axis=-1)
        pixels = panel_pixels(figure, panel)
        rows, columns = pixels.shape[0] // share.shape[0], pixels.shape[1] // share.shape[1]
        expected = shades.Shades(shades.SHARE, 0, 1).of(share)
        np.testing.assert_array_equal(pixels, raster.blocks(expected, rows, columns))
        words = {text.get_text() for text in figure.axes[panel].texts}
        assert [o.words in words for o in module.OUTCOMES] == [k == panel for k in range(5)]


def test_only_what_never_happens_is_white():
    shade = shades.Shades(shades.SHARE, 0, 1).of([0, 1 / 1000, 0.5, 1])
    assert (shade[0] == 255).all()
    assert (shade[1:].min(axis=1) < 250).all()
    assert (np.diff(shade.astype(int).sum(axis=1)) < 0).all()


def test_counts_and_realizations_look_the_same(figure, make_map, trial_axes, panel_pixels):
    axes, noise = trial_axes, {"model": "multiplicative"}
    counted = make_map(axes, START, noise=noise, count="realization")
    assert "regime" not in counted
    again = shares(counted, dpi=100)
    assert len(again.axes) == len(figure.axes)
    for panel in range(4):
        np.testing.assert_array_equal(panel_pixels(figure, panel), panel_pixels(again, panel))


def test_what_noise_never_brings_about_has_no_panel(make_map):
    # Under target noise nothing converges, but without it everything does up to mu = 1.
    axes = {
        "mu": {"values": [0.5, 0.8]},
        "noise": {"values": [0.0, 0.1]},
        "realization": {"num": 2},
    }
    dataset = make_map(axes, START, noise={"model": "target"}, record=["regime"])
    assert (dataset["regime"].sel(noise=0) <= Regime.CATAPULT).all()
    figure = shares(dataset, dpi=60)
    maps = [axes for axes in figure.axes if axes.images and axes.get_ylabel()]
    assert len(maps) == 1
    assert "bounded, not converged" in {text.get_text() for text in maps[0].texts}


def test_what_is_exact_is_not_contradicted(trials):
    regime, mu, s = trials["regime"], trials["mu"], trials["noise"]
    converged = regime.isin([Regime.MONOTONE, Regime.CATAPULT])
    assert not (converged & (mu > 1 / (1 - s**2))).any()
    assert not ((regime == Regime.DIVERGENT) & (mu * (1 + s) < 2)).any()
    assert converged.any()
    assert (regime == Regime.DIVERGENT).any()


# Intervals


@given(n=st.integers(1, 500), part=st.floats(0, 1), level=st.sampled_from([0.68, 0.95, 0.99]))
def test_intervals_are_wilsons(n, part, level):
    k = round(part * n)
    low, high = module.wilson(k, n, level)
    exact = binomtest(k, n).proportion_ci(level, method="wilson")
    assert low == pytest.approx(exact.low, abs=1e-12)
    assert high == pytest.approx(exact.high, abs=1e-12)
    z = ndtri((1 + level) / 2)
    for end in (low, high):
        # Their definition, squared; rounding of the ends, times slopes of at most z^2 + 2.
        assert (k / n - end) ** 2 == pytest.approx(z * z * end * (1 - end) / n, abs=1e-13)


def test_intervals_hold_their_share_elementwise():
    low, high = module.wilson([0, 3, 8], [8, 8, 8])
    assert low[0] == 0.0
    assert high[2] == 1.0
    assert (low <= np.array([0, 3, 8]) / 8).all()
    assert (np.array([0, 3, 8]) / 8 <= high).all()
    assert high[0] == pytest.approx(1 - low[2])


# Curves. Points lie 0.0025 apart in mu, 0.001 in noise; between them curves are linear.


def test_curves_of_multiplicative_noise_are_at_their_exact_places():
    figure = shares(made("multiplicative", "two_point"), dpi=60)
    for words, exact in [
        ("almost surely", lambda s: 1 / (1 - s * s)),
        ("mean square", lambda s: 1 / (1 + s * s)),
        ("can escape", lambda s: 2 / (1 + s)),
        ("without noise", np.ones_like),
    ]:
        on_maps = drawn(figure, words)
        assert len(on_maps) == 3
        for mu, s in on_maps:
            # The first cells reach below zero noise, where curves go straight up: at that kink
            # they are off by up to a quarter of 0.001 times the change of slope, 2 at most.
            np.testing.assert_allclose(mu, exact(s.clip(0)), atol=5e-4)
            assert np.ptp(s) > 0.5


@pytest.mark.parametrize(("law", "largest"), [("two_point", 1.0), ("uniform", 3**0.5)])
def test_the_curve_of_target_noise_is_at_its_exact_place(law, largest):
    for mu, sigma in drawn(shares(made("target", law), dpi=60), "can escape"):
        y, b = mu, largest * sigma.clip(0)
        # Slopes of the two sides in mu are below one.
        np.testing.assert_allclose(
            2 * ((1 + y + b) / 3) ** 1.5, np.sqrt((2 + y - b).clip(0)), atol=2e-3
        )
        assert np.ptp(sigma) > 0.3


def test_the_origin_attracts_where_its_exponent_is_negative():
    figure = shares(made("target", "two_point", noise=0.05 * np.arange(40)), dpi=60)
    mu, sigma = drawn(figure, "origin")[0]
    np.testing.assert_allclose(np.abs((1 + mu) ** 2 - sigma**2), 1, atol=2e-2)


def test_unbounded_draws_can_escape_anywhere():
    for model in ("multiplicative", "target"):
        figure = shares(made(model, "normal"), dpi=60)
        legend = figure.axes[0].get_legend()
        assert not any("escape" in text.get_text() for text in legend.get_texts())


def test_beyond_negative_steps_the_theorem_is_silent():
    (limit,) = [
        b for b in boundaries.under_noise(made("multiplicative", "uniform")) if "escape" in b.words
    ]
    height = limit.beyond({"mu": np.array(1.0), "noise": np.array([0.5, 0.6])})
    assert height[0] == pytest.approx(np.sqrt(3) * 0.5 - 1)
    assert np.isnan(height[1])  # h = 1 - 0.6 sqrt(3) < 0


# Cuts


def test_cuts_are_at_the_middle_and_where_outcomes_are_mixed(figure, trials):
    codes = trials["regime"].transpose("noise", "mu", "realization").values
    shares_ = np.stack([np.isin(codes, c).mean(axis=-1) for c in GROUPS])
    mixed = trials["noise"].values[(shares_ * (1 - shares_)).sum(axis=(0, 2)).argmax()]
    cuts = [axes for axes in figure.axes if axes.get_ylabel() == "share"]
    named = {text.get_text() for axes in cuts for text in axes.texts}
    assert named == {f"$\\sigma$ = {s:g}" for s in {0.3, mixed}}


def test_in_the_cuts_shares_are_shares_and_lines_exact(figure, trials):
    cut = next(
        axes for axes in figure.axes if any(t.get_text() == "$\\sigma$ = 0.3" for t in axes.texts)
    )
    codes = trials["regime"].sel(noise=0.3).transpose("mu", "realization").values
    upright = [line for line in cut.lines if np.ptp(line.get_xdata()) == 0]
    exact = [1, 1 / (1 - 0.09), 1 / (1 + 0.09), 2 / 1.3]
    assert [line.get_xdata()[0] for line in upright] == pytest.approx(exact, abs=1e-9)
    sloped = [line for line in cut.lines if np.ptp(line.get_xdata()) > 0]
    for line, regimes in zip(sloped, GROUPS, strict=True):
        np.testing.assert_allclose(line.get_ydata(), np.isin(codes, regimes).mean(axis=-1))


def test_crossings_are_found_to_rounding():
    mu = np.linspace(0.5, 1.9, 11)
    limits = boundaries.under_noise(made("multiplicative", "two_point"))
    places = [module.crossings(limit, 0.25, mu) for limit in limits]
    exact = [[1.0], [1 / (1 - 0.0625)], [1 / 1.0625], [1.6]]
    for found, expected in zip(places, exact, strict=True):
        assert found == pytest.approx(expected, abs=1e-11)


def test_an_unstable_gap_is_crossed_three_times():
    # For two points and s^2 > 1/2: 2 mu = (1 -+ sqrt(2 s^2 - 1))/(1 - s^2) and 2/(1 - s^2).
    limit = list(boundaries.under_noise(made("multiplicative", "two_point")))[1]
    square = 0.6
    root = np.sqrt(2 * square - 1)
    exact = [(1 - root) / 0.8, (1 + root) / 0.8, 2.5]
    found = module.crossings(limit, np.sqrt(square), np.linspace(0.1, 3, 601))
    assert found == pytest.approx(exact, abs=1e-11)


# Batches of prompts

POOL = {"model": "prompts", "dimension": 3, "context": 6, "pool_size": 16, "replacement": False}


@pytest.fixture(scope="module")
def batches(make_map):
    axes = {
        "realization": {"num": 5},
        "mu": {"start": 0.1, "step": 0.05, "num": 37},
        "batch_size": {"values": [1, 2, 4, 8, 16]},
    }
    return make_map(axes, START, noise=POOL, record=["regime"])


def test_shares_over_batch_sizes_are_shares(batches, panel_pixels):
    figure = shares(batches, dpi=60)
    codes = batches["regime"].transpose("batch_size", "mu", "realization").values
    words = [{text.get_text() for text in axes.texts} for axes in figure.axes]
    assert "converged" in words[0]  # the whole pool does
    for panel, regimes in enumerate(GROUPS[:2]):
        share = np.isin(codes, regimes).mean(axis=-1)
        pixels = panel_pixels(figure, panel)
        rows, columns = pixels.shape[0] // share.shape[0], pixels.shape[1] // share.shape[1]
        expected = shades.Shades(shades.SHARE, 0, 1).of(share)
        np.testing.assert_array_equal(pixels, raster.blocks(expected, rows, columns))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["1", "2", "4", "8", "16"]
    assert "batch size" in figure.axes[0].get_ylabel()
    assert {"$B$ = 8"} <= set().union(*words)
    title = next(t.get_text() for t in figure.axes[0].texts if "Shares" in t.get_text())
    assert title.endswith("batches from 16 prompts, without replacement")


@pytest.mark.parametrize("replacement", [True, False])
def test_fluctuations_are_finite_where_the_variance_of_the_batch_allows(batches, replacement):
    settings = {"sweeps": {"it": {"noise": POOL | {"replacement": replacement}}}}
    single = 1.5  # Var h of one prompt
    attrs = {"lt2f_settings": json.dumps(settings), "prompt_covariance": np.array([1.5, 0, 0])}
    _, limit = boundaries.under_noise(xr.Dataset(attrs=attrs))
    mu = np.linspace(0.1, 1.5, 30)
    for size in (1, 3, 16):
        variance = single / size * (1 if replacement else (16 - size) / 15)
        (found,) = module.crossings(limit, size, mu, "batch_size")
        # E (1 - 2 mu h)^2 = 1 - 4 mu + 4 mu^2 (1 + Var h)
        assert 1 - 4 * found + 4 * found**2 * (1 + variance) == pytest.approx(1, abs=1e-9)


def test_evenly_spaced_batch_sizes_reach_no_batch_of_nothing(make_map):
    axes = {
        "batch_size": {"values": [1, 3, 5]},
        "mu": {"start": 0.1, "step": 0.3, "num": 4},
        "realization": {"num": 2},
    }
    figure = shares(make_map(axes, START, noise=POOL, record=["regime"]), dpi=60)
    assert figure.axes[0].get_ylim() == (0, 6)


# Words


def test_triangles_and_bands_are_explained(figure):
    (legend,) = [a.get_legend() for a in figure.axes if a.get_legend() and not a.images]
    words = {text.get_text() for text in legend.get_texts()}
    assert {"95 % Wilson intervals", "levels of the cuts"} <= words


def test_cells_of_mostly_undecided_runs_are_hatched():
    data = made("target", "two_point")
    data["regime"].values[10:20, 5:9] = Regime.UNDECIDED
    data["regime"].values[30, 5, 0] = Regime.UNDECIDED  # half of them are not most
    figure = shares(data, dpi=60)
    every = [c for a in figure.axes for c in a.collections]
    hatched = [c for c in every if any(getattr(c, "hatches", None) or [])]
    assert len(hatched) == 1
    vertices = np.concatenate([path.vertices for path in hatched[0].get_paths()])
    mu, noise = data["mu"].values, data["noise"].values
    np.testing.assert_allclose(
        [vertices.min(axis=0), vertices.max(axis=0)],
        [(mu[10] - 0.01, noise[5] - 0.01), (mu[19] + 0.01, noise[8] + 0.01)],
        atol=2e-4,  # of sides a little inside
    )
    for drawn_, there in ((figure, True), (shares(made("target", "two_point"), dpi=60), False)):
        legends = [legend for axes in drawn_.axes if (legend := axes.get_legend())]
        words = {text.get_text() for legend in legends for text in legend.get_texts()}
        assert ("most runs undecided" in words) == there


def test_no_word_touches_the_edge(figure):
    renderer = FigureCanvasAgg(figure).get_renderer()
    ends = [axes.get_tightbbox(renderer) for axes in figure.axes]
    assert max(box.x1 for box in ends) <= figure.bbox.width - 2
    assert min(box.x0 for box in ends) >= 2
