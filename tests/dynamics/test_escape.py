"""Escape times: estimates from geometric laws of known rate, with runs that end before they do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, poisson

from lt2f.dynamics import escape
from lt2f.dynamics.codes import Regime


def geometric(rng, p: float, shape, length: int) -> escape.Watched:
    """Runs that escape at every step with probability p, watched for `length` steps."""
    times = rng.geometric(p, shape)
    regime = np.where(times <= length, Regime.DIVERGENT, Regime.BOUNDED_NOISE)
    return escape.watched(np.where(times <= length, times, -1), regime, length)


def test_runs_are_read_as_sweeps_record_them():
    codes = [Regime.DIVERGENT, Regime.MONOTONE, Regime.CATAPULT, Regime.CHAOTIC, Regime.COLLAPSED]
    runs = escape.watched([7, 3, 9, -1, -1], codes, 10)
    np.testing.assert_array_equal(runs.until, [7, 3, 9, 10, np.nan])
    assert runs.escaped.tolist() == [True, False, False, False, False]
    with pytest.raises(ValueError, match="a run of 10 steps cannot end at step 11"):
        escape.watched([11], [Regime.DIVERGENT], 10)


@pytest.mark.parametrize("code", [Regime.DIVERGENT, Regime.CATAPULT])
def test_what_a_theorem_alone_says_was_not_seen(code):
    runs = escape.watched([-1], [code], 10)
    assert (runs.until.tolist(), runs.escaped.tolist()) == ([10], [False])


@pytest.mark.parametrize(("p", "length", "burn_in"), [(0.002, 1000, 64), (0.03, 40, 0)])
def test_intervals_of_the_rate_cover_it(p, length, burn_in):
    """2000 groups of 30 runs, about half of which are censored."""
    runs = geometric(np.random.default_rng(1), p, (2000, 30), length)
    found = escape.rate(runs, burn_in)
    covered = (found.low <= p) & (p <= found.high)
    # The exact interval never covers less than 95 %, up to four binomial standard errors.
    assert covered.mean() > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 2000)
    assert covered.mean() < 0.995  # and one that says nothing would cover always
    assert ((found.low < found.rate) & (found.rate < found.high)).all()


def test_the_rate_has_no_bias_by_censoring():
    p, length = 0.004, 100  # two of three runs are censored
    runs = geometric(np.random.default_rng(2), p, 200_000, length)
    found = escape.rate(runs, 0)
    assert abs(found.rate / p - 1) < 4 / math.sqrt(found.escapes)
    # The mean of the times that were seen is no estimate: it is below half the length.
    assert runs.until[runs.escaped].mean() < length * 0.52


def test_who_has_converged_is_at_risk_no_more():
    codes = [Regime.DIVERGENT, Regime.MONOTONE, Regime.CHAOTIC]
    found = escape.rate(escape.watched([70, 80, -1], codes, 164), 64)
    assert found.rate == pytest.approx(1 / (6 + 16 + 100))
    early = escape.rate(escape.watched([50, 80, -1], codes, 164), 64)
    assert (early.escapes, early.rate) == (0, 0)


@given(k=st.integers(0, 40), time=st.floats(1, 1e5), level=st.sampled_from([0.68, 0.95]))
def test_ends_of_the_interval_solve_their_equations(k, time, level):
    """P(at least k) and P(at most k) at the ends are half of what the level leaves."""
    until = np.append(np.full(k, 1.0), time)
    gone = np.arange(k + 1) < k
    low, high = escape.rate(escape.Watched(until, gone, int(time) + 1), 0, level)[1:3]
    total = k + time
    assert poisson.cdf(k, high * total) == pytest.approx((1 - level) / 2, rel=1e-9)
    if k:
        assert poisson.sf(k - 1, low * total) == pytest.approx((1 - level) / 2, rel=1e-9)
    else:
        assert low == 0


def test_without_anyone_at_risk_there_is_no_rate():
    codes = np.array([[Regime.MONOTONE] * 2, [Regime.DIVERGENT, Regime.COLLAPSED]])
    found = escape.rate(escape.watched([[3, 4], [100, -1]], codes, 200))
    assert np.isnan(found.rate).all()


def test_survival_of_runs_of_one_length_is_a_share():
    """Censored at the end alone, Kaplan and Meier's estimate is the share itself."""
    runs = geometric(np.random.default_rng(3), 0.01, 64, 80)
    found = escape.survival(runs)
    times = np.where(runs.escaped, runs.until, np.inf)
    seen = (times > found.step[:, np.newaxis]).mean(axis=1)
    np.testing.assert_allclose(found.share, seen, atol=1e-12)
    assert (found.step[0], found.share[0], found.high[0]) == (0, 1, 1)
    assert ((found.low <= found.share) & (found.share <= found.high)).all()


def test_intervals_of_survival_cover_it():
    p, step, inside = 0.01, 60, []
    rng = np.random.default_rng(4)
    for _ in range(600):
        found = escape.survival(geometric(rng, p, 64, 100))
        k = np.searchsorted(found.step, step, "right") - 1
        inside.append(found.low[k] <= (1 - p) ** step <= found.high[k])
    # asymptotic intervals of 64 runs: within 2 % of their level, and four binomial errors
    assert abs(np.mean(inside) - 0.95) < 0.02 + 4 * math.sqrt(0.95 * 0.05 / 600)


@pytest.mark.parametrize("code", [Regime.MONOTONE, Regime.COLLAPSED, Regime.CHAOTIC])
def test_who_never_escapes_survives(code):
    found = escape.survival(escape.watched([5] * 8, [code] * 8, 100))
    np.testing.assert_array_equal(found.share, 1)
    exact = binomtest(8, 8).proportion_ci(0.95, "exact")
    np.testing.assert_allclose(found.low, exact.low)
    np.testing.assert_array_equal(found.high, 1)


def test_who_always_escapes_does_not():
    found = escape.survival(escape.watched([5] * 8, [Regime.DIVERGENT] * 8, 100))
    assert found.share.tolist() == [1, 0]
    assert found.low[-1] == 0
    assert found.high[-1] == pytest.approx(binomtest(0, 8).proportion_ci(0.95, "exact").high)


@pytest.mark.parametrize("shape", [0.7, 1.0, 1.6])
def test_a_weibull_law_gives_its_shape(shape):
    rng, found = np.random.default_rng(5), []
    for _ in range(200):
        times = np.ceil(300 * rng.weibull(shape, 200)) + 32
        regime = np.where(times <= 500, Regime.DIVERGENT, Regime.CHAOTIC)
        found.append(escape.weibull_shape(escape.watched(times.clip(max=500), regime, 500)))
    values, errors = np.array(found).T
    # the estimate is biased by some 1.4/escapes of its value, about 1 % here
    assert values.mean() == pytest.approx(shape, abs=4 * values.std() / 200**0.5 + 0.012 * shape)
    # a standard deviation of 200 values is known to 5 %
    assert errors.mean() == pytest.approx(values.std(), rel=0.2)


def test_a_shape_takes_two_escapes():
    runs = escape.watched([70, 3, -1], [Regime.DIVERGENT, Regime.DIVERGENT, Regime.CHAOTIC], 100)
    with pytest.raises(ValueError, match="two escapes"):
        escape.weibull_shape(runs)
