"""Periodic points on the ellipse: counted, listed and iterated in the plane."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from lt2f.dynamics import ellipse_cycles, theory

ULP = 2.0**-52
PERIODS = range(1, 8)


@pytest.mark.parametrize("n", PERIODS)
def test_every_point_returns_and_none_is_missing(n):
    points = ellipse_cycles.points(n)
    assert len(set(points)) == len(points) == ellipse_cycles.count_points(n)
    assert all(0 <= phi < 1 for phi in points)
    for phi in points:
        image = phi
        for _ in range(n):
            image = ellipse_cycles.angle_step(image)
        assert image == phi
    # (-3)^n phi + const - phi winds |(-3)^n - 1| times round the circle: it is 0 that often


@pytest.mark.parametrize("n", PERIODS)
def test_every_residual_returns_and_none_is_missing(n):
    found = ellipse_cycles.residuals(n)
    assert len(set(found)) == len(found) == ellipse_cycles.count_residuals(n)
    for omega in found:
        image = omega
        for _ in range(n):
            image = ellipse_cycles.residual_step(image)
        assert image == omega
    # 3^n different fixed points of a polynomial of degree 3^n


@pytest.mark.parametrize("n", [1, 2, 3])
def test_residuals_are_the_zeros_of_the_iterated_cubic(n):
    e = sp.symbols("e")
    iterated = e
    for _ in range(n):
        iterated = sp.expand(iterated**3 - 3 * iterated)
    zeros = np.array([float(z) for z in sp.Poly(iterated - e).nroots(n=30, maxsteps=500)])
    values = [2 * np.cos(2 * np.pi * float(omega)) for omega in ellipse_cycles.residuals(n)]
    np.testing.assert_allclose(np.sort(values), np.sort(zeros), atol=4 * ULP)


@pytest.mark.parametrize("n", PERIODS)
def test_cycles_are_counted_as_they_are_listed(n):
    for count, listed in (
        (ellipse_cycles.count_cycles(n), ellipse_cycles.cycles(n)),
        (ellipse_cycles.count_residual_cycles(n), ellipse_cycles.residual_cycles(n)),
    ):
        assert count == len(listed)
        assert all(len(set(cycle)) == n for cycle in listed)
        assert all(cycle[0] == min(cycle) for cycle in listed)


@pytest.mark.parametrize("n", range(1, 41))
def test_points_of_all_periods_add_up(n):
    divisors = [d for d in range(1, n + 1) if n % d == 0]
    cycles, points = ellipse_cycles.count_cycles, ellipse_cycles.count_points
    assert sum(d * cycles(d) for d in divisors) == points(n) == abs((-3) ** n - 1)
    assert sum(d * ellipse_cycles.count_residual_cycles(d) for d in divisors) == 3**n


def test_the_shortest_cycles_are_known():
    # the four minima with S = 4, which are fixed; (a, b) = (x, x) -> (-x, -x), x^2 = 2 + mu; and
    # (y, -y) -> (-y, y), y^2 = 2 - mu
    eighths = [(Fraction(k, 8),) for k in (1, 3, 5, 7)]
    assert ellipse_cycles.cycles(1) == eighths
    quarters = [(Fraction(0), Fraction(1, 2)), (Fraction(1, 4), Fraction(3, 4))]
    assert ellipse_cycles.cycles(2) == quarters
    assert ellipse_cycles.residual_cycles(1) == [(Fraction(k, 4),) for k in range(3)]  # 2, 0, -2


def test_the_fractions_step_as_the_64_bits_do():
    points = ellipse_cycles.points(5)
    binary = ellipse_cycles.binary_angles(points)
    images = ellipse_cycles.binary_angles([ellipse_cycles.angle_step(phi) for phi in points])
    # both are rounded to a half unit, and the first is tripled
    off = (theory.ellipse_angle_step(binary) - images).astype(np.int64)
    assert np.abs(off).max() <= 2


@pytest.mark.parametrize("mu", [0.05, 0.7, 1.3, 1.5, 1.95])
def test_points_return_in_the_plane_but_for_rounding_that_triples(mu):
    typical = []
    for n in range(1, 9):
        points = ellipse_cycles.points(n)
        distance, bound = ellipse_cycles.return_error(points, mu, n)
        assert (distance <= bound).all()
        # a point that is not on a cycle is much further off
        others = [phi + Fraction(1, 10**7) for phi in points]
        off, _ = ellipse_cycles.return_error(others, mu, n)
        assert (off > 100 * bound).mean() > 0.9
        typical.append(np.median(distance) / 3.0**n)
    # of most points, across grows less than along: an ulp times 3^n
    assert (np.array(typical) > 0.1 * ULP).all()
    assert (np.array(typical) < 10 * ULP).all()
