"""What is known in closed form when the step is noisy and its draws are independent.

With the residual r = h ab - m a step is U' = U (1 - r), V' = V (1 + r). The noise models are
multiplicative, h = 1 + s xi and m = mu h, and target, h = 1 and m = mu + sigma xi, where xi has
mean 0, variance 1 and one of the laws of `lt2f.laws`. Both share one integral, E log|c + w xi|.
Functions broadcast and return doubles unless they say otherwise; an unknown law is a KeyError.
"""

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics.theory import FloatArray
from lt2f.laws import LAWS, Name

Law: TypeAlias = Name

SUPPORT: Final[dict[Law, float]] = {name: law.largest for name, law in LAWS.items()}
"""Largest |xi| that each law of unit variance attains or comes near."""


# The mean logarithm


def mean_log(center: ArrayLike, spread: ArrayLike, law: Law) -> FloatArray:
    """Return E log|c + w xi| for spread w >= 0, to some 1e-14; -inf where the mean is."""
    c, w = np.broadcast_arrays(
        np.asarray(center, dtype=np.float64), np.asarray(spread, dtype=np.float64)
    )
    with np.errstate(divide="ignore", over="ignore"):  # log 0, and c/w beyond all range
        return np.asarray(LAWS[law].mean_log(c, w))


# Multiplicative noise


def almost_sure_exponent(sharpness: ArrayLike, noise: ArrayLike, law: Law) -> FloatArray:
    """Return E log|1 - h S|: a minimum of sharpness S is almost surely stable iff negative.

    Local stability, for near a minimum e' = e (1 - h S) to first order. noise is the standard
    deviation s of h.
    """
    s = np.asarray(sharpness, dtype=np.float64)
    return mean_log(1 - s, np.asarray(noise, dtype=np.float64) * s, law)


def almost_sure_threshold(noise: float, law: Law) -> float:
    """Return the sharpness at which a minimum first loses almost sure stability.

    two_point: |(1 - S)^2 - s^2 S^2| = 1 gives 2/(1 - s^2) for s^2 < 1/2, and from there on
    2/(1 + sqrt(2 s^2 - 1)), where `almost_sure_gap` begins. uniform and normal: the zero of the
    exponent above 2/(1 + s^2), where by Jensen's inequality it is still negative.
    """
    if law == "two_point":
        square = noise * noise
        return 2 / (1 - square) if square < 0.5 else 2 / (1 + math.sqrt(2 * square - 1))

    from scipy.optimize import brentq

    def exponent(sharpness: float) -> float:
        return float(almost_sure_exponent(sharpness, noise, law))

    low = high = float(mean_square_threshold(noise))
    if exponent(low) >= 0:  # noise so small that the two thresholds agree to rounding
        return low
    while exponent(high) < 0:
        high *= 2
    return float(brentq(exponent, low, high, xtol=1e-15, rtol=1e-15))


def almost_sure_gap(noise: float) -> tuple[float, float] | None:
    """Return the unstable sharpnesses below the last threshold, if any, for the two-point law.

    For 1/2 < s^2 < 1 they lie between the roots (1 -+ sqrt(2 s^2 - 1))/(1 - s^2) of
    (1 - S)^2 - s^2 S^2 = -1; above them minima are stable again up to S = 2/(1 - s^2).
    """
    excess = 2 * noise * noise - 1
    if not 0 < excess < 1:
        return None
    return 2 / (1 + math.sqrt(excess)), 2 / (1 - math.sqrt(excess))


def mean_square_threshold(noise: ArrayLike) -> FloatArray:
    """Return the sharpness below which a minimum is mean-square stable, 2/(1 + s^2).

    For every law: E (1 - h S)^2 = 1 - 2S + (1 + s^2) S^2 < 1.
    """
    s = np.asarray(noise, dtype=np.float64)
    return np.divide(2.0, 1 + s * s, dtype=np.float64)


def largest_step(noise: ArrayLike, law: Law) -> FloatArray:
    """Return the supremum of h = 1 + s xi: 1 + s, 1 + sqrt(3) s, or inf for normal draws."""
    s = np.asarray(noise, dtype=np.float64)
    return 1 + np.multiply(s, SUPPORT[law], out=np.zeros_like(s), where=s != 0)


def multiplicative_escape_is_possible(mu: ArrayLike, h_max: ArrayLike) -> NDArray[np.bool_]:
    """Tell whether balanced orbits can escape when 0 <= h <= h_max: iff mu h_max > 2.

    The next point lies on the segment from (a, b) to the image under the largest step, and for
    mu h_max < 2 the convex ellipse h_max S - h_max^2 mu e < 4 of that step contains both ends: so
    it is forward invariant, off the balanced line too. Beyond 2 the cubic of the largest step
    maps its own interval over the ends.
    """
    return np.asarray(np.asarray(mu, dtype=np.float64) * np.asarray(h_max, dtype=np.float64) > 2)


# Target noise


def origin_exponents(mu: ArrayLike, noise: ArrayLike, law: Law) -> tuple[FloatArray, FloatArray]:
    """Return the exponents at the origin, E log|1 + m| in U and E log|1 - m| in V.

    There r = -m; balanced orbits have V = 0. noise is the standard deviation sigma of the target m.
    """
    m = np.asarray(mu, dtype=np.float64)
    return mean_log(1 + m, noise, law), mean_log(1 - m, noise, law)


def collapse_exponent(mu: ArrayLike, noise: ArrayLike, law: Law) -> FloatArray:
    """Return E log|1 + m|: the origin attracts balanced orbits iff it is negative.

    It attracts unbalanced ones iff both `origin_exponents` are negative.
    """
    return origin_exponents(mu, noise, law)[0]


def target_escape_threshold(mu: ArrayLike, law: Law = "two_point") -> FloatArray:
    """Return the noise sigma above which balanced orbits can escape, for 0 <= mu <= 2.

    Draws reach mu -+ B with B = sigma times the support of the law. All x beyond
    sqrt(2 + mu - B) escape if the least draw repeats; the largest draw maps the interval within
    to at most 2((1 + mu + B)/3)^(3/2). So it is invariant for every order of draws up to the B
    at which the two agree. Squared, with y = 1 + mu + B, that is 4y^3/27 + y = 3 + 2mu, whose
    root is y = 3 sinh(arsinh(3 + 2mu)/3). sqrt(3) times smaller for uniform draws (which
    come near the ends rarely: just above, the rate of escape is tiny); 0 for normal ones.
    """
    m = np.asarray(mu, dtype=np.float64)
    bound = 3 * np.sinh(np.arcsinh(3 + 2 * m) / 3) - 1 - m
    return np.maximum(bound, 0.0) / SUPPORT[law]


def target_escape_is_possible(mu: ArrayLike, noise: ArrayLike, law: Law) -> NDArray[np.bool_]:
    """Tell whether |x| <= sqrt(2 + mu - B) fails to be invariant: noise above the threshold."""
    return np.asarray(np.asarray(noise, dtype=np.float64) > target_escape_threshold(mu, law))
