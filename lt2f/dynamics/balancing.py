"""How mini-batches choose among minima: how fast they balance the factors, and where that ends.

A step (a, b) -> (a - r b, b - r a) multiplies the imbalance d = a^2 - b^2 by 1 - r^2, exactly, and
the minimum on its hyperbola has the sharpness S = sqrt(d^2 + 4 mu^2): balancing is flattening, down
to 2 mu. The residual of a batch is r = h e + z with z = mu (h - g) its disagreement with the pool
about the minimum. Prompts that agree (z = 0) stop balancing as they converge; others never do.

Exact are the factor of a step, `almost_sure_edge` and `stationary_rate`. What else is here is the
leading order in e and z, where d changes little while e forgets; it fails as S comes near the edge
2/(1 + Var h) of mean-square stability.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from lt2f.dynamics import batch_theory
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.theory import FloatArray

_NODES, _MOST = 24, 400  # of interpolations: each has twice those of the last, until two agree
_AGREE = 1e-13
_IMAGES = 1000  # of an interval, by when it has stopped growing


def reached_sharpness(imbalance: ArrayLike, mu: ArrayLike) -> FloatArray:
    """Return S = sqrt(d^2 + 4 mu^2) of the minimum ab = mu with a^2 - b^2 = d.

    (a^2 + b^2)^2 = (a^2 - b^2)^2 + 4 (ab)^2. The flattest minimum, d = 0, has S = 2 mu.
    """
    return np.hypot(np.asarray(imbalance, dtype=np.float64), 2 * np.asarray(mu, dtype=np.float64))


def almost_sure_edge(law: BatchLaw) -> tuple[float, float]:
    """Return the sharpness at which minima first cease to be almost surely stable, and its error.

    It is where E log|1 - h S| rises through 0, and above the mean-square edge 2/(1 + Var h), up to
    which (Jensen) E log|1 - h S| <= log(E (1 - h S)^2)/2 <= 0. Between sharpnesses 1/h, where it is
    -inf, the exponent is concave; the first crossing is told from steps of 1 %. The error is that
    of a law known by a sample.
    """
    from scipy.optimize import brentq  # here, because most sweeps can do without its import

    def exponent(s: float) -> float:
        return float(batch_theory.almost_sure_exponent(s, law)[0])

    mean, _ = law.mean(law.h)
    variance, _ = law.mean((law.h - mean) ** 2)
    low = high = 2 * mean / (mean * mean + variance)
    while exponent(high) < 0:
        low, high = high, 1.01 * high
    edge = low if low == high else float(brentq(exponent, low, high, xtol=1e-14, rtol=1e-14))
    slope = (exponent(1.005 * edge) - exponent(0.995 * edge)) / (0.01 * edge)
    error = float(batch_theory.almost_sure_exponent(edge, law)[1])
    return edge, error / abs(slope) if error else 0.0


# Leading order


def settling_change(residual: ArrayLike, sharpness: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Return by how much log|d| changes in all while a residual e dies out, where prompts agree.

    sum E log(1 - r^2) = -E h^2 sum E e^2 = -(1 + Var h) e^2/(1 - E (1 - h S)^2), that is
    -(1 + Var h) e^2/(S (2 - (1 + Var h) S)). NaN beyond the mean-square edge, where the sum is
    infinite: balancing by runs that come far from the minimum, and that no expansion tells.
    """
    e, s = np.asarray(residual, dtype=np.float64), np.asarray(sharpness, dtype=np.float64)
    square = 1 + np.asarray(variance, dtype=np.float64)
    room = 2 - square * s
    return np.asarray(-square * e * e / (s * np.where(room > 0, room, np.nan)))


def balancing_steps(
    mu: ArrayLike, start: ArrayLike, end: ArrayLike, covariance: ArrayLike
) -> FloatArray:
    """Return the steps in which prompts that disagree take |d| from `start` to `end`.

    `batch_theory.balancing_rate` says dlog|d|/dn = -2 Z/(2 - q S) with Z = Var z, q = 1 + Var h.
    As d dd = S dS the steps are (F(start) - F(end))/(2 Z), where F(d) =
    2 (1 - q mu) log d - q S + 2 q mu log(S + 2 mu). NaN where a start lies beyond the mean-square
    edge, q S = 2; infinite without disagreement.
    """
    m, c = np.asarray(mu, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    first, last = (np.log(np.asarray(d, dtype=np.float64)) for d in (start, end))
    fallen = _primitive(m, first, 1 + c[0, 0]) - _primitive(m, last, 1 + c[0, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = fallen / (2 * batch_theory.disagreement(m, c))
    return np.asarray(np.where((1 + c[0, 0]) * reached_sharpness(start, m) < 2, steps, np.nan))


def balancing_change(
    mu: ArrayLike, start: ArrayLike, steps: ArrayLike, covariance: ArrayLike
) -> FloatArray:
    """Return log(|d|/start) after so many steps: the inverse of `balancing_steps`.

    The rate lies between those at the start and at the flattest minimum; half of what lies between
    the two ends is left at a time. NaN where a start lies beyond the mean-square edge.
    """
    m, d, n = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (mu, start, steps)))
    c, log = np.asarray(covariance, dtype=np.float64), np.log(d)
    q, spread = 1 + c[0, 0], batch_theory.disagreement(m, c)
    aim = _primitive(m, log, q) - 2 * spread * n
    sharpest = reached_sharpness(d, m)
    low, high = (n * batch_theory.balancing_rate(m, s, c) for s in (sharpest, 2 * m))
    for _ in range(60):
        middle = (low + high) / 2
        late = _primitive(m, log + middle, q) > aim
        low, high = np.where(late, low, middle), np.where(late, middle, high)
    return np.asarray((low + high) / 2)


def _primitive(mu: FloatArray, log: FloatArray, q: float) -> FloatArray:
    s = reached_sharpness(np.exp(log), mu)
    return np.asarray(2 * (1 - q * mu) * log - q * s + 2 * q * mu * np.log(s + 2 * mu))


# The stationary law


def stationary_rate(mu: float, law: BatchLaw) -> tuple[float, float]:
    """Return E log|1 - r^2| over the stationary law of balanced runs, and a numerical error.

    It is the rate at which a small imbalance falls, in nats per step, to all orders: near a = b = x
    a step is x' = x (1 + mu g - h x^2), with r = h x^2 - mu g. Functions of x on the interval that
    all batches leave invariant are polynomials through Chebyshev nodes, and their mean over the
    next step a matrix, whose left eigenvector of eigenvalue 1 is the stationary law. As log|x| is
    stationary E log(1 - r) = 0, and so the rate is E log(1 + r), the exponent across the slice.

    Raises
    ------
    ValueError
        If the law is known by a sample alone, or no interval of x > 0 with |r| < 1 is invariant.
    """
    if not law.exact:
        raise ValueError("the stationary law takes the law of batches, not a sample of it")
    ends, nodes = _invariant(mu, law), _NODES
    if ends[1] - ends[0] <= _AGREE * ends[1]:  # all batches have one minimum, and r = 0 there
        return 0.0, _AGREE
    rate, change = _mean_rate(mu, law, ends, nodes), math.inf
    while change > _AGREE and 2 * nodes <= _MOST:
        nodes *= 2
        finer = _mean_rate(mu, law, ends, nodes)
        rate, change = finer, abs(finer - rate)
    return rate, change + _AGREE


def _step(x: float, mu: float, law: BatchLaw) -> tuple[FloatArray, FloatArray]:
    """Return r and the next x for each batch."""
    r = law.h * x * x - mu * law.g
    return r, x - r * x


def _invariant(mu: float, law: BatchLaw) -> tuple[float, float]:
    """Return the least interval that every batch maps into itself, but for rounding.

    It holds the minima sqrt(mu g/h) of all batches, and grows from there. A cubic
    x (1 + mu g - h x^2) has its extremes over an interval at the ends and at the x_g of
    h x_g^2 = (1 + mu g)/3, where it is 2 x_g (1 + mu g)/3.
    """
    gain = np.maximum(1 + mu * law.g, 0.0)
    own, turn = np.sqrt(mu * np.maximum(law.g, 0.0) / law.h), np.sqrt(gain / (3 * law.h))
    low, high, top = float(own.min()), float(own.max()), 2 * turn * gain / 3
    for _ in range(_IMAGES if low > 0 else 0):
        images = [_step(x, mu, law) for x in (low, high)]
        if max(np.abs(r).max() for r, _ in images) >= 1:
            break  # and so it is on every wider interval: r is monotone in x^2
        reached = np.concatenate([*(x for _, x in images), top[(low < turn) & (turn < high)]])
        least, most = float(reached.min()), float(reached.max())
        if max(low - least, most - high) <= _AGREE * high:
            return low, high
        low, high = min(low, least), max(high, most)
    raise ValueError("batches leave every interval of x > 0 on which |r| < 1")


def _mean_rate(mu: float, law: BatchLaw, ends: tuple[float, float], nodes: int) -> float:
    """Return E log|1 - r^2| over the stationary law on polynomials through so many nodes."""
    vander = np.polynomial.chebyshev.chebvander
    node = np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    means, rates = np.empty((nodes, nodes)), np.empty(nodes)
    for i, x in enumerate((middle + half * node).tolist()):
        r, after = _step(x, mu, law)
        means[i] = law.weight @ vander((after - middle) / half, nodes - 1)
        rates[i] = law.weight @ np.log1p(-r * r)
    onward = np.linalg.solve(vander(node, nodes - 1).T, means.T).T  # of values at the nodes
    equations = np.vstack([onward.T - np.eye(nodes), np.ones(nodes)])
    stationary, *_ = np.linalg.lstsq(equations, np.eye(nodes + 1)[-1], rcond=None)
    return float(stationary @ rates)
