"""How batches balance the factors: closed forms against sympy, enumeration and the map itself."""

import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from lt2f.dynamics import balancing as room
from lt2f.dynamics import batch_theory, noise_theory
from lt2f.dynamics.batch_theory import BatchLaw


def law_of(*atoms, exact=True):
    """Atoms (h, g, weight)."""
    return BatchLaw(*np.array(atoms, dtype=float).T, exact=exact)


def covariance_of(law):
    return np.cov(np.stack([law.h, law.g]), aweights=law.weight, bias=True)


COVARIANCE = np.array([[0.3, 0.25], [0.25, 0.28]])


def test_a_step_multiplies_the_imbalance():
    a, b, r = sympy.symbols("a b r")
    after = (a - r * b) ** 2 - (b - r * a) ** 2
    assert sympy.expand(after - (a * a - b * b) * (1 - r * r)) == 0


@given(st.floats(-4, 4), st.floats(0.01, 2))
def test_the_minimum_of_an_imbalance_has_its_sharpness(a, mu):
    assume(abs(a) > 0.01)
    b = mu / a
    found = room.reached_sharpness(a * a - b * b, mu)
    assert found == pytest.approx(a * a + b * b, rel=1e-12)
    assert found >= 2 * mu * (1 - 1e-15)


# The almost sure edge


@pytest.mark.parametrize("s", [0.1, 0.3, 0.5, 0.69])
def test_the_edge_of_two_points_is_known(s):
    law = law_of((1 - s, 1, 0.5), (1 + s, 1, 0.5))
    edge, error = room.almost_sure_edge(law)
    assert edge == pytest.approx(noise_theory.almost_sure_threshold(s, "two_point"), rel=1e-12)
    assert error == 0.0


def test_without_noise_the_edge_is_two():
    assert room.almost_sure_edge(law_of((1, 1, 1.0)))[0] == 2.0


@given(st.lists(st.floats(0.05, 3), min_size=2, max_size=6))
def test_the_edge_is_a_zero_beyond_the_mean_square_one(h):
    weight = np.full(len(h), 1 / len(h))
    law = BatchLaw(np.array(h), np.ones(len(h)), weight, exact=True)
    edge, _ = room.almost_sure_edge(law)
    mean, square = np.mean(h), np.mean(np.square(h))
    assert edge >= 2 * mean / square * (1 - 1e-12)
    assert batch_theory.almost_sure_exponent(0.999 * edge, law)[0] < 1e-9
    # A slope near a pole can be steep: the zero is one of position.
    below, above = (
        batch_theory.almost_sure_exponent(edge * x, law)[0] for x in (1 - 1e-9, 1 + 1e-9)
    )
    assert below <= 1e-9
    assert above >= -1e-9


def test_the_edge_of_a_sample_has_the_error_it_says():
    """Uniform h, whose edge theory knows, from 200 samples."""
    s, rng = 0.3, np.random.default_rng(5)
    true, off = noise_theory.almost_sure_threshold(s, "uniform"), []
    for _ in range(200):
        h = 1 + s * np.sqrt(3) * (2 * rng.random(1000) - 1)
        edge, error = room.almost_sure_edge(BatchLaw(h, h, np.full(1000, 1e-3), exact=False))
        off.append((edge - true) / error)
    # mean of squares 1, within 4 of its standard errors sqrt(2/200)
    assert abs(np.mean(np.square(off)) - 1) < 4 * np.sqrt(2 / 200)


# Leading order


def test_settling_is_a_geometric_sum():
    e, s, v = sympy.symbols("e s v", positive=True)
    factor = (1 - s) ** 2 + v * s**2  # of E e^2 in a step
    total = -(1 + v) * e**2 / (1 - factor)
    found = -(1 + v) * e**2 / (s * (2 - (1 + v) * s))
    assert sympy.simplify(total - found) == 0
    at = {e: 0.1, s: 1.2, v: 0.2}
    assert room.settling_change(0.1, 1.2, 0.2) == pytest.approx(float(found.subs(at)), rel=1e-12)
    assert np.isnan(room.settling_change(0.1, 1.7, 0.2))


def test_runs_settle_by_that_much():
    """Two-point noise: the map itself from a small residual."""
    mu, d, s, e0, lanes = 0.4, 1.0, 0.4, 1e-3, 40_000
    rng = np.random.default_rng(6)
    a = np.sqrt((np.hypot(d, 2 * (mu + e0)) + d) / 2) * np.ones(lanes)
    b = (mu + e0) / a
    change = np.zeros(lanes)
    for _ in range(200):  # E e^2 falls by 0.34 a step
        r = (1 + s * rng.choice([-1.0, 1.0], lanes)) * (a * b - mu)
        change += np.log1p(-r * r)
        a, b = a - r * b, b - r * a
    known = room.settling_change(e0, room.reached_sharpness(d, mu), s * s)
    error = change.std() / np.sqrt(lanes)
    # next order: of relative size e0
    assert abs(change.mean() - known) < 4 * error + 0.01 * abs(known)
    assert error < 0.02 * abs(known)


def test_the_steps_solve_the_equation_of_balancing():
    d, mu, q = sympy.symbols("d mu q", positive=True)
    s = sympy.sqrt(d**2 + 4 * mu**2)
    primitive = 2 * (1 - q * mu) * sympy.log(d) - q * s + 2 * q * mu * sympy.log(s + 2 * mu)
    # dn = -dlog d (2 - q S)/(2 Z)
    assert sympy.simplify(sympy.diff(primitive, d) - (2 - q * s) / d) == 0
    at = {mu: 0.3, q: 1.3}
    first, last = (float(primitive.subs({**at, d: x})) for x in (1.1, 0.2))
    spread = 0.3**2 * (0.3 - 2 * 0.25 + 0.28)
    found = room.balancing_steps(0.3, 1.1, 0.2, COVARIANCE)
    assert found == pytest.approx((first - last) / (2 * spread), rel=1e-12)
    assert np.isnan(room.balancing_steps(0.3, 1.6, 0.2, COVARIANCE))
    assert room.balancing_steps(0.3, 1.1, 0.2, np.zeros((2, 2))) == np.inf


@given(st.floats(0.05, 0.7), st.floats(1e-6, 1.0), st.floats(0, 1e5))
def test_the_change_is_their_inverse(mu, start, steps):
    change = room.balancing_change(mu, start, steps, COVARIANCE)
    if 1.3 * np.hypot(start, 2 * mu) >= 2:
        assert np.isnan(change)
        return
    assert change <= 0
    end = start * np.exp(change)
    if end > 1e-300:
        found = room.balancing_steps(mu, start, end, COVARIANCE)
        assert found == pytest.approx(steps, rel=1e-9, abs=1e-9)


def test_near_balance_the_rate_is_that_of_the_flattest_minimum():
    found = room.balancing_change(0.4, 1e-8, 1000.0, COVARIANCE)
    expected = 1000 * batch_theory.balancing_rate(0.4, 0.8, COVARIANCE)
    assert found == pytest.approx(float(expected), rel=1e-12)


def test_a_batch_that_tells_the_whole_pool_does_not_balance():
    assert room.balancing_change(0.4, 1.0, 1000.0, np.zeros((2, 2))) == 0.0


# The stationary law


TWO = law_of((0.8, 0.9, 0.4), (1.2, 1.1, 0.6))


@pytest.mark.parametrize("mu", [0.3, 0.5])
def test_the_stationary_rate_is_that_of_all_paths(mu):
    """All 2^18 orders of two batches: beyond, the start is forgotten to 0.5^18."""
    x, weight = np.array([np.sqrt(mu)]), np.array([1.0])
    for _ in range(18):
        parts = [(x * (1 + mu * g - h * x * x), p * weight) for h, g, p in
                 zip(TWO.h, TWO.g, TWO.weight, strict=True)]  # fmt: skip
        x, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    means = [0.0, 0.0]
    for h, g, p in zip(TWO.h, TWO.g, TWO.weight, strict=True):
        r = h * x * x - mu * g
        means[0] += p * float(weight @ np.log1p(-r * r))
        means[1] += p * float(weight @ np.log1p(-r))
    rate, error = room.stationary_rate(mu, TWO)
    assert error < 1e-12
    assert rate == pytest.approx(means[0], abs=1e-7)
    # log|x| is stationary, and so log(1 - r) has mean 0
    assert means[1] == pytest.approx(0, abs=1e-6)
    assert abs(rate) > 1e-4


def test_weak_disagreement_is_the_leading_order():
    off = []
    for share in (0.1, 0.05):
        h, g = (1 + share * (x / (TWO.weight @ x) - 1) for x in (TWO.h, TWO.g))
        law = BatchLaw(h, g, TWO.weight, exact=True)
        known = batch_theory.balancing_rate(0.4, 0.8, covariance_of(law))
        rate, error = room.stationary_rate(0.4, law)
        off.append(float(rate / known - 1))
        assert error < 0.01 * abs(known * off[-1])
    # What is left out is of third order: half as large with half the disagreement.
    assert abs(off[1]) < 0.01
    assert off[0] / off[1] == pytest.approx(2, rel=0.2)


def test_batches_that_agree_do_not_balance():
    rate, error = room.stationary_rate(0.4, law_of((0.5, 0.5, 0.5), (1.5, 1.5, 0.5)))
    assert abs(rate) <= error <= 1e-12


def test_where_no_interval_stays_there_is_no_rate():
    with pytest.raises(ValueError, match="leave every interval"):
        room.stationary_rate(0.9, law_of((0.2, 0.1, 0.5), (1.8, 1.9, 0.5)))
    with pytest.raises(ValueError, match="leave every interval"):
        room.stationary_rate(0.3, law_of((0.9, -0.2, 0.5), (1.1, 2.2, 0.5)))
    with pytest.raises(ValueError, match="not a sample"):
        room.stationary_rate(0.3, law_of((1, 1, 1.0), exact=False))
