"""Noise in the kernels and in the labels, against what theory says of independent draws."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from lt2f.dynamics import noise_theory
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.kernels import ITERATE, SETTLE, E, U, V
from lt2f.dynamics.labels import explore
from lt2f.dynamics.lanes import Noise, factors, prepare, residual_and_norm
from lt2f.dynamics.survey import Schedule
from lt2f.dynamics.theory import start_state
from lt2f.training.batches import sequence

LAWS = ("two_point", "uniform", "normal")


def silence(count):
    return Noise("none", "two_point", np.zeros(1), np.zeros(count))


def noisy(model, law, steps, amplitude, realization=0):
    return Noise(model, law, sequence(20260520, realization, steps, law), amplitude)


def plain_orbit(u, v, mu, noise, steps):
    """The orbit by its definition, in exact rational steps rounded to 40 digits."""
    with mpmath.workdps(40):
        a, b = mpmath.mpf(u + v), mpmath.mpf(u - v)
        for x in noise.sequence[:steps]:
            e = a * b - mu
            if noise.model == "multiplicative":
                r = (1 + mpmath.mpf(noise.amplitude[0]) * mpmath.mpf(x)) * e
            else:
                r = e - mpmath.mpf(noise.amplitude[0]) * mpmath.mpf(x)
            a, b = a - r * b, b - r * a
        return a, b


@pytest.mark.parametrize("model", ["multiplicative", "target"])
@pytest.mark.parametrize("law", LAWS)
def test_a_noisy_step_is_the_one_of_theory(model, law):
    mu, u, v = 0.75, 0.5, 0.25
    noise = noisy(model, law, 12, np.array([0.25]))
    state = prepare(np.array([u]), np.array([v]), np.array([mu]), noise)
    ITERATE[noise.index](state, 12, 0, noise.sequence)
    a, b = plain_orbit(u, v, mu, noise, 12)
    # Twelve steps in a bounded region: a few dozen roundings, each stretched a few times.
    assert abs(state[U, 0] + state[V, 0] - float(a)) < 1e-13
    assert abs(state[U, 0] - state[V, 0] - float(b)) < 1e-13


def test_the_residual_keeps_its_relative_precision_below_rounding():
    """log|e_n/e_0| against 60 digits, from 1e-9 far below the rounding of ab - mu and on."""
    mu, steps = 0.9, 400
    noise = noisy("multiplicative", "two_point", steps, np.array([0.3]))
    x = np.sqrt(mu + 1e-9)
    state = prepare(np.array([x]), np.array([0.0]), np.array([mu]), noise)
    with mpmath.workdps(120):
        exact = mpmath.mpf(x)
        for k in range(steps):
            h = 1 + mpmath.mpf(0.3) * mpmath.mpf(noise.sequence[k])
            exact -= h * (exact**2 - mpmath.mpf(mu)) * exact
        truth = exact**2 - mpmath.mpf(mu)
        ITERATE[noise.index](state, steps, 0, noise.sequence)
        (e,), _ = residual_and_norm(state[:, :1])
        assert abs(truth) < 1e-25  # else this tests nothing
        # The start itself is 1e-9 to seven digits only, for x is a double.
        assert abs(mpmath.mpf(float(e)) / truth - 1) < 1e-6


def test_a_run_near_an_unstable_minimum_comes_back():
    """On-off intermittency: just above the almost sure threshold |e| falls far and returns.

    With tol = 1e-20 a share of about tol^(2 lambda/Var log|1 - hS|), several in a thousand, of a
    long run lies below it; rounding of ab - mu would hold such a run at 1e-16 or at zero for good.
    """
    level, steps = 0.3, 400_000
    mu = 1.01 / (1.0 - level**2)
    assert noise_theory.almost_sure_exponent(2 * mu, level, "two_point") > 0
    assert not noise_theory.multiplicative_escape_is_possible(mu, 1.0 + level)
    noise = noisy("multiplicative", "two_point", steps, np.array([level]))
    state = prepare(np.array([np.sqrt(mu) + 1e-3]), np.array([0.0]), np.array([mu]), noise)
    low, returned = False, False
    for start in range(0, steps, 100):
        SETTLE[noise.index](state, 100, start, noise.sequence)
        (e,), _ = residual_and_norm(state[:, :1])
        low |= bool(abs(e) < 1e-20)
        returned |= bool(low and abs(e) > 1e-3)
    assert low
    assert returned


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("noise_level", [0.2, 0.5])
def test_stability_changes_at_the_almost_sure_threshold(law, noise_level):
    """Distance from a balanced minimum grows or shrinks as E log|1 - hS| says, on either side.

    What is measured is log|e| after n steps from 1e-100 e_0, so no other minimum is near: its mean
    over realizations is n lambda, within five standard errors.
    """
    steps, count = 400, 64
    threshold = noise_theory.almost_sure_threshold(noise_level, law)
    for factor in (0.95, 1.05):
        mu = np.array([factor * threshold / 2.0])
        growth = []
        for k in range(count):
            noise = noisy("multiplicative", law, steps, np.array([noise_level]), k)
            state = prepare(np.sqrt(mu), np.zeros(1), mu, noise)
            state[E] = 1e-100
            ITERATE[noise.index](state, steps, 0, noise.sequence)
            (e,), _ = residual_and_norm(state[:, :1])
            growth.append(np.log(abs(e) / 1e-100) / steps)
        mean, error = np.mean(growth), np.std(growth, ddof=1) / np.sqrt(count)
        exact = noise_theory.almost_sure_exponent(2 * mu[0], noise_level, law)
        assert abs(mean - exact) < 5.0 * error
        assert np.sign(exact) == np.sign(factor - 1.0)


def test_escape_under_bounded_target_noise_begins_at_the_exact_criterion():
    mu, steps, count = 1.3, 4000, 400
    edge = float(noise_theory.target_escape_threshold(mu))
    below, above = 0.999 * edge, 1.3 * edge
    start = np.full(count, 0.8)
    escapes = {}
    for amplitude in (below, above):
        noise = noisy("target", "two_point", 2 * steps, np.full(count, amplitude))
        starts = start + np.linspace(0, 0.5, count)
        outcome = explore(
            starts, np.zeros(count), np.full(count, mu), Schedule(steps, steps), noise
        )
        escapes[amplitude] = int((outcome["regime"] == Regime.DIVERGENT).sum())
    assert escapes[below] == 0
    assert escapes[above] > 0


def test_target_noise_balances_the_factors():
    """log|delta| drifts at E log|1 - r^2|, exactly: delta' = delta (1 - r^2)."""
    mu, steps, amplitude = 0.6, 2000, 0.1
    noise = noisy("target", "two_point", steps, np.array([amplitude]))
    u, v = start_state(np.array([0.5]), np.array([mu]))
    state = prepare(u, v, np.array([mu]), noise)
    ITERATE[noise.index](state, steps, 0, noise.sequence)
    a, b, total = u[0] + v[0], u[0] - v[0], 0.0
    for x in noise.sequence:
        r = a * b - mu - amplitude * x
        total += np.log(abs(1.0 - r * r))
        a, b = a - r * b, b - r * a
    (x,), (y,) = (factor[:1] for factor in factors(state))
    # Two double-precision orbits that contract: rounding does not build up over the sum.
    assert np.log(abs(4 * x * y) / 0.5) == pytest.approx(total, rel=1e-9)
    assert total < 0


def test_the_collapse_rung_needs_both_factors_to_shrink():
    """Balanced collapse with E log|1 + m| < 0 < E log|1 - m| is left by any imbalance."""
    mu, amplitude = 0.5, 1.6
    along, across = noise_theory.origin_exponents(mu, amplitude, "two_point")
    assert along < 0 < across
    noise = noisy("target", "two_point", 8000, np.array([amplitude]))
    outcome = explore(np.array([1e-3]), np.zeros(1), np.array([mu]), Schedule(4000, 4000), noise)
    assert outcome["regime"][0] != Regime.COLLAPSED


def test_steps_are_those_of_the_last_loud_step():
    mu, level, total = 0.5, 0.3, 1000
    noise = noisy("multiplicative", "uniform", total, np.array([level]))
    u, v = start_state(np.array([0.2]), np.array([0.1]))
    outcome = explore(u, v, np.array([mu]), Schedule(500, 500), noise)
    a, b, last = Fraction(u[0] + v[0]), Fraction(u[0] - v[0]), -1
    with mpmath.workdps(60):
        a, b = mpmath.mpf(float(a)), mpmath.mpf(float(b))
        for t, x in enumerate(noise.sequence):
            e = a * b - mu
            last = t if e * e > 1e-24 else last
            r = (1 + mpmath.mpf(level) * mpmath.mpf(x)) * e
            a, b = a - r * b, b - r * a
    assert outcome["regime"][0] in (Regime.MONOTONE, Regime.CATAPULT)
    assert outcome["steps"][0] == last + 1
