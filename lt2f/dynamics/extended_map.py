"""The map in 50 digits, and its stable cycles.

State and tangent vectors are those of (a, b), and arithmetic is that of the standard library's
`decimal`: nothing is shared with the kernels, on which this is a check.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

DIGITS = 50
NEAR = Decimal("0.03")  # a return this close is worth Newton's method: 2000 steps at a bifurcation
BASIN = 10 * NEAR  # how far that may lead away
CLOSED = Decimal("1e-38")  # Newton's last correction, for multipliers no closer to one than 1e-10
SAME = Decimal("1e-20")  # points closer than this are one: far above CLOSED, far below any doubling
ROUNDS = 8  # times that an orbit has to come nearer to the cycle that it is said to approach
NEWTON = 24  # corrections

Point = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Points of a cycle, as many as its least period, and moduli of multipliers, larger first."""

    points: Sequence[Point]
    multipliers: Point


def precision() -> AbstractContextManager[Context]:
    """Return a context in which decimals have DIGITS digits and exponents beyond any need."""
    return localcontext(Context(prec=DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN))


def start(imbalance: float, product: float) -> Point:
    """Start (a, b) of a given imbalance a^2 - b^2 and product a b, with a >= 0.

    The larger square is (|imbalance| + S)/2, S = a^2 + b^2; the product gives the other factor.
    """
    with precision():
        delta, p = Decimal(imbalance), Decimal(product)
        larger = ((abs(delta) + (delta * delta + 4 * p * p).sqrt()) / 2).sqrt()
        smaller = p / larger if larger else larger
        return (larger, smaller) if delta >= 0 else (abs(smaller), larger.copy_sign(p))


def step(mu: Decimal, a: Decimal, b: Decimal) -> Point:
    """One step of gradient descent (arXiv:2605.21292)."""
    e = a * b - mu
    return a - e * b, b - e * a


def tangent(mu: Decimal, a: Decimal, b: Decimal, x: Decimal, y: Decimal) -> Point:
    """Image of the tangent vector (x, y) under the Jacobian at (a, b)."""
    across = mu - 2 * a * b
    return (1 - b * b) * x + across * y, across * x + (1 - a * a) * y


def find_cycle(mu: Decimal, at: Point, max_period: int) -> Cycle | None:
    """Find the stable cycle of period 2 to `max_period` that the orbit through `at` approaches.

    It has to pass within NEAR of itself, Newton's method has to lead to a cycle from there, both
    multipliers have to be smaller than one, and the orbit has to come nearer round by round. A slow
    approach next to a bifurcation is no obstacle while multipliers differ from one by 1e-10.
    """
    a, b = at
    for period in range(1, max_period + 1):
        a, b = step(mu, a, b)
        if period == 1 or distance((a, b), at) > NEAR:  # a fixed point is no cycle
            continue
        if (point := _newton(mu, at, period)) is None:
            continue
        cycle = _cycle(mu, point, period)
        stable = cycle.multipliers[0] < 1 and len(cycle.points) == period
        if stable and _approaches(mu, at, cycle):
            return cycle
    return None


def repeats(mu: Decimal, at: Point, max_period: int) -> bool:
    """Whether the orbit through `at` returns to the last digit within `max_period` steps."""
    now = at
    return any((now := step(mu, *now)) == at for _ in range(max_period))


def distance(one: Point, other: Point) -> Decimal:
    """Distance of two points in the maximum norm."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _around(mu: Decimal, at: Point, period: int) -> tuple[Point, Point, Point]:
    """End point of `period` steps, and the images of the two unit tangent vectors."""
    (a, b), one, other = at, (Decimal(1), Decimal(0)), (Decimal(0), Decimal(1))
    for _ in range(period):
        one, other = tangent(mu, a, b, *one), tangent(mu, a, b, *other)
        a, b = step(mu, a, b)
    return (a, b), one, other


def _newton(mu: Decimal, at: Point, period: int) -> Point | None:
    """Solve Phi^period(z) = z from the point `at`; None where that leads nowhere near."""
    a, b = at
    for _ in range(NEWTON):
        (an, bn), (p, q), (r, s) = _around(mu, (a, b), period)
        p, s, fa, fb = p - 1, s - 1, an - a, bn - b
        if not (det := p * s - q * r):
            return None
        da, db = (s * fa - r * fb) / det, (p * fb - q * fa) / det
        a, b = a - da, b - db
        if distance((a, b), at) > BASIN:
            return None
        if max(abs(da), abs(db)) < CLOSED:
            return a, b
    return None


def _cycle(mu: Decimal, at: Point, period: int) -> Cycle:
    """Describe the cycle through a point by its least period and its multipliers over `period`."""
    points = [at]
    for _ in range(period - 1):
        points.append(step(mu, *points[-1]))
    _, (p, q), (r, s) = _around(mu, at, period)
    half, root, det = (p + s) / 2, ((p - s) / 2) ** 2 + q * r, p * s - q * r
    large = abs(half) + root.sqrt() if root >= 0 else det.sqrt()  # eigenvalues half +- sqrt(root)
    small = abs(det) / large if large else large
    return Cycle(points[: least_period(points)], (large, small))


def least_period(points: Sequence[Point]) -> int:
    """Least shift that turns a sequence of points into itself, among the divisors of its length."""
    n = len(points)
    return next(
        shift
        for shift in range(1, n + 1)
        if n % shift == 0 and all(distance(points[k], points[k - shift]) < SAME for k in range(n))
    )


def _approaches(mu: Decimal, at: Point, cycle: Cycle) -> bool:
    """Whether the orbit through `at` comes nearer to a cycle time after time, or is there.

    Rounds count by twos: where a multiplier is negative the sides differ to second order.
    """
    a, b = at
    gap = distance(at, cycle.points[0])
    for _ in range(ROUNDS):
        for _ in range(2 * len(cycle.points)):
            a, b = step(mu, a, b)
        before, gap = gap, distance((a, b), cycle.points[0])
        if gap >= max(before, SAME):
            return False
    return True
