import math
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from lt2f.dynamics.thresholds import (
    _equations,
    closed_thresholds,
    cycle_point,
    doublings,
    table,
)

TRUTH = {
    "monotone_end": lambda: 2 * mp.sqrt(2) - 2,
    "doubling_1": lambda: mp.mpf(1),
    "doubling_2": lambda: mp.sqrt(5) - 1,
    "attractor_merging": lambda: 3 * mp.sqrt(3) / 2 - 1,
    "antisymmetric_birth": lambda: 2 * mp.sqrt(2) - 1,
    "antisymmetric_split": lambda: mp.sqrt((13 + 3 * mp.sqrt(41)) / 4) - 1,
    "chebyshev": lambda: mp.mpf(2),
}


def attractor_period(mu, flipped=False, longest=32):
    """Least return time of the settled critical orbit, of x or (flipped) of x^2."""
    x = math.sqrt((1 + mu) / 3)
    for _ in range(200_000):
        x *= 1 + mu - x * x
    y = x
    for period in range(1, longest + 1):
        y *= 1 + mu - y * y
        if abs(abs(y) - abs(x) if flipped else y - x) < 1e-7:
            return period
    return None


@pytest.mark.parametrize("row", closed_thresholds(), ids=lambda row: row.id)
def test_closed_forms_are_within_their_error(row):
    with mp.workdps(40):
        assert abs(mp.mpf(row.mu) - TRUTH[row.id]()) <= row.error
    assert row.error < 1e-15


def test_found_doublings_agree_with_their_closed_forms():
    for found, truth in zip(doublings(2), (mp.mpf(1), mp.sqrt(5) - 1), strict=True):
        assert abs(found.mu - truth) <= found.error < 1e-13


def residual_cycle(order):
    """Mu of a doubling in many digits, from the residual's own cubic, for periods 2^order."""

    def equations(e, mu):
        r, slope = e, mp.mpf(1)
        for _ in range(2**order):
            slope *= (r - 1) * (3 * r - 1 + 2 * mu)
            r = r * (r * r + (mu - 2) * r + 1 - 2 * mu)
        return r - e, slope + 1

    return equations


@pytest.mark.parametrize(("order", "guess"), [(2, 1.2878), (3, 1.2992)])
def test_later_doublings_in_many_digits(order, guess):
    e = mp.mpf(1 - 2 * guess) / 3  # settle from the free critical point
    for _ in range(4000):
        e = e * (e * e + (guess - 2) * e + 1 - 2 * guess)
    with mp.workdps(40):
        mu = mp.findroot(residual_cycle(order), (e, guess))[1]
        row = doublings(order + 1)[order]
        assert abs(row.mu - mu) <= row.error < 1e-12


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_attractor_doubles_there(order):
    row, period = doublings(order)[-1], 2 ** (order - 1)
    step = 1e-3 / period**2  # well within the windows, whose length falls by 4.67 per doubling
    assert attractor_period(row.mu - step) == period
    assert attractor_period(row.mu + step) == 2 * period


def test_doublings_shrink_as_feigenbaum_says():
    mu = [row.mu for row in doublings(7)]
    gaps = [b - a for a, b in pairwise(mu)]
    ratios = [a / b for a, b in pairwise(gaps)]
    distances = [abs(r - 4.669201609) for r in ratios]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 2e-3  # each step closer by about the ratio itself


@pytest.mark.parametrize("sign", [1, -1])
def test_jacobian_of_the_equations(sign):
    # a wrong one would still let the solver converge, and spoil the error bound
    x, mu = sp.symbols("x mu")
    image = x
    for _ in range(3):
        image = sp.expand(image * (1 + mu - image**2))
    left = sp.Matrix([image - sign * x, sp.diff(image, x) - sign * sp.Rational(3, 10)])
    at = {x: sp.Rational(7, 8), mu: sp.Rational(5, 4)}
    values, jacobian = _equations(7 / 8, 5 / 4, 3, 0.3, sign)
    np.testing.assert_allclose(values, np.array(left.subs(at), float).ravel(), rtol=1e-12)
    truth = np.array(left.jacobian([x, mu]).subs(at), float)
    np.testing.assert_allclose(jacobian, truth, rtol=1e-12)


def test_antisymmetric_window_by_root_finding():
    by_id = {row.id: row.mu for row in closed_thresholds()}
    for multiplier, id_ in ((1.0, "antisymmetric_birth"), (-1.0, "antisymmetric_split")):
        _, mu, error = cycle_point(2, multiplier, 1.0, 1.83, sign=-1)
        assert abs(mu - by_id[id_]) <= error + 1e-15
        assert error < 1e-13


def test_antisymmetric_window_as_orbits_see_it():
    by_id = {row.id: row.mu for row in closed_thresholds()}
    birth, split = by_id["antisymmetric_birth"], by_id["antisymmetric_split"]
    for mu in (birth + 1e-4, split - 1e-4):
        assert attractor_period(mu) == 4
        assert attractor_period(mu, flipped=True) == 2
    assert attractor_period(split + 1e-4) == attractor_period(split + 1e-4, flipped=True) == 4
    assert attractor_period(birth - 1e-4) is None


def test_superstable_cycle():
    # the critical point x^2 = (1 + mu)/3 is fixed at mu = 1/2
    x, mu, error = cycle_point(1, 0.0, 0.7, 0.4)
    assert abs(mu - 0.5) <= error < 1e-14
    assert x == pytest.approx(math.sqrt(0.5))


def test_a_multiple_of_a_shorter_cycle_is_refused():
    # three rounds of the fixed point at mu = 1 have multiplier (-1)^3
    with pytest.raises(ValueError, match="smaller"):
        cycle_point(3, -1.0, 1.0, 1.0)
    x, mu, _ = cycle_point(2, -1.0, 1.0, 1.236)
    with pytest.raises(ValueError, match="smaller"):
        cycle_point(6, -1.0, x, mu)


def test_a_guess_without_a_cycle_is_refused():
    with pytest.raises(ValueError, match="near the guess"):
        cycle_point(4, -1.0, 40.0, 30.0)


def test_table_is_sorted_and_complete():
    rows = table(5)
    assert [row.mu for row in rows] == sorted(row.mu for row in rows)
    ids = [row.id for row in rows]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {*TRUTH, "doubling_3", "doubling_4", "doubling_5"}
    closed = [row for row in rows if row.id in TRUTH]
    assert closed == closed_thresholds() == sorted(closed, key=lambda row: row.mu)
    assert all(row.name and row.method and row.source and 0 <= row.error < 1e-10 for row in rows)
