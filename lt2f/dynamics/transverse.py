"""Transverse exponents on the balanced attractor: closed forms, one spectral value, an asymptote.

There an imbalance is multiplied by 1 + e in V and by 1 - e^2 in a^2 - b^2. The two have the same
mean logarithm, for U' = U (1 - e) stays bounded. The closed form on the two-cycle is in `theory`.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from lt2f.dynamics.theory import FloatArray

MERGING = 1.5 * math.sqrt(3.0)
"""1 + mu where the attractors in x > 0 and x < 0 merge."""


def cycle_exponent(residual: ArrayLike) -> FloatArray:
    """Return the mean of log|1 + e| over cycles of residuals, shape (..., period); -inf on -1."""
    e = np.asarray(residual, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(np.prod(1 + e, axis=-1))) / e.shape[-1])


def antisymmetric_cycle(mu: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the residuals (low, high) of the cycle x, y, -x, -y; NaN below mu = 2 sqrt2 - 1.

    With k = 1 + mu, p = 1 - e and q the same at y it is pq = -1 and p + q = w, w^2 - kw + 2 = 0:
    for k - q = y^2 = x^2 p^2 = (k - p) p^2. The stable one has the smaller root w, up to
    mu = 1.8376 (threshold `antisymmetric_split`).
    """
    w = _antisymmetric_sum(mu)
    root = np.sqrt(w * w / 4 + 1)
    return 1 - w / 2 - root, 1 - w / 2 + root


def antisymmetric_transverse_exponent(mu: ArrayLike) -> FloatArray:
    """Return log|3 - 2w|/2 on that cycle: (2 - p)(2 - q) = 4 - 2w + pq.

    At its birth, mu = 2 sqrt2 - 1, w is sqrt2 and the exponent -log(1 + sqrt2).
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.abs(3 - 2 * _antisymmetric_sum(mu))) / 2)


def _antisymmetric_sum(mu: ArrayLike) -> FloatArray:
    """Return the smaller root w, without cancellation."""
    k = 1 + np.asarray(mu, dtype=np.float64)
    radicand = k * k - 8
    return np.asarray(4 / (k + np.sqrt(np.where(radicand < 0, np.nan, radicand))))


def never_positive(residual: ArrayLike, mu: ArrayLike) -> FloatArray:
    """Return log|1 + e| - log(1 + mu e + e^2)/mu, which is <= 0 and 0 only at e = 0.

    1 + mu e + e^2 = h'/h for the ellipse's h, whose logarithm has mean 0 on what stays away from
    h = 0. So the mean is the transverse exponent: term by term no balanced attractor with mu < 2
    can have a positive one, and near mu = 2 an average of this has a far smaller error.
    """
    e, m = np.asarray(residual, dtype=np.float64), np.asarray(mu, dtype=np.float64)
    z = 1 + e
    # of two forms of the same, each where nothing cancels
    with np.errstate(divide="ignore"):
        far = np.log(np.maximum((m - 2) * e, 0) + z * z)
        growth = np.where(e < -0.5, far, np.log1p(e * (m + e)))
        return np.asarray(np.log(np.abs(z)) - growth / m)


def near_full_chaos(mu: ArrayLike) -> FloatArray:
    """Return -sqrt((2 - mu)/3), to which the transverse exponent tends as mu -> 2, in chaos.

    Write d = 2 - mu. 1 + mu e + e^2 = (1 + e)^2 - d e, so `never_positive` is -log(1 + d/z^2)/2
    near z = 1 + e = 0 and of order d elsewhere. Its integral over z is -pi sqrt(d), times the
    density of e at -1; and that of the arcsine law on [-2, 2], 1/(pi sqrt(4 - e^2)), is
    1/(pi sqrt3). What is used is that the density at -1 tends to that of mu = 2. It does not in the
    periodic windows next to 2: on the shortest cycles through the critical point, where
    1 + e = 2d/3, all others crowd near e = 2 and the exponent is of order -1.
    """
    d = 2 - np.asarray(mu, dtype=np.float64)
    return np.asarray(-np.sqrt(np.where(d < 0, np.nan, d) / 3))


def merging_exponents(nodes: int = 40) -> tuple[float, float]:
    """Return the exponents (along, across) the attractor where the two halves merge, to 1e-12.

    At k = 1 + mu = 3 sqrt3/2 the map of z = |x|/sqrt(k) is z' = k (z - z^3): up from 0 to 1 and
    down to 0 again. The invariant density is singular like z^(-1/2) at 0 and (1 - z)^(-1/2) at 1,
    and analytic in phi with z = sin^2 phi. So the transfer operator, sum of g/|phi'| over both
    preimages, converges like a power of 1/exp(nodes) on Gauss nodes; its eigenvector to the
    eigenvalue 1 is the density. The values are 0.680005844117 and -0.542929010581.
    """
    x, weights = np.polynomial.legendre.leggauss(nodes)
    phi = (x + 1) * (math.pi / 4)
    operator = np.zeros((nodes, nodes))
    for turn in _preimages(np.sin(phi) ** 2):
        before = np.arcsin(np.sqrt(turn))
        slope = MERGING * (1 - 3 * turn**2) * np.sin(2 * before) / np.sin(2 * phi)
        operator += _interpolation(x, weights, before) / np.abs(slope)[:, np.newaxis]
    values, vectors = np.linalg.eig(operator)
    density = vectors[:, np.argmax(values.real)].real
    density /= density @ weights * (math.pi / 4)

    def mean(scale: float, zero: float) -> float:
        """Average log|scale (z^2 - zero^2)|, the difference of squares of sines as a product."""
        pole = math.asin(math.sqrt(zero))
        gap, weight = _away(pole)
        size = scale * (np.sin(pole + gap) ** 2 + zero) * np.sin(gap) * np.sin(2 * pole + gap)
        law = _interpolation(x, weights, pole + gap) @ density
        return float((np.log(np.abs(size)) * law) @ weight)

    # 1 + mu - 3x^2 and 1 + x^2 - mu
    return mean(3 * MERGING, math.sqrt(1 / 3)), mean(MERGING, math.sqrt(1 - 2 / MERGING))


def _preimages(image: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Solve k (z - z^3) = z' for 0 <= z <= 1: with z = 2 sin(t)/sqrt3 it reads sin(3t) = z'."""
    t = np.arcsin(image) / 3
    scale = 2 / math.sqrt(3)
    return scale * np.sin(t), np.minimum(scale * np.sin(math.pi / 3 - t), 1.0)


def _interpolation(x: FloatArray, weights: FloatArray, at: FloatArray) -> FloatArray:
    """Return the matrix from values at Gauss nodes x to those at angles (barycentric formula)."""
    bary = (-1.0) ** np.arange(x.size) * np.sqrt((1 - x * x) * weights)
    gap = (at * (4 / math.pi) - 1)[:, np.newaxis] - x
    terms = bary / np.where(gap == 0, 1e-300, gap)  # so small that this term alone counts
    return np.asarray(terms / terms.sum(axis=1, keepdims=True))


def _away(pole: float) -> tuple[FloatArray, FloatArray]:
    """Return distances from `pole` and weights on (0, pi/2); t^5 tames a logarithm at the pole."""
    x, weights = np.polynomial.legendre.leggauss(60)
    t = (x + 1) / 2
    sides = [end - pole for end in (0.0, math.pi / 2)]
    gap = np.concatenate([side * t**5 for side in sides])
    return gap, np.concatenate([abs(side) * 5 * t**4 * weights / 2 for side in sides])
