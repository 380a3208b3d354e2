"""Closed forms of mini-batches of prompts, against quadrature and against the recursion itself."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from lt2f.dynamics import batch_theory as room
from lt2f.dynamics.batch_theory import BatchLaw


def law_of(*atoms):
    """Atoms (h, g, weight)."""
    return BatchLaw(*np.array(atoms, dtype=float).T, exact=True)


def covariance_of(law):
    return np.cov(np.stack([law.h, law.g]), aweights=law.weight, bias=True)


LAW = law_of((0.4, 1.5, 0.25), (0.8, 0.5, 0.25), (1.4, 1.0, 0.5))
ATOMS = st.lists(st.floats(0.05, 3), min_size=2, max_size=6)


@given(ATOMS, st.floats(0.01, 3))
def test_exponents_are_those_of_high_precision(h, s):
    law = BatchLaw(np.array(h), np.array(h[::-1]), np.full(len(h), 1 / len(h)), exact=True)
    found, error = room.almost_sure_exponent(s, law)
    with mpmath.workdps(30):
        terms = [abs(1 - mpmath.mpf(x) * mpmath.mpf(s)) for x in h]
        # 1 - h S is off by a rounding, which its logarithm sees divided by its size.
        if min(terms) < 1e-6:
            return
        expected = float(mpmath.fsum(map(mpmath.log, terms)) / len(h))
    assert abs(found - expected) < 1e-9
    assert error == 0
    assert room.almost_sure_exponent(np.full((2, 3), s), law)[0].shape == (2, 3)


def test_two_points_are_the_two_point_law():
    from lt2f.dynamics import noise_theory

    s, noise = np.linspace(0.1, 2.9, 40), 0.3
    law = law_of((1 - noise, 1 - noise, 0.5), (1 + noise, 1 + noise, 0.5))
    expected = noise_theory.almost_sure_exponent(s, noise, "two_point")
    np.testing.assert_allclose(room.almost_sure_exponent(s, law)[0], expected, atol=1e-13)
    exponents, _ = room.origin_exponents(0.7, law)
    expected = noise_theory.origin_exponents(0.7, 0.7 * noise, "two_point")
    np.testing.assert_allclose(exponents, expected, atol=1e-13)
    assert room.mean_square_threshold(covariance_of(law)) == pytest.approx(
        float(noise_theory.mean_square_threshold(noise)), rel=1e-14
    )


@given(st.floats(0, 3))
def test_the_mean_square_factor_is_the_mean_of_squares(s):
    expected = LAW.weight @ (1 - LAW.h * s) ** 2
    assert room.mean_square_factor(s, covariance_of(LAW)) == pytest.approx(expected, rel=1e-12)


def test_the_threshold_is_where_the_factor_is_one():
    s = room.mean_square_threshold(covariance_of(LAW))
    assert room.mean_square_factor(s, covariance_of(LAW)) == pytest.approx(1, rel=1e-13)


def test_a_sample_has_the_error_of_a_mean():
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(400):
        h = rng.uniform(0.5, 1.5, 500)
        law = BatchLaw(h, h, np.full(500, 1 / 500), exact=False)
        (mean,), (error,) = room.almost_sure_exponent(np.array([0.5]), law)
        # E log(1 - h/2) by its primitive
        z = np.array([0.25, 0.75])
        primitive = z * np.log(z) - z
        errors.append((mean - (primitive[1] - primitive[0]) / 0.5) / error)
    # 400 standardised deviations: variance 1 within 4 of its standard errors sqrt(2/400)
    assert abs(np.mean(np.square(errors)) - 1) < 4 * np.sqrt(2 / 400)


def test_the_step_of_the_residual():
    """e' = (1 - h S) e - S z + ab r^2 with z = mu (h - g): what the variance is derived from."""
    a, b, mu, h, g = sympy.symbols("a b mu h g")
    e, S, z = a * b - mu, a**2 + b**2, mu * (h - g)
    r = h * a * b - mu * g
    after = (a - r * b) * (b - r * a) - mu
    assert sympy.expand(r - (h * e + z)) == 0
    assert sympy.expand(after - ((1 - h * S) * e - S * z + a * b * r**2)) == 0


def test_variance_and_rate_solve_their_equations():
    v, c, w, s, m = sympy.symbols("v c w s m", positive=True)
    z = m**2 * (v - 2 * c + w)
    var = s * z / (2 - (1 + v) * s)
    assert sympy.simplify(var - (1 - 2 * s + (1 + v) * s**2) * var - s**2 * z) == 0
    assert sympy.simplify((1 + v) * var + z - 2 * z / (2 - (1 + v) * s)) == 0
    at = {v: 0.3, c: 0.1, w: 0.2, s: 1.1, m: 0.5}
    covariance = [[0.3, 0.1], [0.1, 0.2]]
    assert room.residual_variance(0.5, 1.1, covariance) == pytest.approx(float(var.subs(at)))
    rate = room.balancing_rate(0.5, 1.1, covariance)
    assert rate == pytest.approx(-float((2 * z / (2 - (1 + v) * s)).subs(at)))
    assert np.isnan(room.balancing_rate(0.5, 1.6, covariance))


@pytest.mark.parametrize("mu", [0.3, 0.6])
def test_imbalance_falls_at_the_balancing_rate(mu):
    """Weak disagreement, many runs of (a, b) itself, each with its own draws."""
    share = 0.03  # of the law above: corrections of third order are some 3 % of the rate
    h, g = 1 + share * (LAW.h - 1) / 0.4, 1 + share * (LAW.g - 1) / 0.4
    law = BatchLaw(h, g, LAW.weight, exact=True)
    covariance, rng = covariance_of(law), np.random.default_rng(4)
    runs, steps = 4000, 400
    a = b = np.sqrt(mu) * np.ones(runs)
    a, b = a * 1.01, b / 1.01
    before, seen = None, []
    for t in range(steps + 100):
        if t == 100:
            before = np.log(np.abs(a * a - b * b))
        k = rng.choice(3, runs, p=law.weight)
        if t >= 100:
            seen.append(np.mean((a * b - mu) ** 2))
        r = h[k] * a * b - mu * g[k]
        a, b = a - r * b, b - r * a
    change = (np.log(np.abs(a * a - b * b)) - before) / steps
    expected = room.balancing_rate(mu, 2 * mu, covariance)
    error = change.std() / np.sqrt(runs)
    assert abs(change.mean() - expected) < 4 * error + 0.06 * abs(expected)
    variance = room.residual_variance(mu, 2 * mu, covariance)
    assert np.mean(seen) == pytest.approx(float(variance), rel=0.06)
