"""Superstable cycles: their number three ways, and each against many digits."""

import math
from itertools import product

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from lt2f.dynamics import superstable
from lt2f.dynamics.superstable import words

LONGEST = 7
COUNTS = {1: 1, 2: 2, 3: 4, 4: 10, 5: 24, 6: 60, 7: 156}  # by hand from the formula
ROOTS = {period: [superstable.superstable(word) for word in words(period)] for period in COUNTS}


def closing(period):
    """Count the superstable cycles whose period divides this one: all roots of one polynomial."""
    return sum(count for divisor, count in COUNTS.items() if period % divisor == 0)


@pytest.mark.parametrize("period", COUNTS)
def test_words_number_as_the_formula_says(period):
    assert superstable.count(period) == len(words(period)) == COUNTS[period]


@pytest.mark.parametrize("period", range(2, LONGEST + 1))
def test_cycles_of_three_full_laps_number_twice_as_many(period):
    # At mu = 2 the residual is 2 cos t, t' = 3t: 3^n points return after n steps. Cycles are born
    # in pairs, with one superstable cycle each, or singly where one of half the period doubles.
    moduli = 3**period - 1, 3**period + 1
    points = set()
    for modulus, j in ((m, j) for m in moduli for j in range(m // 2 + 1)):
        turn = sp.Rational(j, modulus)  # 2 cos(2 pi j/m) has a residual period dividing n
        points.add(turn)
    assert len(points) == 3**period
    period_of = {turn: returns(turn, period) for turn in points}
    cycles = sum(n == period for n in period_of.values()) // period
    assert cycles == 2 * COUNTS[period] - (COUNTS[period // 2] if period % 2 == 0 else 0)


def returns(turn, longest):
    """Find the least n with 3^n t = +-t modulo one turn."""
    image = turn
    for n in range(1, longest + 1):
        image = 3 * image % 1
        if image in (turn, 1 - turn if turn else turn):
            return n
    raise AssertionError(turn)


@pytest.mark.parametrize("period", [1, 2, 3, 4])
def test_sturm_counts_the_same_roots(period):
    # With s = k sigma and r = k^2 the critical orbit is sigma' = r sigma (1 - sigma)^2 from 1/3,
    # a polynomial in r of degree (3^n - 1)/2; 0 < r < 9 is -1 < mu < 2.
    r = sp.symbols("r")
    sigma = sp.Poly(sp.Rational(1, 3), r)
    for _ in range(period):
        sigma = sp.Poly(r, r) * sigma * (1 - sigma) ** 2
    left = sigma - sp.Rational(1, 3)
    assert left.degree() == (3**period - 1) // 2
    assert left.count_roots(0, 9) == closing(period)


# Intervals, as pairs of arrays of doubles; every operation is widened by one double each way


def widen(low, high):
    return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


def times(a, b):
    products = [x * y for x, y in product(a, b)]
    return widen(np.minimum.reduce(products), np.maximum.reduce(products))


def plus(a, b):
    return widen(a[0] + b[0], a[1] + b[1])


def hull(function, sigma, turns):
    """Enclose a polynomial on an interval from its values at the ends and where it turns.

    Each value is off by a few roundings of terms up to 30, which 1e-13 covers.
    """
    ends = [function(end) for end in sigma]
    low, high = np.minimum(*ends), np.maximum(*ends)
    for turn in turns:
        within = (sigma[0] <= turn) & (turn <= sigma[1])
        low = np.where(within, np.minimum(low, function(turn)), low)
        high = np.where(within, np.maximum(high, function(turn)), high)
    return low - 1e-13, high + 1e-13


def left_side(r, period):
    """Enclose sigma_n - 1/3 and its derivative in r over intervals of r."""
    third = np.float64(1 / 3)
    sigma = widen(np.full_like(r[0], third), np.full_like(r[0], third))
    slope = (np.zeros_like(r[0]), np.zeros_like(r[0]))
    for _ in range(period):
        # The orbit stays in [0, 4/3]: the critical values are 4r/27 <= 4/3 and 0, and sigma does
        # not grow on the third lap, from 1 to its fixed end 1 + 1/k.
        sigma = np.maximum(sigma[0], 0.0), np.minimum(sigma[1], 4 / 3 + 1e-12)
        shape = hull(lambda s: s * (1 - s) ** 2, sigma, (1 / 3, 1.0))
        steep = hull(lambda s: (1 - s) * (1 - 3 * s), sigma, (2 / 3,))
        slope = plus(shape, times(times(r, steep), slope))
        sigma = times(r, shape)
    return plus(sigma, widen(-third, -third)), slope


@pytest.mark.parametrize("period", COUNTS)
def test_intervals_prove_the_number_of_roots(period):
    """Cut 0 < r < 9 until on each piece the left side or its derivative has one sign.

    A piece of the second kind has one root iff its ends have different signs.
    """
    edges = np.linspace(0.0, 9.0, 4098)
    low, high, roots = edges[:-1], edges[1:], 0
    for _ in range(60):
        value, slope = left_side((low, high), period)
        nowhere = (value[0] > 0) | (value[1] < 0)
        monotone = ((slope[0] > 0) | (slope[1] < 0)) & ~nowhere
        ends = [left_side((x[monotone], x[monotone]), period)[0] for x in (low, high)]
        sure = np.logical_and.reduce([(end[0] > 0) | (end[1] < 0) for end in ends])
        assert sure.all(), "a root is too close to an edge"
        roots += int(np.sum((ends[0][0] > 0) != (ends[1][0] > 0)))
        open_ = ~nowhere & ~monotone
        # Not halves, lest an edge be the root r = 9/4 itself.
        middle = low[open_] + 0.49 * (high[open_] - low[open_])
        low, high = np.append(low[open_], middle), np.append(middle, high[open_])
        if not low.size:
            break
    assert not low.size
    assert roots == closing(period)


# The cycles


@pytest.mark.parametrize("period", COUNTS)
def test_in_many_digits(period):
    for word, found in zip(words(period), ROOTS[period], strict=True):
        with mp.workdps(60):
            # The residual's own cubic, from its free critical point.
            def left(mu):
                e = start = (1 - 2 * mu) / 3
                for _ in range(period):
                    e *= e * e + (mu - 2) * e + 1 - 2 * mu
                return e - start

            mu = mp.mpf(str(found.mu))
            truth = mp.findroot(left, (mu, mu + mp.mpf(10) ** -20))
            assert abs(mu - truth) <= mp.mpf(str(found.error)) < mp.mpf(10) ** -36, word


def critical_orbit(mu, steps):
    with mp.workdps(60):
        k = 1 + mp.mpf(str(mu))
        orbit = [mp.sqrt(k / 3)]
        for _ in range(steps):
            orbit.append(orbit[-1] * (k - orbit[-1] ** 2))
        return k, orbit


@pytest.mark.parametrize("period", COUNTS)
def test_the_orbit_visits_the_laps_of_the_word_and_no_sooner_returns(period):
    for word, found in zip(words(period), ROOTS[period], strict=True):
        k, orbit = critical_orbit(found.mu, 2 * period)
        squares = [x * x for x in orbit]
        laps = "".join("L" if s < k / 3 else "M" if s < k else "R" for s in squares[1:period])
        assert laps == word
        near = [abs(s - squares[0]) < 1e-30 for s in squares[1:]]
        assert near.index(True) + 1 == period
        period_of_x = [abs(x - orbit[0]) < 1e-30 for x in orbit[1:]].index(True) + 1
        assert period_of_x == (period if superstable.flips(word) > 0 else 2 * period)


def test_they_are_ordered_and_apart():
    for found in ROOTS.values():
        assert [root.mu for root in found] == sorted(root.mu for root in found)
    every = [root.mu for found in ROOTS.values() for root in found]
    assert len({f"{mu:.12f}" for mu in every}) == len(every) == 257
    assert sum(1 < mu < 2 for mu in every) == 256
    assert min(every) == pytest.approx(0.5, abs=1e-30)


def test_order_is_that_of_points():
    # On three full laps of [0, 1] (the map of mu = 2), points and itineraries run alike.
    def itinerary(t):
        laps = ""
        for _ in range(12):
            laps += "LMR"[min(2, int(3 * t))]
            t = (3 * t, 2 - 3 * t, 3 * t - 2)[min(2, int(3 * t))]
        return laps

    points = [(j * math.sqrt(2)) % 1 for j in range(1, 200)]
    assert sorted(points) == sorted(points, key=lambda t: superstable.order(itinerary(t)))


@pytest.mark.parametrize("word", ["L", "MM", "LR", "MLR", "X"])
def test_other_words_are_refused(word):
    with pytest.raises((ValueError, KeyError)):
        superstable.superstable(word)
