"""Relations of the critical orbit on the balanced line: values of mu at which it closes on itself.

There x' = k x - x^3 with k = 1 + mu, and the orbit of the critical point x_0 = sqrt(k/3) decides:
x_n = +-x_0 is a superstable cycle, x_n = +-x_m with 0 < m < n a critical orbit that lands on an
unstable cycle, where bands or attractors merge or end. Each is one equation for k, solved by
Newton's method in decimals of 40 digits, so that a threshold is known to its last double, however
long its orbit. Its root is then enclosed: where the computed left side, with a bound on all its
rounding, is surely negative on one side and surely positive on the other, continuity puts a root
between.
"""

from contextlib import AbstractContextManager
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final, NamedTuple

DIGITS: Final = 40
UNIT_ROUNDOFF: Final = Decimal(10) ** (1 - DIGITS) / 2
_ROUNDS: Final = 40  # Newton's method doubles the digits each round, once it is near


class Root(NamedTuple):
    """A value of mu, and a bound on its distance to the true one, both in decimals."""

    mu: Decimal
    error: Decimal


class Side(NamedTuple):
    """The left side x_n - sign x_m, its derivative in k, and a bound on the former's rounding."""

    value: Decimal
    slope: Decimal
    rounding: Decimal


def decimals() -> AbstractContextManager[Context]:
    """Compute in decimals of 40 digits within a `with` statement, whatever the caller's context."""
    return localcontext(Context(prec=DIGITS, rounding=ROUND_HALF_EVEN))


def relation(later: int, earlier: int, sign: int, guess: float | Decimal) -> Root:
    """Find mu near a guess with x_later = sign x_earlier on the critical orbit.

    The error is proved: a root of the relation lies within it. Raises ValueError where Newton's
    method finds no simple root near the guess.
    """
    with decimals():
        k = 1 + Decimal(guess)
        try:
            for _ in range(_ROUNDS):
                side = critical_side(k, later, earlier, sign)
                step = side.value / side.slope
                k -= step
                if abs(step) <= 8 * UNIT_ROUNDOFF + 2 * side.rounding / abs(side.slope):
                    return Root(k - 1, _enclosed(k, later, earlier, sign))
        except ArithmeticError:  # the orbit escaped, or the slope vanished
            pass
    raise ValueError(f"no mu near {guess:g} where step {later} meets step {earlier}")


def _enclosed(k: Decimal, later: int, earlier: int, sign: int) -> Decimal:
    """Return a distance from k within which the relation surely has a root."""
    side = critical_side(k, later, earlier, sign)
    error = 2 * (abs(side.value) + side.rounding) / abs(side.slope) + 4 * UNIT_ROUNDOFF
    low, high = (critical_side(x, later, earlier, sign) for x in (k - error, k + error))
    surely = all(abs(end.value) > end.rounding for end in (low, high))
    if not surely or (low.value > 0) == (high.value > 0):
        raise ValueError(f"the root near {k - 1:.15g} is not simple")
    return error + 4 * UNIT_ROUNDOFF  # the ends themselves were rounded


def critical_side(k: Decimal, later: int, earlier: int, sign: int) -> Side:
    """Follow the critical orbit with its derivative in k and a running bound of its rounding."""
    x = (k / 3).sqrt()
    x_k, off = x / (2 * k), 2 * UNIT_ROUNDOFF * x
    there = (x, x_k, off)
    for step in range(1, later + 1):
        square = x * x
        d, rest = k - 3 * square, k - square
        # What x is off is carried along to second order, and four operations round.
        off = (abs(d) + 3 * (abs(x) + off) * off) * off
        off += 4 * UNIT_ROUNDOFF * abs(x) * (abs(rest) + square)
        x_k, x = d * x_k + x, x * rest
        if step == earlier:
            there = (x, x_k, off)
    value = x - sign * there[0]
    return Side(value, x_k - sign * there[1], off + there[2] + UNIT_ROUNDOFF * abs(value))
