"""Imbalance under weak noise that treats the two factors differently, in closed form.

The step is a' = a - h e b, b' = b - k e a with e = ab - mu, h = 1 + s x, k = 1 + s y and x, y
independent, of mean 0 and variance 1 (`asymmetric`). The imbalance D = a^2 - b^2 then obeys

    D' = D - 2 e ab (h - k) + e^2 (h^2 b^2 - k^2 a^2),

and from a balanced orbit, where D is of order s, to first order in s

    D' = D (1 - e^2) - 2 (h - k) e ab (1 - e).

Var(h - k) = 2 s^2 whatever the law, and h - k is independent of D, so that the variance obeys

    Var D' = (1 - e^2)^2 Var D + 8 s^2 (e ab (1 - e))^2.

All functions here iterate or solve this along a noise-free balanced orbit. What they leave out is
smaller by a factor s, while the orbit is near the noise-free one or has its statistics. Given the
orbit, D is a sum of independent terms, normal for normal draws: over time its law is a mixture of
normal laws of these variances. No tail is a power law, though D is driven and multiplied at random,
for no moment of the products grows (`transverse_growth_bound`).
"""

import numpy as np
from numpy.typing import ArrayLike

from lt2f.dynamics.theory import FloatArray, two_cycle


def imbalance_variance(
    residual: ArrayLike, mu: ArrayLike, noise: ArrayLike, start: ArrayLike = 0.0
) -> FloatArray:
    """Return the variance of the imbalance along noise-free balanced orbits.

    Parameters
    ----------
    residual
        e at each step, shape (..., steps).
    mu, noise
        Effective step size and standard deviation s of each multiplier, shape (...).
    start
        Variance before the first step, shape (...); 0 for a balanced start.

    Returns
    -------
    FloatArray
        Variance before each step and after the last, shape (..., steps + 1). Where the orbit
        converges to a minimum the last one is that of the imbalance at the end.
    """
    e = np.asarray(residual, dtype=np.float64)
    m, s = (np.asarray(x, dtype=np.float64)[..., np.newaxis] for x in (mu, noise))
    keeps, source = (1 - e * e) ** 2, 8 * (s * e * (e + m) * (1 - e)) ** 2
    out = np.empty((*source.shape[:-1], source.shape[-1] + 1))
    out[..., 0] = start
    for t in range(source.shape[-1]):
        out[..., t + 1] = keeps[..., t] * out[..., t] + source[..., t]
    return out


def cycle_imbalance_variance(residual: ArrayLike, mu: ArrayLike, noise: ArrayLike) -> FloatArray:
    """Return the stationary variance before each point of a cycle, shape (..., period).

    A turn multiplies a variance by P^2, P the product of 1 - e^2, and adds what it makes of 0. NaN
    where |P| >= 1, for there imbalances grow.
    """
    e = np.asarray(residual, dtype=np.float64)
    square = np.prod(1 - e * e, axis=-1) ** 2
    added = imbalance_variance(e, mu, noise)[..., -1]
    start = added / np.where(square < 1, 1 - square, np.nan)
    return imbalance_variance(e, mu, noise, start)[..., :-1]


def two_cycle_imbalance_variance(mu: ArrayLike, noise: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the same before the (low, high) residual of the two-cycle, in closed form.

    2 s^2 (3 - mu + (mu - 1) f^2)/(2 - mu) with f the other residual: on the cycle ab takes two
    values with product 1, (1 - e)^2 is their ratio, ef = 1 - mu and P = 3 - 2mu. At mu = 1 it is
    4 s^2, not infinite: damping, 1 - P^2 = 4 (mu - 1)(2 - mu), and driving, e^2, vanish together.
    """
    m, s = np.asarray(mu, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    low, high = two_cycle(m)
    before_low, before_high = (2 * s * s * (3 - m + (m - 1) * f * f) / (2 - m) for f in (high, low))
    return before_low, before_high


def transverse_growth_bound(mu: ArrayLike) -> FloatArray:
    """Return a bound on |V_n/V_0| along noise-free orbits on the balanced attractor, 1 < mu < 2.

    There V_n/V_0 is the product of 1 + e. From |1 + e|^mu <= 1 + mu e + e^2 = h'/h follows
    |V_n/V_0|^mu <= h_n/h_0 with |h| = (2 - mu)(2 + mu - x^2), and x^2 <= 4 (1 + mu)^3/27 after the
    first step. So no moment of the product grows, and as the mean of its logarithm falls, each one
    falls to zero.
    """
    m = np.asarray(mu, dtype=np.float64)
    return ((2 + m) / (2 + m - 4 * (1 + m) ** 3 / 27)) ** (1 / m)
