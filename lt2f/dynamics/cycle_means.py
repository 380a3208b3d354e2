"""Means over one round of a refined cycle, and how far rounding can have moved them.

Off by at most so much are the points themselves: each step adds its rounding to what the map makes
of that of the steps before. So an error is large where a cycle is nearly neutral, and there alone.
"""

import math

import numpy as np

from lt2f.dynamics.compiler import fma, jit
from lt2f.dynamics.model import half_norm, residual

ROUNDING = 2.0**-51  # of a sum of a few terms of order one


@jit
def displacement(u, v, mu, period, multiplier):  # type: ignore[no-untyped-def]
    """How far rounding can have moved a point of a refined cycle.

    Each step adds its rounding to what the map makes of that of the steps before, and a whole
    round multiplies the sum by `multiplier`: a geometric series.
    """
    off = 0.0
    for _ in range(period):
        e = residual(u, v, mu)
        off = _carried_on(off, u, e)
        u, v = fma(-u, e, u), fma(v, e, v)
    return off / (1.0 - multiplier)


@jit
def _carried_on(off, u, e):  # type: ignore[no-untyped-def]
    return abs(1.0 - e - 2.0 * u * u) * off + ROUNDING * (1.0 + abs(u))


@jit
def mean_log(u, v, mu, period, multiplier):  # type: ignore[no-untyped-def]
    """Exponents along and across of a cycle, as if on the balanced line, and their rounding.

    Sums of logarithms keep the digits that a product of many factors would lose. A point is off
    by what `displacement` says; the factors 1 - e - 2u^2 and 1 + e follow with slopes 6u and 2u.
    A factor that could be zero within that is: the cycle is superstable.
    """
    off = displacement(u, v, mu, period, multiplier)
    along, across, off_along, off_across = 0.0, 0.0, 0.0, 0.0
    for _ in range(period):
        e = residual(u, v, mu)
        f, g = abs(1.0 - e - 2.0 * u * u), abs(1.0 + e)
        off_f = (6.0 * abs(u) * off + ROUNDING * (1.0 + 3.0 * u * u)) / f
        off_g = (2.0 * abs(u) * off + ROUNDING * (1.0 + u * u)) / g
        along, across = along + _log(f, off_f), across + _log(g, off_g)
        off_along, off_across = off_along + off_f, off_across + off_g
        off = _carried_on(off, u, e)
        u, v = fma(-u, e, u), fma(v, e, v)
    return along / period, across / period, off_along / period, off_across / period


@jit
def _log(factor, uncertainty):  # type: ignore[no-untyped-def]
    return math.log(factor) if uncertainty < 0.5 else -np.inf


@jit
def averages(u, v, mu, period, multiplier):  # type: ignore[no-untyped-def]
    """Means of S, of the loss, of a and of b over a cycle; and how far S, loss and weights are off.

    Where a point is off by `off`, u^2 is by 2|u| off, so S by twice that and the loss by |e| times
    it. Each of the additions rounds as well.
    """
    off, adding = displacement(u, v, mu, period, multiplier), ROUNDING * period
    s, loss, a, b = 0.0, 0.0, 0.0, 0.0
    off_s, off_loss, off_weight = 0.0, 0.0, 0.0
    for _ in range(period):
        e, n = residual(u, v, mu), half_norm(u, v)
        off_n = 2.0 * abs(u) * off + ROUNDING * (1.0 + n)
        s, loss, a, b = s + 2.0 * n, loss + e * e / 2.0, a + (u + v), b + (u - v)
        off_s += 2.0 * off_n + adding * n
        off_loss += abs(e) * off_n + adding * e * e
        off_weight += off + adding * (abs(u) + abs(v))
        off = _carried_on(off, u, e)
        u, v = fma(-u, e, u), fma(v, e, v)
    means = s / period, loss / period, a / period, b / period
    return means, (off_s / period, off_loss / period, off_weight / period)
