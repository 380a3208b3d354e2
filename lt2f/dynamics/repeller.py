"""How long orbits inside the Chebyshev ellipse stay near it, and what that makes of the minima.

Near the ellipse h = a^2 + b^2 - mu ab - (4 - mu^2) = 0 the map (arXiv:2605.21292) triples an angle,
e = 2 cos t, t' = 3t, and multiplies h by 1 + mu e + e^2. A start at a small h < 0 stays near while
the product of these factors is below 1/|h|, so the area of those that stay for n steps goes like
the mean of the reciprocal product over uniform angles. That is L^n 1 averaged, with

    (L psi)(e') = (1/3) sum of psi(e)/(1 + mu e + e^2) over the three e with e^3 - 3e = e',

and decays like exp(-kappa n), exp(-kappa) the leading eigenvalue of L: kappa is the escape rate of
the repelling ellipse. (A proof for the linear transverse dynamics; that the terms in h^2 leave the
rate alone is the usual theorem for expanding repellers, not proved here.)

Which branch of the minima an orbit reaches is the sign of U = (a + b)/2, which a step multiplies by
1 - e. Its boundary consists of the curves whose orbits land on U = 0: six of them end on the
ellipse one step before, 3^n times as many n steps later, each as deep as the reciprocal product.
Two starts that differ by eps, not along the ellipse's normal alone, differ by 3^n eps along the
ellipse when they leave, and are decided apart once that is of order one. So their share is

    f(eps) ~ sum over n of exp(-kappa n) min(1, 3^n eps) ~ eps^alpha,    alpha = kappa/log 3.

A displacement along the normal alone adds eps/|h| in the place of 3^n eps, in all of order
eps log(1/eps): less, since alpha < 1 always. For kappa <= lambda, the ellipse's transverse exponent
(Jensen: 1/x is convex in log x), and lambda <= 2 log((1 + sqrt(5))/2) < log 3. (An argument, not a
proof: it takes an angle that has been tripled to order one for a fair coin.)
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics import theory

Floats = NDArray[np.float64]

_DIGITS: Final = 38.0  # nats of precision asked of the coefficients: a little below rounding
_LARGEST: Final = 2048  # matrix; it serves up to 2 - mu = 1e-4
_PLACES: Final = 4  # points per coefficient at which the eigenfunction is tested


class Rate(NamedTuple):
    """A rate in nats per step, and a bound of its error."""

    value: float
    error: float


def weight_coefficients(mu: float, count: int) -> Floats:
    """Return the Fourier coefficients of 1/(1 + mu e + e^2) in e = 2 cos t, those of 0 ... count-1.

    The factor vanishes at e = p and its conjugate, p = -mu/2 + i sqrt(1 - mu^2/4). With p = z + 1/z
    and |z| < 1 the coefficients of 1/(p - e) are z^(|m|+1)/(1 - z^2), and partial fractions leave
    the imaginary part over that of p. They fall off as exp(-lambda |m|/2), lambda the transverse
    exponent of the ellipse.
    """
    p = complex(-mu / 2, math.sqrt((2 - mu) * (2 + mu)) / 2)
    root = np.sqrt(p * p - 4)
    z = 2 / max(p + root, p - root, key=abs)  # no cancellation, unlike the smaller root itself
    powers: NDArray[np.complex128] = z ** np.arange(1, count + 1)
    return np.asarray(-(powers / (1 - z * z)).imag / p.imag)


def transfer_matrix(mu: float, size: int) -> Floats:
    """Return L on the functions sum of c_k e^(ikt) with c_-k = c_k, k = 0 ... size-1.

    The mean over the three preimages keeps of a Fourier series every third term, so that
    L[j, k] = w[3j - k] + w[3j + k], and w[3j] for k = 0, exactly.
    """
    w = weight_coefficients(mu, 4 * size)
    j, k = np.ogrid[:size, :size]
    return np.asarray(w[np.abs(3 * j - k)] + np.where(k > 0, w[3 * j + k], 0.0))


def escape_rate(mu: float) -> Rate:
    """Compute the escape rate kappa of the ellipse, 0 <= mu < 2, in nats per step.

    L is positive, so for any positive psi its leading eigenvalue lies between the least and the
    largest (L psi)/psi (Collatz and Wielandt). psi is the leading eigenvector of `transfer_matrix`,
    whose coefficients fall off as exp(-3 lambda k/2); the error is half the width of that interval,
    over a grid finer than any term of psi, and what a second matrix of half the size differs by,
    whichever is larger. Raises ValueError for other mu, and within 1e-4 of 2, where lambda -> 0.
    """
    if not 0 <= mu < 2:
        raise ValueError(f"the escape rate is that of 0 <= mu < 2, not of mu = {mu}")
    across = float(theory.ellipse_exponents(mu)[1])
    size = math.ceil(_DIGITS / (1.5 * across)) + 8
    if size > _LARGEST:
        raise ValueError(f"mu = {mu} is too close to 2 for {_LARGEST} coefficients")
    values, coefficients = _leading(transfer_matrix(mu, size))
    low, high = _enclosure(mu, coefficients)
    coarse, _ = _leading(transfer_matrix(mu, size // 2 + 1))
    rounding = 4 * float(np.finfo(np.float64).eps) * size
    beyond = max(abs(values - low), abs(high - values), abs(values - coarse), rounding * values)
    return Rate(-math.log(values), beyond / values)


def uncertainty_exponent(mu: float) -> Rate:
    """Predict the exponent alpha of f(eps) ~ eps^alpha for the branch, kappa/log 3: below 0.88.

    For 0 < mu < 1, where almost every inner start reaches a minimum. The box-counting dimension of
    the boundary is 2 - alpha. It is a limit: of starts that converge both displaced and not, slopes
    seen between eps = 6e-7 and 4e-3 are steeper by 0.015 to 0.03, each to 0.01, and between 8e-9
    and 2e-4 by some 0.01; presumably by terms in eps log(1/eps), which die out slowly.

    Raises ValueError as `escape_rate` does.
    """
    rate = escape_rate(mu)
    return Rate(rate.value / theory.CHEBYSHEV_EXPONENT, rate.error / theory.CHEBYSHEV_EXPONENT)


def _leading(matrix: Floats) -> tuple[float, Floats]:
    """Return the largest eigenvalue, and its eigenvector with a positive first coefficient."""
    values, vectors = np.linalg.eig(matrix)
    k = int(np.argmax(values.real))
    vector = vectors[:, k].real
    return float(values[k].real), vector / vector[0]


def _enclosure(mu: float, coefficients: Floats) -> tuple[float, float]:
    """Return the least and the largest (L psi)/psi over angles of a grid."""
    t = np.linspace(0.0, np.pi, _PLACES * coefficients.size)
    image = sum(_weighted(mu, coefficients, (t + 2 * np.pi * k) / 3) for k in range(3)) / 3
    ratio = image / _series(coefficients, t)
    return float(ratio.min()), float(ratio.max())


def _weighted(mu: float, coefficients: Floats, t: Floats) -> Floats:
    e = 2 * np.cos(t)
    return _series(coefficients, t) / (1 + mu * e + e * e)


def _series(coefficients: Floats, t: Floats) -> Floats:
    both = np.where(np.arange(coefficients.size) > 0, 2.0, 1.0) * coefficients
    return np.asarray(np.polynomial.chebyshev.chebval(np.cos(t), both))
