"""The escape rate of the ellipse, by ways that share nothing with the matrix of the operator."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import jackknife, repeller, sensitivity, theory
from lt2f.dynamics.kernels import ITERATE, U, V
from lt2f.dynamics.lanes import SILENCE, prepare
from lt2f.dynamics.model import QUIET

inner = st.floats(0.0, 1.95)


def mean_reciprocals(mu: float, phi, steps: int):
    """Means over angles of the reciprocal product of 1 + mu e + e^2 after 1 ... `steps` steps."""
    product, means = np.ones(phi.size), []
    for _ in range(steps):
        e = theory.ellipse_residual(phi)
        product /= 1 + mu * e + e * e
        phi = theory.ellipse_angle_step(phi)
        means.append(product.mean())
    return np.array(means)


@given(mu=inner, t=st.floats(0.0, 2 * math.pi))
def test_the_coefficients_are_those_of_the_weight(mu, t):
    w = repeller.weight_coefficients(mu, 400)
    e = 2 * np.cos(t)
    series = w[0] + 2 * (w[1:] * np.cos(np.arange(1, 400) * t)).sum()
    # the coefficients beyond are below exp(-400 lambda/2) < 1e-27, the terms' rounding adds up
    assert series == pytest.approx(1 / (1 + mu * e + e * e), rel=1e-11)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9, 1.5])
def test_the_rate_is_that_of_the_mean_reciprocal_product(mu):
    # 2^20 equidistant angles integrate products of 10 steps exactly as long as the highest terms,
    # falling off as exp(-lambda k/2) in k 3^-9, have died out by k = 2^19: 3^-9 2^19 = 27.
    phi = np.arange(2**20, dtype=np.uint64) * np.uint64(2**44) + np.uint64(2**43 + 12345)
    means = mean_reciprocals(mu, phi, 9)
    rates = -np.diff(np.log(means))
    kappa, error = repeller.escape_rate(mu)
    assert error < 1e-10
    # The second eigenvalue is less than 0.3 of the first in size: a factor that each step gains.
    assert (np.abs(rates - kappa) < 0.1 * 0.3 ** np.arange(8)).all()


def test_the_rate_by_random_angles():
    phi = np.random.default_rng(8).integers(0, 2**64, (64, 4096), dtype=np.uint64)
    means = np.array([mean_reciprocals(0.7, row, 12) for row in phi])
    slope = np.log(means[:, 11].mean() / means[:, 4].mean()) / -7
    # jackknife over 64 sets of angles
    sums = means.sum(axis=0) - means
    each = np.log(sums[:, 11] / sums[:, 4]) / -7
    error = np.sqrt(63 / 64 * ((each - each.mean()) ** 2).sum())
    assert error < 0.02
    assert abs(slope - repeller.escape_rate(0.7).value) < 3.5 * error


@given(mu=inner)
def test_the_rate_is_between_its_bounds(mu):
    kappa, error = repeller.escape_rate(mu)
    assert 0 <= error < 1e-9
    # Jensen: -log E exp(-X) <= E X, strictly since the factor varies.
    assert kappa < theory.ellipse_exponents(mu)[1]
    # and no orbit's mean reciprocal is more than the largest: 1/(1 - mu^2/4)
    assert kappa > math.log1p(-mu * mu / 4)
    # L 1 is between its extremes, and L is positive
    e = 2 * np.cos(np.linspace(0, np.pi, 400))
    third = sum(
        1 / (1 + mu * x + x * x)
        for x in (2 * np.cos((np.arccos(e / 2) + 2 * np.pi * k) / 3) for k in range(3))
    )
    assert -math.log(third.max() / 3) <= kappa + error
    assert kappa - error <= -math.log(third.min() / 3)


@given(mu=inner)
def test_the_exponent_is_below_that_of_a_smooth_boundary(mu):
    alpha = repeller.uncertainty_exponent(mu)
    assert 0 < alpha.value <= 2 * math.log((1 + math.sqrt(5)) / 2) / math.log(3)
    assert alpha.value * math.log(3) == pytest.approx(repeller.escape_rate(mu).value, rel=1e-15)


def test_at_mu_zero_one_step_is_a_closed_form():
    # E 1/(1 + e^2) = E 1/(1 + 4 cos^2 t) = 1/sqrt(5)
    assert repeller.transfer_matrix(0.0, 8)[0, 0] == pytest.approx(1 / math.sqrt(5), rel=1e-14)


def test_towards_two_the_ellipse_hardly_repels():
    # lambda -> 0 there, and 0 < kappa < lambda
    for mu in (1.9, 1.99, 1.999):
        kappa, error = repeller.escape_rate(mu)
        assert error < 1e-8
        assert 0.4 * theory.ellipse_exponents(mu)[1] < kappa < theory.ellipse_exponents(mu)[1]


@pytest.mark.parametrize("mu", [-0.1, 2.0, 3.0, math.nan, 1.999999])
def test_what_has_no_rate_is_refused(mu):
    with pytest.raises(ValueError, match="mu = "):
        repeller.escape_rate(mu)


# Against the map itself


def starts_by_exit(mu: float, count: int, rng):
    """Inner starts (U, V) that leave the ellipse after 0 ... 20 steps alike, and their weights.

    Weighted they are uniform in depth, s = log|h/(4 - mu^2)|, and in the ellipse's angle. From a
    uniform angle m steps are taken back, to a preimage with a chance in proportion to what L psi
    has of it, and s is near the log W_m of the reciprocal product. The density of that, averaged
    over m, follows from the angles forwards, whatever psi is, so that weights are exact.
    """
    rows, last, rate = np.arange(count), 20, 0.6
    kappa, (_, c) = repeller.escape_rate(mu), repeller._leading(repeller.transfer_matrix(mu, 40))
    m, t = rng.integers(0, last + 1, count), 2 * np.pi * rng.random(count)
    for back in range(last):
        before = (t[:, np.newaxis] + 2 * np.pi * np.arange(3)) / 3
        chance = np.cumsum(repeller._weighted(mu, c, before), axis=1)
        which = (rng.random((count, 1)) * chance[:, 2:] > chance[:, :2]).sum(axis=1)
        t = np.where(back < m, before[rows, which], t)
    logs, psi, after = [np.zeros(count)], [repeller._series(c, t)], t
    for _ in range(last):
        e = 2 * np.cos(after)
        logs.append(logs[-1] - np.log(1 + mu * e + e * e))
        after = 3 * after % (2 * np.pi)
        psi.append(repeller._series(c, after))
    log_w, of = np.array(logs), np.array(psi)
    s = log_w[m, rows] + rng.laplace(0.0, 1 / rate, count)
    along = np.exp(log_w + np.arange(last + 1)[:, np.newaxis] * kappa.value) * of[0] / of
    density = (along * rate / 2 * np.exp(-rate * np.abs(s - log_w))).mean(axis=0)
    weight, s = np.where(s < 0, np.exp(s) / density, 0.0), np.minimum(s, -1e-9)
    theta = t / 2 + np.pi * rng.integers(0, 2, count)
    radius = np.sqrt(-np.expm1(s))
    u, v = np.sqrt(2 + mu) * np.cos(theta), np.sqrt(2 - mu) * np.sin(theta)
    return radius * u, radius * v, weight


@pytest.mark.parametrize("mu", [0.3, 0.9])
def test_starts_of_the_map_itself_leave_at_the_rate(mu):
    u, v, weight = starts_by_exit(mu, 64 * 2000, np.random.default_rng(5))
    near, left = np.ones(u.size, dtype=bool), []
    for _ in range(13):
        near &= np.abs(theory.ellipse(mu, u, v)) < 0.1
        left.append((weight * near).reshape(64, -1).mean(axis=1))
        e = u * u - v * v - mu
        u, v = u * (1 - e), v * (1 + e)
    some = np.array([left[5], left[12]])
    rate = np.log(some[0].sum() / some[1].sum()) / 7
    without = some.sum(axis=1, keepdims=True) - some
    each = np.log(without[0] / without[1]) / 7
    error = np.sqrt(63 / 64 * ((each - each.mean()) ** 2).sum())
    assert error < 0.02
    # 0.005: terms in h^2, as long as |h| is as large as 0.1
    assert abs(rate - repeller.escape_rate(mu).value) < 3 * error + 0.005


def branch(u, v, mu):
    """Sign of a + b after 600 steps, by when nearly all have settled; 0 where it diverges."""
    state = prepare(u, v, np.full(u.size, mu))
    ITERATE[QUIET](state, 600, 0, SILENCE.sequence)
    bounded = np.isfinite(state[[U, V], : u.size]).all(axis=0)
    return np.where(bounded, np.sign(state[U, : u.size]), 0.0)


@pytest.mark.parametrize("mu", [0.3, 0.5, 0.7, 0.9])
def test_the_branch_has_the_exponent_of_the_repeller(mu):
    eps = 3.0 ** -np.arange(17, 7, -1.5)
    u, v, weight = starts_by_exit(mu, 64 * 800, np.random.default_rng(9))
    unmoved = branch(u, v, mu)
    moved = [branch(u + x / 2, v - x / 2, mu) for x in eps]  # b + eps
    counted = np.array([weight * ((m != 0) & (unmoved != 0)) for m in moved])
    changed = counted * (np.array(moved) != unmoved)
    ones = np.ones(weight.size)
    parts = [(*changed, weight, weight * (unmoved > 0)), (*counted, ones, ones)]
    sums, sizes = (np.array(part).reshape(eps.size + 2, 64, -1).sum(axis=2).T for part in parts)
    blocks = jackknife.Blocks(sums, sizes, np.arange(64) // 4)
    share, error = jackknife.jackknife(blocks, jackknife.share)
    assert abs(share[-2] - 1) < 4 * error[-2]  # the weights are those of a density
    # (a, b) -> (-a, -b) exchanges the branches
    assert abs(share[-1] - 0.5) < 4 * error[-1]
    blocks = jackknife.Blocks(sums[:, :-2], sizes[:, :-2], blocks.groups)
    starts = (counted > 0).sum(axis=1)
    fractions = sensitivity.Fractions(eps, share[:-2], error[:-2], starts, blocks)
    found = sensitivity.uncertainty_exponent(fractions, within=(0.0, 1.0))
    predicted = repeller.uncertainty_exponent(mu).value
    assert found.error < 0.03
    # Next to eps^alpha there is eps log(1/eps), from displacements across the ellipse; it tilts
    # these slopes by some (1 - alpha) eps^(1 - alpha) log(1/eps), 0.02 in their middle.
    assert abs(found.value - predicted) < 3 * found.error + 0.02
