"""Averages in every bounded regime: against closed forms, and what they have in common."""

from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.kernels import ITERATE, residuals
from lt2f.dynamics.labels import observed
from lt2f.dynamics.lanes import SILENCE, Noise, factors, prepare
from lt2f.dynamics.model import MULTIPLICATIVE, QUIET, TARGET
from lt2f.dynamics.superstable import superstable
from lt2f.dynamics.survey import Schedule
from lt2f.training import batches

ULP = 2.0**-52
DOUBLING, MERGING = np.sqrt(5) - 1, 1.5 * np.sqrt(3) - 1
RUN = Schedule(transient=3000, measure=3200)
EITHER = pytest.mark.parametrize("shortcuts", [True, False])


def explored(u, v, mu, schedule=RUN, noise=SILENCE):
    cells = (np.array(x, dtype=float) for x in np.broadcast_arrays(np.atleast_1d(u), v, mu))
    return observed(*cells, schedule, noise)[0]


def within(mu, rng, low=0.1, high=0.98):
    """A start (U, V) for each mu at a relative radius from the ellipse, 1 on it."""
    u, v = theory.ellipse_point(rng.integers(0, 2**64, mu.size, dtype=np.uint64), mu)
    radius = np.sqrt(rng.uniform(low * low, high * high, mu.size))
    return radius * u, radius * v, mu


# Minima: the point itself


@EITHER
def test_a_minimum_is_its_own_average(shortcuts):
    mu = np.random.default_rng(60).uniform(0.05, 0.97, 600)
    found = explored(*within(mu, np.random.default_rng(61)), replace(RUN, shortcuts=shortcuts))
    at = found["steps"] >= 0
    assert at.sum() > 500
    (a, b), mu = found["weights_mean"][at].T, mu[at]
    error = found["weights_mean_error"][at]
    # a rounding a step, of 6200
    assert (error <= 6204 * ULP * np.abs(found["weights_mean"][at])).all()
    # on ab = mu, with the imbalance and the sharpness that are reported: of a point, some ulps
    np.testing.assert_allclose(a * b, mu, rtol=8 * ULP)
    scale = found["sharpness"][at]
    np.testing.assert_allclose(
        (a * a - b * b) / scale, found["imbalance_final"][at] / scale, atol=8 * ULP
    )
    np.testing.assert_allclose(a * a + b * b, scale, rtol=8 * ULP)
    assert {*np.sign(a)} == {*np.sign(b)} == {-1.0, 1.0}


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("swap", [1.0, -1.0])
def test_a_minimum_that_a_start_is_at(sign, swap):
    # a = 1, b = 1/2, S = 5/4, and its images under both symmetries
    found = explored(0.75 * sign, 0.25 * sign * swap, 0.5)
    expected = [1.0, 0.5] if swap > 0 else [0.5, 1.0]
    np.testing.assert_allclose(found["weights_mean"], [sign * np.array(expected)], rtol=4 * ULP)


def test_a_run_that_ends_early_has_the_minimum_of_the_whole_run():
    mu = np.random.default_rng(62).uniform(0.05, 0.9, 400)
    cells = within(mu, np.random.default_rng(63))
    short, whole = (explored(*cells, replace(RUN, shortcuts=s)) for s in (True, False))
    at = (short["steps"] >= 0) & (whole["steps"] >= 0)
    assert at.sum() > 350
    for name in ("weights_mean", "sharpness"):
        gap = np.abs(short[name] - whole[name])[at]
        assert (gap <= short[f"{name}_error"][at] + whole[f"{name}_error"][at]).all()


def test_the_origin_is_its_own_average():
    found = explored(0.0, 0.3, 0.7)  # on U = 0
    assert found["regime"] == Regime.COLLAPSED
    np.testing.assert_allclose(found["weights_mean"], 0.0, atol=1e-10)


def test_what_diverges_has_no_average():
    found = explored([0.1, 3.0], [0.1, 0.0], [2.5, 1.5])
    assert (found["regime"] == Regime.DIVERGENT).all()
    assert np.isnan(found["weights_mean"]).all()
    assert np.isnan(found["weights_mean_error"]).all()


# The two-cycle


@EITHER
def test_averages_on_the_two_cycle(shortcuts):
    # unbalanced starts all over the ellipse; the imbalance dies at log(3 - 2 mu)/2 a step
    mu = np.random.default_rng(64).uniform(1.05, DOUBLING - 0.005, 300)
    found = explored(*within(mu, np.random.default_rng(65)), replace(RUN, shortcuts=shortcuts))
    assert (found["regime"] == Regime.PERIODIC).all()
    weights, error = found["weights_mean"], found["weights_mean_error"]
    exact = theory.two_cycle_weight(mu)[:, np.newaxis]
    assert {*np.sign(weights[:, 0])} == {-1.0, 1.0}
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])  # it is balanced
    assert (np.abs(np.abs(weights) - exact) <= error + 2 * ULP).all()
    assert (np.abs(found["sharpness"] - (1 + mu)) <= found["sharpness_error"]).all()
    assert (
        np.abs(found["loss_mean"] - theory.two_cycle_loss(mu)) <= found["loss_mean_error"]
    ).all()
    averaged = theory.loss_at(mu, *weights.T)
    np.testing.assert_allclose(averaged, theory.two_cycle_averaged_loss(mu), atol=1e-11)
    assert (averaged < found["loss_mean"]).all()


# Full chaos, mu = 2


def test_averages_of_full_chaos():
    x = 2 * np.cos(np.pi * np.random.default_rng(66).uniform(0, 1, 400))
    found = explored(x, 0.0, 2.0, Schedule(500, 6400))
    assert (found["regime"] == Regime.CHAOTIC).all()
    half_width = stats.t(30).ppf(0.975)
    for values, error, truth in (
        (found["weights_mean"][:, 0], found["weights_mean_error"][:, 0], 0.0),
        (found["weights_mean"][:, 1], found["weights_mean_error"][:, 1], 0.0),
        (found["sharpness"], found["sharpness_error"], theory.CHEBYSHEV_SHARPNESS),
        (found["loss_mean"], found["loss_mean_error"], theory.CHEBYSHEV_LOSS),
    ):
        # 95 % to five standard deviations of 400 cells
        assert 0.895 < (np.abs(values - truth) < half_width * error).mean() <= 1.0


# What all bounded orbits have in common


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_averages_of_a_bounded_orbit_keep_what_a_variance_asks(seed):
    # mean squares are no less than squared means: of a and b, and of e
    rng = np.random.default_rng(seed)
    mu = rng.uniform(0.1, 2.0, 24)
    found = explored(*within(mu, rng), Schedule(600, 640))
    a, b = found["weights_mean"].T
    slack = 4 * (
        found["sharpness_error"] + 2 * np.abs([a, b]).max(0) * found["weights_mean_error"].max(1)
    )
    assert (a * a + b * b <= found["sharpness"] + slack + 1e-12).all()
    balanced = np.isin(found["regime"], [Regime.PERIODIC])
    e = found["sharpness"] / 2 - mu  # there S = 2x^2
    assert (e**2 / 2 <= found["loss_mean"] + found["loss_mean_error"] + 1e-11)[balanced].all()


def climbing(n, before):
    """The largest mu below the merging with f^n(c) = c, and its cycle from c on, by halving.

    What is left to the merging falls by 1/k or so from one n to the next.
    """
    with mp.workdps(30):
        merging = 3 * mp.sqrt(3) / 2 - 1

        def orbit(mu):
            points = [mp.sqrt((1 + mu) / 3)]
            for _ in range(n):
                points.append((1 + mu) * points[-1] - points[-1] ** 3)
            return points

        gap = (merging - before) / 50
        while orbit(merging - gap)[-1] < orbit(merging - gap)[0]:
            gap *= 1.05
        low, high = merging - gap, merging - gap / 1.05
        for _ in range(100):
            mu = (low + high) / 2
            low, high = (low, mu) if orbit(mu)[-1] < orbit(mu)[0] else (mu, high)
        return mu, orbit(mu)[:-1]


def test_averaging_hurts_on_cycles_that_climb_from_the_origin():
    before = 3 / mp.sqrt(2) - 1  # superstable cycle of period 2
    for n in range(3, 41):
        with mp.workdps(30):
            mu, x = climbing(n, before)
            k, c = 1 + mu, x[0]
            assert before < mu < 3 * mp.sqrt(3) / 2 - 1
            assert sorted(x[2:]) == x[2:]
            assert x[-1] < c
            mean, loss = sum(x) / n, sum((y * y - mu) ** 2 for y in x) / n
            assert ((mean * mean - mu) ** 2 > loss) == (n >= 8)
            # the bounds of the proof, and that they decide beyond 26
            most = x[1] + c / (1 - 3 / (2 * k))
            assert sum(x) <= most
            assert mu**2 - 2 * mu * most**2 / n**2 <= (mean * mean - mu) ** 2
            assert loss <= mu**2 - (2 * mu - c * c) * c * c / n
            if n >= 8:
                assert float(superstable("M" + "L" * (n - 2)).mu) == pytest.approx(float(mu))
                assert 2 * mu * most**2 / ((2 * mu - c * c) * c * c) < 26
            before = mu


MODELS = {QUIET: "none", MULTIPLICATIVE: "multiplicative", TARGET: "target"}


@pytest.mark.parametrize("model", MODELS, ids=MODELS.values())
def test_what_telescopes_averages_to_nothing(model):
    # r a, r b and r^2 S - 4r ab are changes of b, of a and of S to the last rounding; under noise
    # h has the mean 1 and is independent of the state, so e stands for r in the mean: what that
    # leaves is a sum of independent terms, whose standard error is that of its blocks
    count, steps, blocks, s = 60, 6400, 32, 0.2
    rng = np.random.default_rng(67)
    high = 1.95 if model == QUIET else 1.4
    u, v, mu = within(rng.uniform(0.2, high, count), rng, high=0.6)
    draws = batches.sequence(0, 0, 600 + steps, "two_point")
    noise = Noise(MODELS[model], "two_point", draws, np.full(count, s if model else 0.0))
    state = prepare(u, v, mu, noise)
    ITERATE[model](state, 600, 0, draws)
    sums, first = np.zeros((blocks, 5, count)), None
    for t in range(600, 600 + steps):
        x, y = (values[:count] for values in factors(state))
        a, b, e, size = x + y, x - y, residuals(x, y, mu), 2 * (x * x + y * y)
        first = (a, b, size) if first is None else first
        h = 1 + s * draws[t] if model == MULTIPLICATIVE else 1.0
        r = e - s * draws[t] if model == TARGET else h * e
        square = (
            (1 + s * s) * e * e if model == MULTIPLICATIVE else e * e + s * s * (model == TARGET)
        )
        sums[(t - 600) * blocks // steps] += [
            r * b,
            r * a,
            4 * r * a * b - r * r * size,
            e * b,
            square * size - 4 * e * a * b,
        ]
        ITERATE[model](state, 1, t, draws)
    x, y = (values[:count] for values in factors(state))
    assert (2 * (x * x + y * y) < 16).all()  # bounded
    ends = first[0] - (x + y), first[1] - (x - y), first[2] - 2 * (x * x + y * y)
    # terms below 50, rounded some ten times in each step
    np.testing.assert_allclose(sums[:, :3].sum(axis=0), ends, atol=500 * steps * ULP)
    means = sums[:, 3:].sum(axis=0) / steps
    errors = sums[:, 3:].std(axis=0, ddof=1) * np.sqrt(blocks) / steps
    # a change of the state between the ends is below 16, over all steps
    assert (np.abs(means) < 5 * errors + 16 / steps).all()


def test_noise_on_the_balanced_line_keeps_weights_and_errors_finite():
    mu = np.linspace(0.3, 1.2, 40)
    draws = batches.sequence(0, 1, RUN.total, "two_point")
    noise = Noise("target", "two_point", draws, np.full(40, 0.2))
    found = explored(np.sqrt(mu), 1e-3, mu, RUN, noise)
    assert (found["regime"] != Regime.DIVERGENT).all()
    (a, b), (a_error, _) = found["weights_mean"].T, found["weights_mean_error"].T
    # noise has balanced the factors by then, at log E(1 - r^2) or so a step
    np.testing.assert_allclose(a, b, atol=1e-3)
    assert (a * a + b * b <= found["sharpness"] + 4 * found["sharpness_error"] + 8 * a_error).all()
    assert (a_error > 0).all()
