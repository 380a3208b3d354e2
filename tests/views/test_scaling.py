"""Step sizes over batch sizes: shares that are known are found, and edges solve their equations."""

import numpy as np
import pytest

from lt2f.dynamics import batch_theory
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import pool
from lt2f.views import scaling


def test_where_a_share_passes_is_found_with_its_interval():
    """Runs that end at thresholds of their own, whose quantiles are known."""
    mu, chance = np.linspace(0.4, 1.9, 301), np.random.default_rng(5)
    ends = 0.9 + 0.1 * chance.standard_normal((40, 200))  # level, run
    events = mu[:, np.newaxis] >= ends[:, np.newaxis]
    for share, quantile in ((0.5, 0.0), (0.05, -1.6449)):
        at, low, high = scaling.passed(mu, events, share)
        true = 0.9 + 0.1 * quantile
        # Of 40 intervals of 95 %, binomially, at least 34 hold the truth but once in 500; the
        # bootstrap of a quantile in a tail is a little narrow, for which two more are let go.
        assert ((low <= true + 0.005) & (true - 0.005 <= high)).sum() >= 32
        assert (low <= at).all()
        assert (at <= high).all()


def test_what_lies_outside_the_sweep_is_infinite():
    mu = np.linspace(0.4, 1.9, 31)
    events = np.stack([np.ones((31, 8), dtype=bool), np.zeros((31, 8), dtype=bool)])
    at, low, high = scaling.passed(mu, events, 0.5)
    assert at.tolist() == [-np.inf, np.inf]
    assert low.tolist() == high.tolist() == [0.4, 1.9]


@pytest.mark.parametrize("replacement", [True, False])
def test_edges_solve_their_equations(escaping, replacement):
    settings = escaping.attrs["lt2f_settings"]
    changed = settings.replace('"replacement": false', f'"replacement": {str(replacement).lower()}')
    data = escaping.assign_attrs(lt2f_settings=changed)
    prompts = multipliers(pool(int(data.attrs["seed"]), 16, 8, 32))
    square, sure = scaling.mean_square(data, data["batch_size"].values), scaling.almost_sure(data)
    for size, first, second in zip(data["batch_size"].values, square, sure, strict=True):
        batches = Batches(prompts, int(size), replacement)
        factor = batch_theory.mean_square_factor(2 * first, batches.covariance())
        assert factor == pytest.approx(1, abs=1e-9)
        (h, _), weight, _ = batches.law(int(data.attrs["seed"]))
        with np.errstate(divide="ignore"):
            rate = weight @ np.log(np.abs(1 - 2 * second * h))
        # The root is found to 1e-9, and the rate is steep next to the logarithm's poles.
        assert rate == pytest.approx(0, abs=1e-5)
    if not replacement:
        assert square[-1] == pytest.approx(1, abs=1e-12)  # the whole pool
        assert sure[-1] == pytest.approx(1, abs=1e-8)


def test_at_the_critical_size_the_edge_is_one_half(escaping):
    size = scaling.critical_size(escaping)
    assert scaling.mean_square(escaping, np.array([size])) == pytest.approx(0.5, abs=1e-12)


def test_marks_are_where_the_shares_pass(escaping):
    figure = scaling.scaling(escaping)
    (half, *_) = (line for line in figure.axes[0].lines if "half of" in str(line.get_label()))
    first = scaling.measured(escaping)[0]
    assert (half.get_ydata() == first.mu[np.isfinite(first.mu)]).all()
