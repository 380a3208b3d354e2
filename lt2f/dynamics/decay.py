"""What is known of the map with weight decay, in closed form.

Descent on e^2/2 + kappa (a^2 + b^2)/2 in map units, e = ab - mu, kappa the step size times the
coefficient of the weights, 0 <= kappa < 1, reads (arXiv:2605.21292 for kappa = 0)

    a' = (1 - kappa) a - e b,       b' = (1 - kappa) b - e a,
    U' = (1 - kappa - e) U,         V' = (1 - kappa + e) V,       U, V = (a + b)/2, (a - b)/2.

Derived, each by putting these in:

- a fixed point has U = 0 or e = -kappa, and V = 0 or e = kappa. For kappa > 0 these are the origin
  and, for mu > kappa, a = b = +-sqrt(mu - kappa): of the minima ab = mu the flattest two are left.
- on a = b = x the step is x' = (1 + nu) x - x^3 with nu = mu - kappa: there decay is a shift of mu,
  and all that is known of the balanced line without decay (`theory`) holds at nu. Across it a step
  multiplies V by 1 - 2 kappa + f with f = x^2 - nu, the residual of the shifted map.
- the imbalance 4UV becomes (1 - kappa)^2 - e^2 times itself, so along the minima, where e is of
  order kappa, it dies like exp(-2 kappa t): slowly, but it dies, however small kappa is.
- a^2 + b^2 = S becomes ((1 - kappa)^2 + e^2) S - 4(1 - kappa) e (e + mu).

The ellipse that bounds the bounded starts at kappa = 0 is not invariant any more. Next to it the
map triples an angle and stretches what is across by 1 + mu f + f^2, f = 2 cos t, on the average by
less than three, so that its place has no reason to stay a smooth curve: what kappa does to it comes
back after n steps at 3^-n times its length and at its height over the product of the factors. Of
boxes of side 3^-n it takes as many as 3^n times the sum of the reciprocal products over all pieces,
and how fast this sum grows is log 3 less the escape rate gamma of the ellipse (`repeller`). Hence,
for kappa -> 0 from above,

    box dimension -> 2 - gamma/log 3 > 1,

though it is 1 at kappa = 0. (An argument, not a proof: it takes that pieces do not cancel, as for
graphs of Weierstrass's kind, and does not say how small kappa has to be.)
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics import repeller, theory

Floats = NDArray[np.float64]


class Dimension(NamedTuple):
    """A box-counting dimension, and a bound of its error."""

    value: float
    error: float


def shifted(mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return nu = mu - kappa, the step size of the same balanced line without decay."""
    return np.asarray(mu, np.float64) - np.asarray(kappa, np.float64)


def edge_of_stability(kappa: ArrayLike) -> Floats:
    """Return the mu up to which the minima are linearly stable, 1 + kappa, for 0 < kappa < 1."""
    return 1.0 + np.asarray(kappa, np.float64)


def origin_multipliers(mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return 1 - kappa + mu along a = b and 1 - kappa - mu across, shape (2, ...).

    The origin attracts iff mu < kappa and mu + kappa < 2: decay wins over the gradient.
    """
    m, k = np.asarray(mu, np.float64), np.asarray(kappa, np.float64)
    return np.stack(np.broadcast_arrays(1 - k + m, 1 - k - m))


def minimum_multipliers(mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return 1 - 2(mu - kappa) along a = b and 1 - 2 kappa across, shape (2, ...); for mu > kappa.

    With decay the minima are no valley: both are below one in modulus iff 0 < mu - kappa < 1 and
    0 < kappa < 1.
    """
    m, k = np.asarray(mu, np.float64), np.asarray(kappa, np.float64)
    return np.stack(np.broadcast_arrays(1 - 2 * (m - k), 1 - 2 * k))


def balanced_bound(mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return sqrt(2 + mu - kappa): on a = b = x runs are bounded iff |x| is no more.

    For -2 <= mu - kappa <= 2; if kappa > mu they then go to the origin.
    """
    return theory.slice_bound(shifted(mu, kappa))


def opposite_bound(mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return sqrt(2 - mu - kappa): on a = -b = y runs are bounded iff |y| is no more.

    There y' = (1 - kappa - mu) y - y^3, whose points at this distance go to their mirror images;
    for mu + kappa <= 2, beyond which y = 0 repels and nothing else is bounded.
    """
    return np.asarray(np.sqrt(shifted(2.0, mu) - np.asarray(kappa, np.float64)))


def two_cycle_multipliers(mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return the multipliers along and across of the balanced 2-cycle, shape (2, ...).

    For 1 < nu = mu - kappa. Its residuals solve f^2 - (1 - nu) f + (1 - nu) = 0, so that across it
    (c + f)(c + g) = c^2 + (1 + c)(1 - nu) with c = 1 - 2 kappa; along it is 9 - 2(1 + nu)^2.
    """
    nu, c = shifted(mu, kappa), 1 - 2 * np.asarray(kappa, np.float64)
    along, across = 9 - 2 * (1 + nu) ** 2, c * c + (1 + c) * (1 - nu)
    return np.stack(np.broadcast_arrays(along, across))


def step_norm(s: ArrayLike, e: ArrayLike, mu: ArrayLike, kappa: ArrayLike) -> Floats:
    """Return a^2 + b^2 after a step from one with a^2 + b^2 = s and residual e."""
    norm, r, m, k = (np.asarray(x, np.float64) for x in (s, e, mu, kappa))
    q = 1 - k
    return np.asarray((q * q + r * r) * norm - 4 * q * r * (r + m))


def boundary_dimension(mu: float) -> Dimension:
    """Predict the box dimension of the boundary of the bounded starts for kappa -> 0, 0 < mu < 2.

    It is 2 - gamma/log 3, gamma the escape rate of the ellipse; at kappa = 0 itself it is 1. Raises
    ValueError as `repeller.escape_rate` does.
    """
    alpha = repeller.uncertainty_exponent(mu)
    return Dimension(2 - alpha.value, alpha.error)
