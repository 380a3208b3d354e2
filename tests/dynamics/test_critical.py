import math
from decimal import Decimal, getcontext

import mpmath as mp
import pytest
import sympy as sp

from lt2f.dynamics.critical import critical_side, decimals, relation


def exactly(mu):
    return mp.mpf(str(mu))


# 3 sqrt(3)/2 - 1: the second image is the origin, a fixed point; 2: the first image is the end
# sqrt(k + 1) of the bounded line, which maps to its negative; 1/2 and the cubic in k^2 of period 2
# come from sympy below.
CLOSED = {
    "attractors merge": ((3, 2, 1), 1.59, lambda: 3 * mp.sqrt(3) / 2 - 1),
    "last crisis": ((2, 1, -1), 1.95, lambda: mp.mpf(2)),
    "superstable fixed point": ((1, 0, 1), 0.4, lambda: mp.mpf(1) / 2),
    "superstable two-cycle": ((2, 0, 1), 1.1, lambda: 3 / mp.sqrt(2) - 1),
}


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_by_root_finding(name):
    steps, guess, truth = CLOSED[name]
    found = relation(*steps, guess)
    with mp.workdps(60):
        assert abs(exactly(found.mu) - truth()) <= exactly(found.error) < mp.mpf(10) ** -36


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("earlier", [0, 2])
def test_the_left_side_and_its_derivative(earlier, sign):
    # A wrong derivative would still let the solver converge, and spoil the error.
    k = sp.symbols("k", positive=True)
    orbit = [sp.sqrt(k / 3)]
    for _ in range(4):
        orbit.append(sp.expand(orbit[-1] * (k - orbit[-1] ** 2)))
    left = orbit[4] - sign * orbit[earlier]
    with decimals():
        side = critical_side(Decimal("2.25"), 4, earlier, sign)
    at = {k: sp.Rational(9, 4)}
    value, slope = (sp.N(f.subs(at), 60) for f in (left, sp.diff(left, k)))
    assert abs(value - sp.Float(str(side.value), 60)) <= sp.Float(str(side.rounding), 60)
    assert abs(slope - sp.Float(str(side.slope), 60)) < 1e-35  # 40 digits, a few roundings
    assert side.rounding < 1e-35


@pytest.mark.parametrize("steps", [1, 7, 64, 128])
def test_the_rounding_is_bounded(steps):
    # At mu = 1.37 orbits are chaotic, so that rounding grows by some twenty digits.
    with decimals():
        k = Decimal("2.37")
        side = critical_side(k, steps, 0, 1)
    with mp.workdps(400):
        x = start = mp.sqrt(exactly(k) / 3)
        for _ in range(steps):
            x *= exactly(k) - x * x
        assert abs(x - start - exactly(side.value)) <= exactly(side.rounding)


def test_whatever_the_context_of_the_caller():
    context = getcontext().copy()
    with decimals():
        inside = relation(2, 0, 1, 1.1)
    getcontext().prec = 5
    try:
        assert relation(2, 0, 1, 1.1) == inside
        assert getcontext().prec == 5
    finally:
        getcontext().prec = context.prec


@pytest.mark.parametrize("guess", [30.0, -0.9, math.inf, math.nan])
def test_a_guess_without_a_root_is_refused(guess):
    with pytest.raises(ValueError, match="no mu near"):
        relation(5, 0, -1, guess)


def test_a_double_root_is_refused():
    # x_4 = x_3 holds at mu = -1 (k = 0) to the third order, where no enclosure can be proved.
    with pytest.raises(ValueError, match=r"no mu near|not simple"):
        relation(4, 3, 1, -0.999)
