"""Cycles of a prescribed multiplier on the balanced line x' = k x - x^3, k = 1 + mu.

A cycle whose residual e has period n and which returns with sign +-1 solves f^n(x) = sign x; with
a prescribed multiplier sign (f^n)'(x) that is two equations for (x, mu): multiplier -1 is a
doubling in e, 0 a superstable cycle, +1 the birth of a pair of cycles. Newton's method on exact
derivatives solves them; the error is then bounded afterwards, from what the equations leave and
from a running bound of their rounding.
"""

from decimal import Decimal
from typing import NamedTuple, TypeAlias

from lt2f.dynamics.critical import UNIT_ROUNDOFF, Root, decimals

Number: TypeAlias = float | Decimal
Matrix: TypeAlias = tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]

_ROUNDS = 60
_FAR = Decimal(1)  # a correction this large has left the guess behind
_APART = Decimal("1e-18")  # far below the distances within a cycle, far above rounding


class Cycle(NamedTuple):
    """A point of a cycle and the mu at which it has its multiplier, with a bound for mu."""

    x: Decimal
    root: Root


def cycle_point(period: int, multiplier: Number, x: Number, mu: Number, sign: int = 1) -> Cycle:
    """Find the cycle near the guess (x, mu) whose e has this period and multiplier.

    sign -1 seeks cycles that return to -x after `period` steps, so that (a, b) has twice the
    period of e. The error bounds that of mu to first order, with a factor of two to spare. Raises
    ValueError where no such cycle is near the guess, or where e returns earlier.
    """
    with decimals():
        point, k, target = Decimal(x), 1 + Decimal(mu), Decimal(multiplier)
        try:
            point, k = _newton(point, k, period, target, sign)
            left, jacobian = equations(point, k, period, target, sign)
            bounds = [abs(a) + b for a, b in zip(left, _rounding(point, k, period), strict=True)]
            by_closing, by_slope = _inverse(jacobian)[1]
            error = 2 * (abs(by_closing) * bounds[0] + abs(by_slope) * bounds[1])
        except ArithmeticError as reason:
            words = f"no cycle of period {period} and multiplier {multiplier} near the guess"
            raise ValueError(words) from reason
        if _returns_early(point, k, period):
            raise ValueError(f"the cycle found near the guess has a period smaller than {period}")
        return Cycle(point, Root(k - 1, error))


def equations(
    x: Decimal, k: Decimal, period: int, multiplier: Decimal, sign: int
) -> tuple[tuple[Decimal, Decimal], Matrix]:
    """Return what the two equations leave, and their Jacobian in (x, k), along the orbit of x."""
    y, y_x, y_k = x, Decimal(1), Decimal(0)
    y_xx = y_xk = y_k
    for _ in range(period):
        square, bend = y * y, 6 * y * y_x
        d = k - 3 * square
        y_xx, y_xk = d * y_xx - bend * y_x, d * y_xk - bend * y_k + y_x
        y_x, y_k, y = d * y_x, d * y_k + y, y * (k - square)
    return (y - sign * x, y_x - sign * multiplier), ((y_x - sign, y_k), (y_xx, y_xk))


def _newton(
    x: Decimal, k: Decimal, period: int, multiplier: Decimal, sign: int
) -> tuple[Decimal, Decimal]:
    """Solve for (x, k); raises ArithmeticError where the iteration leaves or does not end."""
    last = _FAR
    for _ in range(_ROUNDS):
        left, jacobian = equations(x, k, period, multiplier, sign)
        by_x, by_k = (row[0] * left[0] + row[1] * left[1] for row in _inverse(jacobian))
        x, k = x - by_x, k - by_k
        size = max(abs(by_x), abs(by_k))
        if size > _FAR:
            break
        # Rounding, amplified by long orbits, ends the contraction before the last digit.
        if size < UNIT_ROUNDOFF or (last < Decimal("1e-25") and size >= last):
            return x, k
        last = size
    raise ArithmeticError("no convergence")


def _inverse(matrix: Matrix) -> Matrix:
    (a, b), (c, d) = matrix
    determinant = a * d - b * c
    return (d / determinant, -b / determinant), (-c / determinant, a / determinant)


def _rounding(x: Decimal, k: Decimal, period: int) -> tuple[Decimal, Decimal]:
    """Bound the rounding in the two equations to first order, carried along the orbit."""
    y, slope, in_y, in_slope = x, Decimal(1), Decimal(0), Decimal(0)
    for _ in range(period):
        square = y * y
        d, scale = k - 3 * square, k + 3 * square
        in_slope = abs(d) * in_slope + abs(slope) * (6 * abs(y) * in_y + 4 * UNIT_ROUNDOFF * scale)
        in_y = abs(d) * in_y + 3 * UNIT_ROUNDOFF * abs(y) * scale
        slope, y = slope * d, y * (k - square)
    # The subtraction that closes each equation rounds too.
    return in_y + UNIT_ROUNDOFF, in_slope + UNIT_ROUNDOFF


def _returns_early(x: Decimal, k: Decimal, period: int) -> bool:
    """Tell whether x^2, and so e, comes back before period steps."""
    square = start = x * x
    for _ in range(period - 1):
        square *= (k - square) ** 2
        if abs(square - start) < _APART:
            return True
    return False
