"""Which minima are found: what is drawn is what the runs of a dataset did."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom

from lt2f.dynamics import noise_theory
from lt2f.dynamics.codes import Regime
from lt2f.views import minima_found as module
from lt2f.views.figures import minima_found

RECORD = ["regime", "imbalance_final"]


@pytest.fixture(scope="module")
def disagreeing(make_map) -> xr.Dataset:
    noise = {"model": "prompts", "dimension": 4, "context": 1024, "pool_size": 8}
    axes = {
        "mu": {"values": [0.2, 0.4]},
        "batch_size": {"values": [1, 4, 8]},
        "realization": {"num": 16},
    }
    more = {"noise": {**noise, "replacement": False}, "record": RECORD}
    return make_map(axes, {"imbalance": 1.4, "product": 0.3}, **more)


def curves(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def test_the_medians_drawn_are_those_of_the_sharpness_reached(agreeing):
    top = minima_found(agreeing).axes[0]
    gone = agreeing.regime == Regime.DIVERGENT
    sharpness = np.hypot(agreeing.imbalance_final, 2 * agreeing.mu).where(~gone)
    expected = sharpness.median("realization").transpose("mu", "noise").values
    drawn = {bars.get_label(): bars.lines[0].get_ydata() for bars in top.containers}
    assert list(drawn) == [rf"$\mu$ = {mu:g}" for mu in (0.2, 0.5, 0.6)]
    for i, values in zip((0, 2, 3), drawn.values(), strict=True):
        np.testing.assert_allclose(values, expected[i], rtol=1e-12)


def test_the_edges_are_those_of_theory(agreeing, disagreeing):
    drawn, noise = curves(minima_found(agreeing).axes[0]), np.array([0.0, 0.3, 0.6])
    np.testing.assert_allclose(drawn["almost sure edge"], 2 / (1 - noise**2), rtol=1e-12)
    np.testing.assert_allclose(drawn["mean-square edge"], 2 / (1 + noise**2), rtol=1e-12)
    drawn = curves(minima_found(disagreeing).axes[0])
    size = np.array([1, 4, 8])
    variance = disagreeing.attrs["prompt_covariance"][0] * (8 - size) / 7 / size
    np.testing.assert_allclose(drawn["mean-square edge"], 2 / (1 + variance), rtol=1e-9)
    assert (drawn["almost sure edge"] >= drawn["mean-square edge"] * (1 - 1e-9)).all()
    assert drawn["almost sure edge"][-1] == 2.0


def test_the_shares_are_those_of_bounded_runs(agreeing):
    left = minima_found(agreeing).axes[1]
    found = module.read(agreeing)
    (line,) = [line for line in left.lines if line.get_label() == "0.3"]
    ends = found.sharpness[2, 1]
    assert "0.5" in left.get_title(loc="left")
    for s, share in zip(*line.get_data(), strict=True):
        assert share == pytest.approx(np.mean(ends[np.isfinite(ends)] <= s))


def test_the_interval_of_a_median_covers_it():
    """Exact: of n draws the order statistics k and n + 1 - k hold it with 1 - 2 P(X < k)."""
    for n in (8, 25, 64):
        _, low, high = module.median(np.arange(1.0, n + 1))
        assert low + high == n + 1
        covered = 1 - 2 * binom.cdf(low - 1, n, 0.5)
        assert covered >= 0.95
        assert 1 - 2 * binom.cdf(low, n, 0.5) < 0.95
    values = np.array([[3.0, np.nan, 1.0, 2.0], [np.nan] * 4])
    middle, low, high = module.median(values)
    np.testing.assert_array_equal([middle[0], low[0], high[0]], [2.0, 1.0, 3.0])
    assert np.isnan([middle[1], low[1], high[1]]).all()


def test_other_laws_have_their_edge(agreeing):
    settings = json.loads(agreeing.attrs["lt2f_settings"])
    (sweep,) = settings["sweeps"].values()
    sweep["noise"]["law"] = "uniform"
    other = agreeing.assign_attrs(lt2f_settings=json.dumps(settings))
    drawn = curves(minima_found(other).axes[0])["almost sure edge"]
    expected = [2.0, *(noise_theory.almost_sure_threshold(s, "uniform") for s in (0.3, 0.6))]
    np.testing.assert_allclose(drawn, expected, rtol=1e-12)


def test_where_all_escape_there_is_a_figure_still(agreeing):
    gone = agreeing.copy()
    gone["regime"] = gone.regime.where(gone.noise < 0.5, int(Regime.DIVERGENT)).astype("u1")
    figure = minima_found(gone, dpi=60)
    (first, *_) = figure.axes[0].containers
    assert np.isnan(first.lines[0].get_ydata()[-1])
    gone["regime"] = xr.full_like(agreeing.regime, int(Regime.DIVERGENT))
    assert minima_found(gone, dpi=60).axes
