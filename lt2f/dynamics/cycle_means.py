"""Means over one round of a refined cycle, and how far rounding can have moved them.

Off by at most so much are the points themselves: each step adds its rounding to what the map makes
of that of the steps before. So an error is large where a cycle is nearly neutral, and there alone.
All under any law of the step without noise: `model` is its number, s its strength, q what it keeps
of the weights; r, h and k are the first three derivatives of its loss.
"""

import math

import numpy as np

from lt2f.dynamics.compiler import fma, jit
from lt2f.dynamics.model import derivatives, half_norm, kept, residual

ROUNDING = 2.0**-51  # of a sum of a few terms of order one


@jit
def displacement(model, u, v, mu, s, period, multiplier):  # type: ignore[no-untyped-def]
    """How far rounding can have moved a point of a refined cycle.

    Each step adds its rounding to what the map makes of that of the steps before, and a whole
    round multiplies the sum by `multiplier`: a geometric series.
    """
    off, q = 0.0, kept(model, s)
    for _ in range(period):
        r, h, _ = derivatives(model, residual(u, v, mu), s)
        off = _carried_on(off, u, q - r - 2.0 * h * u * u)
        u, v = fma(-u, r, q * u), fma(v, r, q * v)
    return off / (1.0 - multiplier)


@jit
def _carried_on(off, u, factor):  # type: ignore[no-untyped-def]
    return abs(factor) * off + ROUNDING * (1.0 + abs(u))


@jit
def mean_log(model, u, v, mu, s, period, multiplier):  # type: ignore[no-untyped-def]
    """Exponents along and across of a cycle, as if on the balanced line, and their rounding.

    Sums of logarithms keep the digits that a product of many factors would lose. A point is off
    by what `displacement` says; the factors q - r - 2hu^2 and q + r follow with slopes 6hu + 4ku^3
    and 2hu. A factor that could be zero within that is: the cycle is superstable.
    """
    off, q = displacement(model, u, v, mu, s, period, multiplier), kept(model, s)
    along, across, off_along, off_across = 0.0, 0.0, 0.0, 0.0
    for _ in range(period):
        r, h, k = derivatives(model, residual(u, v, mu), s)
        f, g = abs(q - r - 2.0 * h * u * u), abs(q + r)
        bend = abs(6.0 * h * u + 4.0 * k * u * u * u)
        off_f = (bend * off + ROUNDING * (1.0 + 3.0 * u * u)) / f
        off_g = (2.0 * abs(h * u) * off + ROUNDING * (1.0 + u * u)) / g
        along, across = along + _log(f, off_f), across + _log(g, off_g)
        off_along, off_across = off_along + off_f, off_across + off_g
        off = _carried_on(off, u, f)
        u, v = fma(-u, r, q * u), fma(v, r, q * v)
    return along / period, across / period, off_along / period, off_across / period


@jit
def _log(factor, uncertainty):  # type: ignore[no-untyped-def]
    return math.log(factor) if uncertainty < 0.5 else -np.inf


@jit
def averages(model, u, v, mu, s, period, multiplier):  # type: ignore[no-untyped-def]
    """Means of S, of e^2/2, of a and of b over a cycle; and how far S, loss and weights are off.

    Where a point is off by `off`, u^2 is by 2|u| off, so S by twice that and the loss by |e| times
    it. Each of the additions rounds as well.
    """
    off, adding = displacement(model, u, v, mu, s, period, multiplier), ROUNDING * period
    q, norm, loss, a, b = kept(model, s), 0.0, 0.0, 0.0, 0.0
    off_s, off_loss, off_weight = 0.0, 0.0, 0.0
    for _ in range(period):
        e, n = residual(u, v, mu), half_norm(u, v)
        off_n = 2.0 * abs(u) * off + ROUNDING * (1.0 + n)
        r, h, _ = derivatives(model, e, s)
        norm, loss, a, b = norm + 2.0 * n, loss + e * e / 2.0, a + (u + v), b + (u - v)
        off_s += 2.0 * off_n + adding * n
        off_loss += abs(e) * off_n + adding * e * e
        off_weight += off + adding * (abs(u) + abs(v))
        off = _carried_on(off, u, q - r - 2.0 * h * u * u)
        u, v = fma(-u, r, q * u), fma(v, r, q * v)
    means = norm / period, loss / period, a / period, b / period
    return means, (off_s / period, off_loss / period, off_weight / period)
