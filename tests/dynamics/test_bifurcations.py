import math
from decimal import Decimal

import mpmath as mp
import pytest
import sympy as sp

from lt2f.dynamics.bifurcations import cycle_point, equations
from lt2f.dynamics.critical import decimals


@pytest.mark.parametrize("sign", [1, -1])
def test_jacobian_of_the_equations(sign):
    # A wrong one would still let the solver converge, and spoil the error bound.
    x, k = sp.symbols("x k")
    image = x
    for _ in range(3):
        image = sp.expand(image * (k - image**2))
    left = sp.Matrix([image - sign * x, sp.diff(image, x) - sign * sp.Rational(3, 10)])
    at = {x: sp.Rational(7, 8), k: sp.Rational(9, 4)}
    with decimals():
        found = equations(Decimal("0.875"), Decimal("2.25"), 3, Decimal("0.3"), sign)
    truth = left.subs(at), left.jacobian([x, k]).subs(at)
    for row in (0, 1):
        assert abs(sp.Rational(str(found[0][row])) - truth[0][row]) < 1e-35
        for column in (0, 1):
            assert abs(sp.Rational(str(found[1][row][column])) - truth[1][row, column]) < 1e-35


@pytest.mark.parametrize(
    ("multiplier", "truth"),
    [(1, lambda: 2 * mp.sqrt(2) - 1), (-1, lambda: mp.sqrt((13 + 3 * mp.sqrt(41)) / 4) - 1)],
)
def test_antisymmetric_cycles_have_closed_forms(multiplier, truth):
    found = cycle_point(2, multiplier, 1.0, 1.83, sign=-1).root
    with mp.workdps(60):
        assert abs(mp.mpf(str(found.mu)) - truth()) <= mp.mpf(str(found.error)) < 1e-36


@pytest.mark.parametrize("multiplier", [-1, -0.5, 0, 0.25])
def test_multipliers_of_the_minimum(multiplier):
    # x^2 = mu has multiplier 1 - 2 mu.
    x, (mu, error) = cycle_point(1, multiplier, 0.8, 0.6)
    assert abs(mu - (1 - Decimal(multiplier)) / 2) <= error < 1e-37
    assert float(x) == pytest.approx(math.sqrt(mu))


def test_a_multiple_of_a_shorter_cycle_is_refused():
    # Three rounds of the fixed point at mu = 1 have multiplier (-1)^3.
    with pytest.raises(ValueError, match="smaller"):
        cycle_point(3, -1, 1.0, 1.0)
    x, (mu, _) = cycle_point(2, -1, 1.0, 1.236)
    with pytest.raises(ValueError, match="smaller"):
        cycle_point(6, -1, x, mu)


@pytest.mark.parametrize(("x", "mu"), [(40.0, 30.0), (0.0, 0.3)])
def test_a_guess_without_a_cycle_is_refused(x, mu):
    with pytest.raises(ValueError, match=r"near the guess|smaller"):
        cycle_point(4, -1, x, mu)
