"""What is known of the noise-free map in closed form, before any iteration.

The map (arXiv:2605.21292) is a' = a - e b, b' = b - e a with e = ab - mu. In the half sum and
half difference U = (a + b)/2, V = (a - b)/2 it reads

    U' = U (1 - e),   V' = V (1 + e),   e = U^2 - V^2 - mu.

S = a^2 + b^2 = 2 (U^2 + V^2) is step size times sharpness, 4UV = a^2 - b^2 the imbalance.
Functions broadcast, return arrays of doubles unless they say otherwise, raise nothing of their
own and pass NaN through. Where no source is named, the formula is derived in the docstring.
"""

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics.codes import Fate

FloatArray: TypeAlias = NDArray[np.float64]
AngleArray: TypeAlias = NDArray[np.uint64]

CHEBYSHEV_EXPONENT: Final = math.log(3.0)
"""Exponent of e' = e^3 - 3e on [-2, 2]: with e = 2 cos t it is t' = 3t."""

ELLIPSE_MARGIN: Final = 2.0**-28
"""Least |h| that `fate` trusts, 2^-30 of the constant 4 in h = S - mu e - 4."""

REST_TOLERANCE: Final = 2.0**-44
"""Relative size below which `fate` takes a residual for the rounding of zero."""


def _double(x: ArrayLike) -> FloatArray:
    return np.asarray(x, dtype=np.float64)


# The start


def start(imbalance: ArrayLike, product: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Find (a, b) with a^2 - b^2 = imbalance, ab = product, a >= 0 and b of product's sign.

    With S = hypot(imbalance, 2 product) the larger of |a|, |b| is sqrt((S + |imbalance|)/2), a
    sum of positive terms, and the smaller is |product| over it: both keep full relative precision.
    """
    d, p = _double(imbalance), _double(product)
    larger = np.sqrt(np.hypot(d, 2 * p) / 2 + np.abs(d) / 2)
    smaller = np.abs(p) / np.where(larger == 0, 1.0, larger)
    a, b = np.where(d < 0, smaller, larger), np.where(d < 0, larger, smaller)
    return a, np.where(p < 0, -b, b)


def start_state(imbalance: ArrayLike, product: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Find the same start as (U, V), without cancellation.

    (|a| + |b|)^2 = S + 2|product| gives one coordinate, imbalance = 4UV the other: a balanced
    start has V = 0 exactly (U = 0 if product < 0).
    """
    d, p = _double(imbalance), _double(product)
    larger = np.sqrt(np.hypot(d, 2 * p) + 2 * np.abs(p)) / 2
    smaller = d / np.where(larger == 0, 1.0, 4 * larger)
    return np.where(p < 0, smaller, larger), np.where(p < 0, larger, smaller)


# The plane: the Chebyshev ellipse and what it decides


def ellipse(mu: ArrayLike, U: ArrayLike, V: ArrayLike) -> FloatArray:
    """Compute h = a^2 + b^2 - mu ab - (4 - mu^2) = S - mu e - 4: negative inside the ellipse.

    One step gives h' = h (1 + mu e + e^2), and the factor is >= 1 - mu^2/4, so for 0 < mu < 2
    the sign of h never changes. In (U, V) it is (2 - mu)(U^2 - (2 + mu)) + (2 + mu) V^2.
    """
    m, u, v = _double(mu), _double(U), _double(V)
    return (2 - m) * (u * u - (2 + m)) + (2 + m) * (v * v)


def ellipse_area(mu: ArrayLike) -> FloatArray:
    """Return the area of the bounded starts in the (a, b) plane, 2 pi sqrt(4 - mu^2)."""
    m = _double(mu)
    return 2 * np.pi * np.sqrt((2 - m) * (2 + m))


def fate(mu: ArrayLike, U: ArrayLike, V: ArrayLike) -> NDArray[np.uint8]:
    """Tell what becomes of a start, for 0 < mu < 2, as codes of `Fate`; OPEN elsewhere.

    * h > 0: DIVERGES, unless the orbit lands exactly on a minimum.
    * h < 0: bounded, and |V|^mu/|h| never grows, for 1 + mu e + e^2 >= |1 + e|^mu with equality
      only at e = 0 (the logarithm of the left side is concave in mu and not below the right side
      at mu = 0 and mu = 2). So V -> 0 or e -> 0. Up to a set of area zero that is a minimum for
      mu <= 1 (CONVERGES), and for mu > 1, where every minimum is unstable, the attractor on the
      balanced line (BALANCES).

    OPEN are the exceptions that a start can meet to rounding: on e = 0 where that is unstable,
    on U = 0, and one step before either. OPEN is |h| <= 2^-28 as well, where rounding could
    carry an orbit across: a step's rounding moves h/(4 - mu^2) by some 2^-47, and h, after
    shrinking by 1 - mu^2/4 at worst, grows with the ellipse's transverse exponent, which is
    near sqrt(4(2 - mu)/3) towards mu = 2. So the side is safe beyond the margin until
    2 - mu ~ 1e-9, and from there the margin covers the whole inside. NaN is OPEN.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        m, u, v = np.broadcast_arrays(_double(mu), _double(U), _double(V))
        size = u * u + v * v
        e = (u - v) * (u + v) - m
        h = ellipse(m, u, v)
        # e' = e (e^2 - 3 - h) and U' = U (1 - e). Strict, so that overflow is not rest.
        at_rest = np.abs(e) < REST_TOLERANCE * (size + m)
        lands = np.abs(e * e - 3 - h) < REST_TOLERANCE * (e * e + 3 + np.abs(h))
        to_origin = (u == 0) | (np.abs(1 - e) < REST_TOLERANCE * (1 + size + m))
    known = (m > 0) & (m < 2) & ~lands
    inside = known & (h < -ELLIPSE_MARGIN) & ~to_origin
    code = np.full(m.shape, Fate.OPEN, dtype=np.uint8)
    code[known & (h > ELLIPSE_MARGIN) & ~at_rest] = Fate.DIVERGES
    code[inside & (m <= 1) & ~(at_rest & (size >= 1))] = Fate.CONVERGES
    code[inside & (m > 1) & ~at_rest] = Fate.BALANCES
    return code


def edge_step_size(x: ArrayLike, z: ArrayLike, target: ArrayLike) -> FloatArray:
    """Return the step size below which descent on (xz - target)^2/2 from (x, z) stays bounded.

    8 / (S + sqrt(S^2 - 16 target (xz - target))), S = x^2 + z^2: the smaller root of h = 0 in
    the step size. The radicand is (x^2 - z^2)^2 + (2xz - 4 target)^2 >= 0, and the value is at
    most 2/|target| because h >= 0 there. Infinite where everything vanishes.
    """
    x_, z_, y = _double(x), _double(z), _double(target)
    root = np.hypot((x_ - z_) * (x_ + z_), 2 * x_ * z_ - 4 * y)
    with np.errstate(divide="ignore"):
        return _double(8 / (x_ * x_ + z_ * z_ + root))


def convergent_step_size(x: ArrayLike, z: ArrayLike, target: ArrayLike) -> FloatArray:
    """Return that up to which almost every such start also converges: min(edge, 1/|target|)."""
    with np.errstate(divide="ignore"):
        return np.minimum(edge_step_size(x, z, target), 1 / np.abs(_double(target)))


# On the ellipse


def ellipse_exponents(mu: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the exponents (along, across) the ellipse, 0 <= mu <= 2, in nats per step.

    Along it e' = e^3 - 3e, log 3. Across it the mean of log(1 + mu e + e^2) over the arcsine law,
    by Jensen's formula arcosh(1 + y) with 1 + y = (1 + sqrt(25 - 4 mu^2))/4 (log1p keeps it
    precise at mu = 2, where it vanishes).
    """
    m = _double(mu)
    y = (2 - m) * (2 + m) / (np.sqrt(25 - 4 * m * m) + 3)
    return np.full_like(m, CHEBYSHEV_EXPONENT), np.log1p(y + np.sqrt(y * (y + 2)))


def ellipse_angle_step(phi: ArrayLike) -> AngleArray:
    """Step the angle theta = 2 pi phi/2^64 exactly: phi' = 2^63 - 3 phi mod 2^64.

    That is theta' = pi - 3 theta. An odd multiplier loses no bit, whereas the plane map started
    on the ellipse leaves it after some 35/(transverse exponent) steps.
    """
    tripled = np.multiply(np.asarray(phi, dtype=np.uint64), np.uint64(3))
    return np.asarray(np.subtract(np.uint64(1 << 63), tripled))


def _radians(phi: ArrayLike) -> FloatArray:
    # As a signed fraction, so that angles just below a full turn keep their relative precision.
    return _double(np.asarray(phi, dtype=np.uint64).astype(np.int64)) * (math.pi / 2.0**63)


def ellipse_point(phi: ArrayLike, mu: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return (U, V) = (sqrt(2 + mu) cos theta, sqrt(2 - mu) sin theta) at angle phi."""
    theta, m = _radians(phi), _double(mu)
    return np.sqrt(2 + m) * np.cos(theta), np.sqrt(2 - m) * np.sin(theta)


def ellipse_residual(phi: ArrayLike) -> FloatArray:
    """Return e = 2 cos(2 theta) at angle phi, whatever mu."""
    return _double(2 * np.cos(2 * _radians(phi)))


# Minima and the balanced line a = b = x, where x' = (1 + mu) x - x^3


def minimum_exponents(sharpness: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the exponents at a minimum of sharpness S: 0 along the valley, log|1 - S| across it.

    On e = 0 the Jacobian has eigenvalues 1 and 1 - S. The second is -inf at S = 1.
    """
    s = _double(sharpness)
    with np.errstate(divide="ignore"):
        return np.zeros_like(s), np.log(np.abs(1 - s))


def imbalance_bound(mu: ArrayLike) -> FloatArray:
    """Return the largest |imbalance| of a stable minimum, 2 sqrt(1 - mu^2).

    There S = hypot(imbalance, 2 mu) is 2. NaN for mu > 1, where no minimum is stable.
    """
    m = _double(mu)
    return 2 * np.sqrt(np.where(m > 1, np.nan, (1 - m) * (1 + m)))


def slice_bound(mu: ArrayLike) -> FloatArray:
    """Return sqrt(2 + mu): for 0 < mu <= 2 a balanced orbit is bounded iff |x| is at most this."""
    return np.sqrt(2 + _double(mu))


def overshoot(mu: ArrayLike) -> FloatArray:
    """Return the supremum of |e'/e| over bounded balanced starts, max(1, mu + mu^2/4).

    e'/e = e^2 + (mu - 2)e + 1 - 2mu is 1 at both ends e = -mu and e = 2 of the slice and least,
    -mu - mu^2/4, at e = 1 - mu/2.
    """
    m = _double(mu)
    return np.maximum(1.0, m + m * m / 4)


def two_cycle(mu: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the residuals (low, high) of the balanced two-cycle that is born at mu = 1.

    Roots of e^2 - (1 - mu) e + (1 - mu) = 0; NaN below mu = 1. It attracts until sqrt(5) - 1.
    """
    m = _double(mu) - 1
    root = np.sqrt(np.where(m < 0, np.nan, m * (m + 4)))
    return (-m - root) / 2, (root - m) / 2


def two_cycle_multipliers(mu: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return its multipliers along the balanced line, 9 - 2(1 + mu)^2, and across, 3 - 2mu.

    The products of 1 + mu - 3x^2 and of 1 + e over the cycle, from the sum and product of roots.
    """
    m = _double(mu)
    return 9 - 2 * (1 + m) ** 2, 3 - 2 * m


def two_cycle_transverse_exponent(mu: ArrayLike) -> FloatArray:
    """Return the rate of an imbalance on the two-cycle, log|3 - 2mu|/2 nats per step."""
    with np.errstate(divide="ignore"):
        return _double(np.log(np.abs(two_cycle_multipliers(mu)[1])) / 2)


def two_cycle_loss(mu: ArrayLike) -> FloatArray:
    """Return the mean of e^2/2 over the two-cycle, (mu^2 - 1)/4."""
    m = _double(mu)
    return (m - 1) * (m + 1) / 4


# Averages along orbits. Bounded orbits have in common what telescopes: the means of e a and of e b
# are 0, and so is that of e^2 S - 4e(e + mu), for S' = S + e^2 S - 4e(e + mu). Both hold under
# noise in the mean, with e^2 S times E h^2 or plus S times the variance of the target.

CHEBYSHEV_SHARPNESS: Final = 4.0
"""Mean of S at mu = 2 over the arcsine law: x = 2 cos t, so the mean of 2x^2 is 4."""

CHEBYSHEV_LOSS: Final = 1.0
"""Mean of e^2/2 there, e = x^2 - 2 = 2 cos 2t. The mean of x is 0, whose loss is mu^2/2 = 2."""


def loss_at(mu: ArrayLike, a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Return the loss (ab - mu)^2/2 at given weights: at mean weights that of averaged iterates."""
    m = _double(mu)
    return _double((_double(a) * _double(b) - m) ** 2 / 2)


def two_cycle_sharpness(mu: ArrayLike) -> FloatArray:
    """Return the mean of S over the two-cycle, 1 + mu: S = 2(e + mu), and e has mean (1 - mu)/2."""
    return 1 + _double(mu)


def two_cycle_weight(mu: ArrayLike) -> FloatArray:
    """Return the mean of a = b > 0 over the two-cycle, sqrt(3 + mu)/2.

    The squares x^2 = mu + e of its points have the sum 1 + mu and, by the product of the e, the
    product mu^2 + mu(1 - mu) + 1 - mu = 1. So (x1 + x2)^2 = 1 + mu + 2.
    """
    return _double(np.sqrt(3 + _double(mu)) / 2)


def two_cycle_averaged_loss(mu: ArrayLike) -> FloatArray:
    """Return the loss at the mean weights of the two-cycle, 9 (mu - 1)^2/32.

    By the mean weight ab - mu is 3(1 - mu)/4: 9(mu - 1)/(8(mu + 1)) of the mean loss.
    """
    return 9 * (_double(mu) - 1) ** 2 / 32
