"""Doublings, mergings of bands and their limit, against many digits and against orbits."""

import math
from decimal import Decimal
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest

from lt2f.dynamics import cascade, superstable

DOUBLINGS = cascade.doublings(9)
MERGINGS = cascade.band_mergings(8)


def exactly(number):
    return mp.mpf(str(number))


def residual(e, mu):
    return e * (e * e + (mu - 2) * e + 1 - 2 * mu)


def slope(e, mu):
    return (e - 1) * (3 * e - 1 + 2 * mu)


@pytest.mark.parametrize("order", range(1, 10))
def test_doublings_in_many_digits(order):
    period, found = 2 ** (order - 1), DOUBLINGS[order - 1]

    def closing(e, mu):
        image, multiplier = e, mp.mpf(1)
        for _ in range(period):
            multiplier, image = multiplier * slope(image, mu), residual(image, mu)
        return image - e, multiplier + 1

    e = (1 - 2 * float(found.mu)) / 3  # settle a little below, where the cycle still attracts
    for _ in range(1000 * period):
        e = residual(e, float(found.mu) - 1e-4 / 4**order)
    with mp.workdps(40):
        mu = mp.findroot(closing, (mp.mpf(e), exactly(found.mu)), tol=1e-60)[1]
        # Two solvers of 40 digits agree as far as the rounding of long orbits lets them.
        assert abs(exactly(found.mu) - mu) <= exactly(found.error) + mp.mpf(10) ** -33
    assert found.error < Decimal("1e-33")


def test_the_first_two_doublings_are_closed_forms():
    with mp.workdps(60):
        for found, truth in zip(DOUBLINGS, (mp.mpf(1), mp.sqrt(5) - 1), strict=False):
            assert abs(exactly(found.mu) - truth) <= exactly(found.error)


@pytest.mark.parametrize("order", range(8))
def test_mergings_in_many_digits(order):
    into, found = 2**order, MERGINGS[order]

    def landing(mu):
        e = (1 - 2 * mu) / 3
        for step in range(1, 4 * into + 1):
            e = residual(e, mu)
            if step == 3 * into:
                there = e
        return e - there

    with mp.workdps(60):
        mu = exactly(found.mu)
        truth = mp.findroot(landing, (mu, mu + mp.mpf(10) ** -25))
        assert abs(mu - truth) <= exactly(found.error) < mp.mpf(10) ** -34


def test_each_superstable_cycle_lies_between_its_doublings():
    for (mu, _), low, high in zip(
        cascade.superstable_cascade()[1:], DOUBLINGS, DOUBLINGS[1:], strict=False
    ):
        assert low.mu < mu < high.mu


@pytest.mark.parametrize(("order", "word"), [(0, ""), (1, "M"), (2, "MLM")])
def test_the_cascade_has_the_words_of_doubling(order, word):
    found, other = cascade.superstable_cascade()[order], superstable.superstable(word)
    assert abs(found.mu - other.mu) <= found.error + other.error


def bands(mu, count, steps=100_000):
    """Return the least and the greatest |x| among every `count`-th point, for each phase."""
    x, orbit = math.sqrt((1 + mu) / 3), np.empty(steps)
    for _ in range(1000):
        x *= 1 + mu - x * x
    for step in range(steps):
        x *= 1 + mu - x * x
        orbit[step] = x
    phases = np.abs(orbit.reshape(-1, count))
    return sorted(zip(phases.min(axis=0), phases.max(axis=0), strict=True))


@pytest.mark.parametrize("order", range(3))
def test_bands_merge_there(order):
    found, count = MERGINGS[order], 2 ** (order + 1)
    step = 1e-3 / 4.67**order  # far less than to the next merging
    for mu, apart in ((float(found.mu) - step, True), (float(found.mu) + step, False)):
        intervals = bands(mu, count)
        gaps = [b[0] - a[1] for a, b in pairwise(intervals)]
        assert all(gap > 0 for gap in gaps) == apart


def test_the_limit_against_twice_as_long_a_cascade():
    # Period 8192 by Newton's method in 50 digits, guessed by the ratio known from elsewhere.
    ratio = mp.mpf("4.669201609102990671853203820466")
    with mp.workdps(50):
        last, before = (exactly(root.mu) for root in cascade.superstable_cascade()[:-3:-1])
        for order in (11, 12, 13):
            k = 1 + last + (last - before) / ratio
            for _ in range(4):
                x = start = mp.sqrt(k / 3)
                x_k = start_k = x / (2 * k)
                for _ in range(2**order):
                    x, x_k = x * (k - x * x), (k - 3 * x * x) * x_k + x
                k -= (x - start) / (x_k - start_k)
            last, before = k - 1, last
        # The rest of the intervals is a geometric series, up to a relative 4.67^-13.
        limit = last + (last - before) / (ratio - 1)
        found = cascade.accumulation()
        assert abs(exactly(found.value) - limit) <= exactly(found.error)
        assert found.error < Decimal("1e-15")


@pytest.mark.parametrize(
    ("roots", "digits"),
    [(cascade.superstable_cascade(), 8), (DOUBLINGS, 5), (MERGINGS, 5)],
    ids=["superstable", "doublings", "mergings"],
)
def test_all_three_sequences_have_the_same_ratio(roots, digits):
    found = cascade.feigenbaum(roots)
    assert abs(found.value - Decimal("4.669201609102990671853203820466")) <= found.error
    assert found.error < Decimal(10) ** -digits


def test_too_few_terms_have_no_limit():
    with pytest.raises(ValueError, match="too few"):
        cascade.feigenbaum(DOUBLINGS[:6])
