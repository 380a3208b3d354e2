"""Bifurcation points on the balanced line x' = (1 + mu) x - x^3, known or found.

A cycle whose residual e has period n and which returns with sign -+1 solves
f^n(x) = sign x; with a prescribed multiplier sign (f^n)'(x) that is two equations for (x, mu):
multiplier -1 is a doubling in e, 0 a superstable cycle, +1 the birth of a pair of cycles.
Newton's method on exact derivatives solves them; the error is then bounded afterwards, from
what the equations leave and from a running bound of their rounding.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import root

from lt2f.dynamics.theory import FloatArray

FEIGENBAUM: Final = 4.669201609
"""Limit ratio of successive doubling intervals; here it only predicts where to search."""

UNIT_ROUNDOFF: Final = 2.0**-53


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value of mu at which the dynamics changes, as a row of thresholds.csv."""

    id: str
    name: str
    mu: float
    error: float  # bound of |mu - true value|
    method: str
    source: str


# Closed forms

_CLOSED_FORMS: Final = (
    (
        "monotone_end",
        "end of monotone convergence on the balanced line",
        2 * math.sqrt(2) - 2,
        "derived: the largest |e'/e|, mu + mu^2/4, reaches 1",
    ),
    (
        "doubling_1",
        "edge of stability, first doubling: period 1 to 2",
        1.0,
        "derived: the balanced minimum has sharpness 2 mu = 2",
    ),
    (
        "doubling_2",
        "second doubling: period 2 to 4",
        math.sqrt(5) - 1,
        "derived: the multiplier 9 - 2(1 + mu)^2 of the two-cycle reaches -1",
    ),
    (
        "attractor_merging",
        "merging of the attractors in x > 0 and x < 0",
        1.5 * math.sqrt(3) - 1,
        "derived: the second image of the critical point is 0, 4(1 + mu)^3/27 = 1 + mu",
    ),
    (
        "antisymmetric_birth",
        "birth of the cycle x, y, -x, -y: period 4, residual period 2",
        2 * math.sqrt(2) - 1,
        "derived: with k = 1 + mu and w = (k - x^2) - (k - y^2), w^2 - k w + 2 = 0 has a "
        "double root",
    ),
    (
        "antisymmetric_split",
        "its residual doubles to period 4, the cycle splits into a mirrored pair of period 4",
        math.sqrt(13 + 3 * math.sqrt(41)) / 2 - 1,
        "derived: its residual multiplier 9 + 6kw - 4k^2 reaches -1, 2k^4 - 13k^2 = 25",
    ),
    (
        "chebyshev",
        "full Chebyshev chaos, the last bounded balanced attractor",
        2.0,
        "derived: x = 2 cos t turns the map into t' = pi + 3t",
    ),
)


def closed_thresholds() -> list[Threshold]:
    """List the thresholds with a closed form, by increasing mu; their error is that of rounding."""
    return [
        Threshold(
            id=id_,
            name=name,
            mu=mu,
            error=0.0 if mu.is_integer() else 2 * float(np.spacing(mu)),
            method="closed form",
            source=source,
        )
        for id_, name, mu, source in _CLOSED_FORMS
    ]


# Cycles by root finding


def _equations(
    x: float, mu: float, period: int, multiplier: float, sign: int
) -> tuple[FloatArray, FloatArray]:
    """Return the two residuals in (x, mu) and their Jacobian, by the chain rule along the orbit."""
    k, y = 1 + mu, x
    y_x, y_mu, y_xx, y_xmu = 1.0, 0.0, 0.0, 0.0
    for _ in range(period):
        d = k - 3 * y * y
        y_xx, y_xmu = d * y_xx - 6 * y * y_x * y_x, d * y_xmu + (1 - 6 * y * y_mu) * y_x
        y_x, y_mu, y = d * y_x, d * y_mu + y, y * (k - y * y)
    left = np.array([y - sign * x, y_x - sign * multiplier])
    return left, np.array([[y_x - sign, y_mu], [y_xx, y_xmu]])


def _rounding(x: float, mu: float, period: int) -> FloatArray:
    """Bound the rounding in the two residuals to first order, carried along the orbit."""
    k, y, slope = 1 + mu, x, 1.0
    in_y = in_slope = 0.0
    for _ in range(period):
        d, scale = k - 3 * y * y, k + 3 * y * y
        in_slope = abs(d) * in_slope + abs(slope) * (6 * abs(y) * in_y + 4 * UNIT_ROUNDOFF * scale)
        in_y = abs(d) * in_y + 3 * UNIT_ROUNDOFF * abs(y) * scale
        slope, y = slope * d, y * (k - y * y)
    # the subtraction that closes each equation rounds too
    return np.array([in_y, in_slope]) + UNIT_ROUNDOFF


def _returns_early(x: float, mu: float, period: int) -> bool:
    """Tell whether x^2, and so e, comes back before period steps."""
    y = x
    for _ in range(period - 1):
        y *= 1 + mu - y * y
        if abs(y * y - x * x) < 1e-6:  # far below the distances of the cycles sought here
            return True
    return False


def cycle_point(
    period: int, multiplier: float, x: float, mu: float, sign: int = 1
) -> tuple[float, float, float]:
    """Find the cycle near the guess (x, mu) whose e has this period and multiplier.

    sign -1 seeks cycles that return to -x after `period` steps, so that (a, b) has twice the
    period of e. Returns (x, mu, error), error bounding that of mu to first order. Raises
    ValueError where no such cycle is near the guess, or where e returns earlier.
    """
    solution = root(
        lambda z: _equations(float(z[0]), float(z[1]), period, multiplier, sign),
        np.array([x, mu]),
        jac=True,
        options={"xtol": 1e-15},
    ).x
    x, mu = float(solution[0]), float(solution[1])
    left, jacobian = _equations(x, mu, period, multiplier, sign)
    inverse = np.abs(np.linalg.inv(jacobian))
    error = float((inverse @ (np.abs(left) + _rounding(x, mu, period)))[1])
    if not error < 1e-10:
        raise ValueError(f"no cycle of period {period} and multiplier {multiplier} near the guess")
    if _returns_early(x, mu, period):
        raise ValueError(f"the cycle found near the guess has a period smaller than {period}")
    return x, mu, error


def _settle(mu: float, period: int) -> float:
    """Return a point near the attracting cycle at mu: the critical point after many periods."""
    x = math.sqrt((1 + mu) / 3)
    for _ in range(256 * period):
        x *= 1 + mu - x * x
    return x


def doublings(count: int = 3) -> list[Threshold]:
    """Find the first `count` doublings 1 -> 2 -> 4 -> ..., each where the last two point.

    Intervals between doublings shrink by a ratio that rises towards Feigenbaum's, so that each
    guess falls short of its doubling, where the cycle still attracts.
    """
    found: list[Threshold] = []
    last, interval = 0.0, FEIGENBAUM
    for order in range(1, count + 1):
        period, guess = 2 ** (order - 1), last + interval / FEIGENBAUM
        _, mu, error = cycle_point(period, -1.0, _settle(guess, period), guess)
        last, interval = mu, mu - last
        found.append(
            Threshold(
                id=f"doubling_{order}",
                name=f"doubling: period {period} to {2 * period}",
                mu=mu,
                error=error,
                method="root finding: the cycle closes with multiplier -1",
                source="derived: balanced line, Newton's method on exact derivatives",
            )
        )
    return found


def table(doubling_count: int = 3) -> list[Threshold]:
    """List every threshold, by increasing mu; where a closed form is known it replaces the root."""
    rows = {row.id: row for row in (*doublings(doubling_count), *closed_thresholds())}
    return sorted(rows.values(), key=lambda row: (row.mu, row.id))
