"""Periodic points on the Chebyshev ellipse, counted and listed in exact arithmetic.

In turns the angle steps as phi' = 1/2 - 3 phi, that is psi' = -3 psi with psi = phi - 1/8. So n
steps return to phi iff psi is a multiple of 1/((-3)^n - 1): for every 0 < mu < 2 the map has
exactly |(-3)^n - 1| points of period dividing n on the ellipse, and each has the multiplier (-3)^n
along it. The residual is e = 2 cos(4 pi phi), which (a, b), (-a, -b), (b, a) and (-b, -a) share;
with omega = 2 phi its step is omega' = -3 omega, where omega and -omega are one, so that n steps
return to e iff omega is a multiple of 1/(3^n - 1) or 1/(3^n + 1): 3^n values, all the fixed points
that a polynomial of degree 3^n can have.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from lt2f.dynamics.kernels import ITERATE
from lt2f.dynamics.lanes import SILENCE, Floats, factors, prepare
from lt2f.dynamics.model import QUIET
from lt2f.dynamics.theory import AngleArray, ellipse_point

TURN = 2**64
ROUNDINGS = 4.0  # of a point or a step, in units of 2^-53 times 4, the size of squares in a step


def count_points(n: int) -> int:
    """Count the points (a, b) on the ellipse whose period divides n >= 1: |(-3)^n - 1|."""
    return abs((-3) ** n - 1)


def count_residuals(n: int) -> int:
    """Count the residuals e in [-2, 2] whose period divides n >= 1: 3^n."""
    return int(3**n)


def count_cycles(n: int) -> int:
    """Count the cycles of (a, b) on the ellipse of exact period n >= 1."""
    return _cycles(count_points, n)


def count_residual_cycles(n: int) -> int:
    """Count the cycles of e in [-2, 2] of exact period n >= 1."""
    return _cycles(count_residuals, n)


def _cycles(count: Callable[[int], int], n: int) -> int:
    """Invert count(n) = sum over d | n of d cycles(d), after Moebius, and divide by n."""
    return sum(_moebius(n // d) * count(d) for d in range(1, n + 1) if n % d == 0) // n


def _moebius(n: int) -> int:
    """Return (-1)^k for a product of k different primes, 0 where a square divides n."""
    sign = 1
    for p in range(2, n + 1):
        if n % p == 0:
            n //= p
            if n % p == 0:
                return 0
            sign = -sign
    return sign


def angle_step(phi: Fraction) -> Fraction:
    """Step an angle in turns: 1/2 - 3 phi modulo 1."""
    return (Fraction(1, 2) - 3 * phi) % 1


def residual_step(omega: Fraction) -> Fraction:
    """Step the angle of a residual e = 2 cos(2 pi omega), 0 <= omega <= 1/2: 3 omega, folded."""
    tripled = 3 * omega % 1
    return min(tripled, 1 - tripled)


def points(n: int) -> list[Fraction]:
    """Angles in turns, ascending, of all points whose period divides n >= 1."""
    count = count_points(n)
    return sorted((Fraction(1, 8) + Fraction(k, count)) % 1 for k in range(count))


def residuals(n: int) -> list[Fraction]:
    """Angles omega in [0, 1/2], ascending, of all e = 2 cos(2 pi omega) of period dividing n."""
    parts = (3**n - 1, 3**n + 1)
    return sorted({Fraction(k, part) for part in parts for k in range(part // 2 + 1)})


def cycles(n: int) -> list[tuple[Fraction, ...]]:
    """Cycles of (a, b) of exact period n >= 1, each from its least angle in turns on."""
    return _orbits(points(n), angle_step, n)


def residual_cycles(n: int) -> list[tuple[Fraction, ...]]:
    """Cycles of e of exact period n >= 1, each from its least angle omega on."""
    return _orbits(residuals(n), residual_step, n)


def _orbits(
    angles: list[Fraction], step: Callable[[Fraction], Fraction], n: int
) -> list[tuple[Fraction, ...]]:
    """Part angles, ascending, into orbits, and keep those of n members."""
    seen: set[Fraction] = set()
    found = []
    for angle in angles:
        orbit = []
        while angle not in seen:
            seen.add(angle)
            orbit.append(angle)
            angle = step(angle)
        if len(orbit) == n:
            found.append(tuple(orbit))
    return found


def binary_angles(angles: list[Fraction]) -> AngleArray:
    """Round angles in turns to the nearest 64-bit fraction of a turn, 2048 times as fine as eps."""
    return np.array([round(angle * TURN) % TURN for angle in angles], dtype=np.uint64)


def return_error(angles: list[Fraction], mu: float, n: int) -> tuple[Floats, Floats]:
    """Iterate the plane map n times from points of the ellipse, and see how far off they return.

    Angles are in turns, 0 < mu < 2. The results have shape (N,): the distance in the (a, b) plane
    between a point and its n-th image under the kernels' map, and a bound on what rounding makes
    of it: to first order, the sum over steps of ROUNDINGS roundings times the norm of the Jacobian
    from there to the end. That norm grows as 3^n along the ellipse, and faster across it where the
    mean of log(1 + mu e + e^2) over the cycle is above log 3.
    """
    u, v = ellipse_point(binary_angles(angles), mu)
    state = prepare(u, v, np.full(u.shape, mu))
    jacobians = []
    for _ in range(n):
        jacobians.append(_jacobian(*factors(state[:, : u.size]), mu))
        ITERATE[QUIET](state, 1, 0, SILENCE.sequence)
    image_u, image_v = factors(state[:, : u.size])
    # A distance in (a, b) is sqrt(2) times one in (U, V).
    distance = np.sqrt(2.0) * np.hypot(image_u - u, image_v - v)
    growth, product = np.ones(u.size), np.broadcast_to(np.eye(2), (u.size, 2, 2))
    for jacobian in reversed(jacobians):
        product = product @ jacobian
        growth += np.linalg.norm(product, axis=(1, 2))
    return distance, ROUNDINGS * 4.0 * 2.0**-53 * growth


def _jacobian(u: Floats, v: Floats, mu: float) -> Floats:
    """Jacobian of U(1 - e), V(1 + e) with e = U^2 - V^2 - mu in U and V, shape (N, 2, 2)."""
    e = (u - v) * (u + v) - mu
    rows = [[1 - e - 2 * u * u, 2 * u * v], [2 * u * v, 1 + e - 2 * v * v]]
    return np.moveaxis(np.array(rows), -1, 0)
