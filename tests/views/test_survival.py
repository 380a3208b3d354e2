"""How long runs last: what is drawn is what the runs of a dataset did."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

from lt2f.dynamics import escape
from lt2f.dynamics.codes import Regime
from lt2f.views import captions
from lt2f.views import survival as module
from lt2f.views.figures import survival

START = {"imbalance": 0.001, "product": 0.11}


def made(rates: np.ndarray, length: int = 4000, runs: int = 40) -> xr.Dataset:
    """Runs over mu and noise that escape with a given probability at each step, (mu, noise)."""
    rng = np.random.default_rng(1)
    steps = rng.geometric(np.maximum(rates, 1e-12)[..., np.newaxis], (*rates.shape, runs))
    gone = steps <= length
    codes = np.where(gone, Regime.DIVERGENT, Regime.CHAOTIC).astype(np.uint8)
    sweep = {"noise": {"model": "target"}, "iterations": {"transient": length, "measure": 0}}
    dims = ("mu", "noise", "realization")
    return xr.Dataset(
        {"regime": (dims, codes), "steps": (dims, np.where(gone, steps, -1))},
        {
            "mu": 1 + 0.02 * np.arange(len(rates)),
            "noise": 0.1 * np.arange(rates.shape[1]),
            "realization": np.arange(runs),
            **START,
        },
        {"lt2f_settings": json.dumps({"study": "s", "sweeps": {"it": sweep}})},
    )


@pytest.fixture(scope="module")
def ladder() -> xr.Dataset:
    """No escape at the first level; at others rates from 1e-5 to 1e-1, the more the noisier."""
    rates = np.geomspace(1e-6, 1e-2, 33)[:, np.newaxis] * 10.0 ** np.arange(9)[np.newaxis] / 1e4
    rates = np.minimum(rates, 0.5)
    rates[:, 0] = 0
    return made(rates)


def test_orders_of_dimensions_do_not_matter(escaping):
    first, again = module.read(escaping), module.read(escaping.transpose("mu", ...))
    assert first.runs.until.shape == (4, 29, 24)
    np.testing.assert_array_equal(first.runs.until, again.runs.until)
    assert first.runs.length == 2000 + 1024


def test_mean_times_are_drawn_where_enough_escape(ladder):
    found, figure = module.read(ladder), survival(ladder)
    curves = figure.axes[0].lines
    levels = module.shown(found)
    assert levels.size == module.MOST
    for k, line in zip(levels, curves, strict=False):
        mean = 1 / np.where(found.known[k], found.rate.rate[k], np.nan)
        np.testing.assert_allclose(line.get_ydata(), mean)
        assert line.get_label() == found.word(k)
    gone = (ladder["steps"] > escape.BURN_IN).transpose("noise", "mu", ...).sum(axis=-1)
    np.testing.assert_array_equal(found.known, gone.values >= 5)
    assert not found.known[0].any()


def test_where_some_runs_converge_there_is_no_mean_time(ladder):
    """Every second run that stays converges at step 50, but at the last step sizes none does."""
    stays = (ladder["steps"] < 0) & (ladder["realization"] % 2 == 0) & (ladder["mu"] < 1.4)
    code = np.uint8(Regime.MONOTONE)
    calm = ladder.assign(
        steps=ladder["steps"].where(~stays, 50), regime=ladder["regime"].where(~stays, code)
    )
    found, lines = module.read(calm), survival(calm).axes[0].lines
    np.testing.assert_array_equal(
        found.settles, stays.any("realization").transpose("noise", "mu").values
    )
    drawn = {line.get_label(): line.get_ydata() for line in lines}
    for k in module.shown(found):
        assert not np.isfinite(drawn[found.word(k)][found.settles[k]]).any()
    circles = [line for line in lines if line.get_marker() == "o" and len(line.get_xdata())]
    shown = module.shown(found)
    total = (found.known & found.settles)[shown].sum()
    assert sum(len(line.get_xdata()) for line in circles) == total > 0
    assert "some converge: steps per escape" in drawn
    assert "at risk no more" in captions.caption("survival", [calm])
    assert "at risk no more" not in captions.caption("survival", [ladder])
    assert "some converge: steps per escape" not in [
        line.get_label() for line in survival(ladder).axes[0].lines
    ]


def test_survival_is_followed_near_multiples_of_the_length(ladder):
    found = module.read(ladder)
    level, places = module.followed(found)
    assert found.known[level].sum() == found.known.sum(axis=1).max()
    assert found.known[level, places].all()
    steps = ladder["steps"].isel(noise=level).values
    panel = survival(ladder).axes[1]
    curves = [line for line in panel.lines if line.get_label().startswith(r"$\mu$")]
    assert len(curves) == len(places)
    for j, line in zip(places, curves, strict=True):
        n, share = line.get_data()
        left = [((steps[j] > step) | (steps[j] < 0)).mean() for step in n]
        np.testing.assert_allclose(share, left, atol=1e-12)
        assert n[-1] == found.runs.length


def test_half_of_the_runs_escape_between_two_cells(ladder):
    found = module.read(ladder)
    mu, low, high = module.half(found)
    assert mu[0] == np.inf
    shares = found.runs.escaped.mean(axis=-1)
    for k in np.flatnonzero(np.isfinite(mu)):
        assert low[k] <= mu[k] <= high[k]
        # true shares rise with mu: outside the ends the interval of every cell lacks one half
        for j in np.flatnonzero((found.mu < low[k]) | (found.mu > high[k])):
            count = int(found.runs.escaped[k, j].sum())
            ends = binomtest(count, 40).proportion_ci(0.95, "wilson")
            assert not ends.low <= 0.5 <= ends.high
    assert np.isfinite(mu).sum() >= 3
    always = np.flatnonzero(shares[:, 0] > 0.9)
    assert (mu[always] == -np.inf).all()


def test_the_edge_of_finite_variance_is_drawn_over_batch_sizes(escaping):
    panel = survival(escaping).axes[2]
    (edge,) = [line for line in panel.lines if "E(1-2" in line.get_label()]
    variance = float(escaping.attrs["prompt_covariance"][0])
    sizes = np.array([1, 4, 8, 16])
    expected = 1 / (1 + variance * (16 - sizes) / 15 / sizes)
    np.testing.assert_allclose(edge.get_ydata(), expected, rtol=1e-9)


def test_without_any_escape_there_is_a_figure_still():
    figure = survival(made(np.zeros((5, 3))), dpi=60)
    assert not [line for line in figure.axes[1].lines if line.get_label().startswith(r"$\mu$")]
