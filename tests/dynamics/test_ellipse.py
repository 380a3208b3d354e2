"""Chaos on the ellipse by its angle: exponents, averages and their errors against closed forms.

That the ellipse is invariant and its angle steps as t' = pi - 3t is proved in test_identities.
"""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lt2f.dynamics import ellipse, theory
from lt2f.dynamics.averages import BLOCKS
from lt2f.dynamics.compiler import jit
from lt2f.dynamics.kernels import ITERATE
from lt2f.dynamics.lanes import SILENCE, factors, prepare
from lt2f.dynamics.model import QUIET

ULP = 2.0**-52
CASES = 1500  # a share of 0.95 then has a standard deviation below 0.006
HALF_WIDTH = stats.t(BLOCKS - 2).ppf(0.975)  # a spread and a slope are estimated

angles = st.one_of(
    st.integers(0, 2**64 - 1),
    st.builds(lambda k, d: (k * 2**61 + d) % 2**64, st.integers(0, 7), st.integers(-3, 3)),
)


def random_angles(count, seed):
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def test_the_map_multiplies_the_tangent_by_minus_three():
    # so the exponent along is log 3, and as det J = -3 (1 + mu e + e^2) the other is the mean of
    # the logarithm of that factor
    t, mu = sp.symbols("t mu", real=True)
    u, v = sp.symbols("u v", real=True)
    e = u**2 - v**2 - mu
    jacobian = sp.Matrix([u * (1 - e), v * (1 + e)]).jacobian([u, v])
    point = {u: sp.sqrt(2 + mu) * sp.cos(t), v: sp.sqrt(2 - mu) * sp.sin(t)}
    tangent = sp.Matrix([-sp.sqrt(2 + mu) * sp.sin(t), sp.sqrt(2 - mu) * sp.cos(t)])
    image = jacobian.subs(point) * tangent + 3 * tangent.subs(t, sp.pi - 3 * t)
    assert all(sp.simplify(sp.expand_trig(sp.expand(x))) == 0 for x in image)
    factor = 1 + mu * e + e**2
    assert sp.simplify(sp.expand((jacobian.det() + 3 * factor).subs(point))) == 0


# Points


@jit
def placed(phi, out):
    for j in range(phi.size):
        out[0, j], out[1, j] = ellipse._cosine_and_sine(phi[j])


@settings(deadline=None)  # the first case compiles
@given(st.lists(angles, min_size=1, max_size=8))
def test_cosine_and_sine(phi):
    out = np.empty((2, len(phi)))
    placed(np.array(phi, dtype=np.uint64), out)
    with mp.workdps(40):
        for k, (c, s) in zip(phi, out.T, strict=True):
            turn = 2 * mp.pi * mp.mpf(k) / 2**64
            # the angle, at most pi/4 off a multiple of pi/2, has two roundings, the result two
            assert abs(mp.mpf(c) - mp.cos(turn)) < 1.5 * ULP
            assert abs(mp.mpf(s) - mp.sin(turn)) < 1.5 * ULP


def test_the_orbit_is_that_of_the_exact_angle():
    mu, phi, steps = np.array([0.3, 1.2, 1.9]), random_angles(3, 1), 96
    found = ellipse.observe(mu, phi, steps)
    for _ in range(ellipse.ALIGN):
        phi = theory.ellipse_angle_step(phi)
    e, s = [], []
    for _ in range(steps):
        e.append(theory.ellipse_residual(phi))
        s.append(2 * np.sum(np.square(theory.ellipse_point(phi, mu)), axis=0))
        phi = theory.ellipse_angle_step(phi)
    # e has an absolute error of some 10 ulps, and 1 + e comes as near to 0 as 0.001 here
    assert np.min(np.abs(1 + np.array(e))) > 0.001
    rough = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(found["sharpness"], np.mean(s, axis=0), **rough)
    np.testing.assert_allclose(found["loss_mean"], np.mean(np.square(e), axis=0) / 2, **rough)
    across = np.log(np.abs(1 + np.array(e))).mean(axis=0)
    np.testing.assert_allclose(found["imbalance_rate"], across, **rough)


def test_the_map_keeps_ellipse_and_angle_to_rounding():
    mu = np.concatenate([np.linspace(0.05, 1.95, 39), [1e-12, 1e-6, 2 - 1e-6, 2 - 1e-12]])
    found = ellipse.observe(mu, random_angles(mu.size, 2), 20000)
    # A point is off by 3 roundings of 2^-53 at most in each coordinate, which is 2 at most; the
    # Jacobian, of norm sqrt(2) times 9 in the coordinates of the circle, takes these to 13 times as
    # much, and e, S < 8 and the step itself add some 10 roundings.
    assert (found["conjugacy_error"] < 80 * ULP).all()
    assert (found["invariance_error"] < 80 * ULP).all()
    assert (found["conjugacy_error"] > 0).all()


def test_a_cell_does_not_depend_on_its_company(monkeypatch):
    mu, phi = np.linspace(0.1, 1.9, 23), random_angles(23, 3)
    whole = ellipse.observe(mu, phi, 100)
    order = np.random.default_rng(4).permutation(23)
    monkeypatch.setattr(ellipse, "GROUP", 5)
    mixed = ellipse.observe(mu[order], phi[order], 100)
    assert all(mixed[name].tobytes() == whole[name][order].tobytes() for name in whole)


def test_plain_iteration_leaves_the_ellipse():
    """Why angles: rounding, 2^-52 or less, grows at the exponent across, and log 2^52 = 36."""
    mu = np.repeat([0.3, 1.0, 1.5, 1.8], 200)
    state = prepare(*theory.ellipse_point(random_angles(mu.size, 5), mu), mu)
    left, bound = np.zeros(mu.size), 0.25 * (4 - mu * mu)
    for step in range(1, 301):
        ITERATE[QUIET](state, 1, step, SILENCE.sequence)
        u, v = factors(state[:, : mu.size])
        with np.errstate(all="ignore"):
            off = ~(np.abs(theory.ellipse(mu, u, v)) < bound)
        left = np.where((left == 0) & off, step, left)
    assert (left > 0).all()
    times = left.reshape(4, 200) * theory.ellipse_exponents(mu)[1].reshape(4, 200)
    # a random walk on the way, whose mean over 200 starts is within 1; rounding starts it at once
    # with a little more than one ulp, and it ends at 1/4: 30 to 36
    assert (np.abs(times.mean(axis=1) - 33) < 5).all()


# Exponents and averages


def pulls(found, truth, name, rank=None):
    mean, error = found[name], found[f"{name}_error"]
    mean, error = (mean, error) if rank is None else (mean[:, rank], error[:, rank])
    return (mean - truth) / error


@pytest.fixture(scope="module")
def many():
    """Runs of 39 mu from 16 starts each."""
    mu = np.repeat(np.arange(1, 40) / 20, 16)
    return mu, ellipse.observe(mu, random_angles(mu.size, 6), 20000)


@pytest.mark.parametrize(
    ("name", "rank"),
    [("lyapunov", 0), ("lyapunov", 1), ("sharpness", None), ("loss_mean", None)],
)
def test_means_are_within_four_errors_for_every_mu(many, name, rank):
    mu, found = many
    along, across = theory.ellipse_exponents(mu)
    truth = {0: along, 1: across}.get(rank, {"sharpness": 4.0, "loss_mean": 1.0}.get(name))
    beyond = np.abs(pulls(found, truth, name, rank)) > 4
    # beyond 4 errors with 30 degrees of freedom is one case of 2600, of 624 a quarter
    assert beyond.sum() <= 2


def test_the_mean_growth_of_an_imbalance_is_zero(many):
    # V' = V(1 + e), and V comes back: log|1 + e| telescopes, whatever mu; its error is that of
    # log|sin t| at the two ends, which has exponential tails: 7 errors are exp(-7 pi/sqrt 12)
    _, found = many
    assert (np.abs(pulls(found, 0.0, "imbalance_rate")) < 7).all()
    assert (found["imbalance_rate_error"] < 5 / 20000).all()
    assert (found["lyapunov_error"][:, 0] < 5 / 20000).all()


@pytest.mark.parametrize("mu", [0.2, 0.8, 1.5, 1.9])
def test_intervals_cover_as_often_as_they_say(mu):
    # the share is within 0.04 of 0.95 by seven standard deviations
    found = ellipse.observe(np.full(CASES, mu), random_angles(CASES, 7), 3200)
    across = theory.ellipse_exponents(mu)[1]
    for name, rank, truth in (
        ("lyapunov", 1, across),
        ("sharpness", None, 4.0),
        ("loss_mean", None, 1.0),
    ):
        covered = np.mean(np.abs(pulls(found, truth, name, rank)) < HALF_WIDTH)
        assert 0.90 < covered < 0.98
    # What telescopes errs as its two ends do, which is not normal: hold the mean square to one,
    # with the excess of 31/29 of Student's law and the tails of a logarithm.
    for name, rank, truth in (("lyapunov", 0, np.log(3)), ("imbalance_rate", None, 0.0)):
        square = np.mean(pulls(found, truth, name, rank) ** 2)
        assert 0.85 < square < 1.35


def test_log_two_at_three_halves():
    found = ellipse.observe(np.full(CASES, 1.5), random_angles(CASES, 8), 20000)
    values = found["lyapunov"][:, 1]
    error = values.std() / np.sqrt(CASES)
    assert error < 2e-4
    assert abs(values.mean() - np.log(2)) < 4 * error


def test_exponents_come_larger_first_in_the_shortest_runs():
    mu = np.linspace(0.01, 1.99, 500)
    found = ellipse.observe(mu, random_angles(mu.size, 9), 32)
    assert (np.diff(found["lyapunov"], axis=1) <= 0).all()
    assert all(np.isfinite(values).all() for values in found.values())
