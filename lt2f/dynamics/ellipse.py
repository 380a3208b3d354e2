"""Orbits on the Chebyshev ellipse a^2 + b^2 - mu ab = 4 - mu^2, followed by their angle.

For 0 < mu < 2 the ellipse carries full chaos: at U = sqrt(2 + mu) cos t, V = sqrt(2 - mu) sin t the
residual is 2 cos 2t, and one step of the map (arXiv:2605.21292) takes t to pi - 3t. Both directions
repel, so an orbit that is iterated in the plane leaves after some 35/(exponent across) steps.
Here the angle is iterated instead, exactly, as a 64-bit fraction of a turn; the point is placed
anew at every step, and the Jacobian there acts on a tangent vector. So the exponents are
measured, and each step tests that the map takes the ellipse to itself and angle to angle.

The angle step multiplies by -3, which is 5 modulo 8: the orbit of an odd angle has period 2^62.
"""

import math

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics.averages import BLOCKS, block_edges, mean_and_error
from lt2f.dynamics.compiler import fma, jit, part, workspace
from lt2f.dynamics.kernels import LOCAL_ROWS, MU, SPAN, U, V, X, Y, advance
from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.model import LOG_STRIDE, QUIET, determinant, half_norm, rescaling, tangent
from lt2f.dynamics.rates import logarithm

# First steps, in which the tangent vector turns to the ellipse: exponents differ by 0.13 at least.
ALIGN = 256
GROUP = 1024  # cells whose blocks are held together

# Rows of a lane beyond those of `kernels`: the half axes, the products of a span with the strides
# taken out of them, the sums of a block, the largest defects, and where logarithms stood.
MAJOR, MINOR, X_STRIDES, DET, DET_STRIDES, ACROSS, ACROSS_STRIDES = range(
    LOCAL_ROWS, LOCAL_ROWS + 7
)
SUM_N, SUM_E2, INVARIANCE, CONJUGACY, LOG_X, LOG_T, LOG_V = range(LOCAL_ROWS + 7, LOCAL_ROWS + 14)
LANE_ROWS = LOCAL_ROWS + 14
# Rates of a block: exponents, the transverse one, S and the loss; last the increments of two
# functions of the state, the logarithms of the ellipse's tangent and of V.
LARGEST, SECOND, TRANSVERSE, SHARPNESS, LOSS, TANGENT_END, V_END = range(7)
RATES = 7

# Angles are unsigned, for only these wrap: the compiler takes it that signed ones do not.
HALF_TURN, EIGHTH_TURN, THREE = np.uint64(2**63), np.uint64(2**61), np.uint64(3)
ONE, TWO, QUARTER_BITS = np.uint64(1), np.uint64(2), np.uint64(62)
UNIT = math.pi / 2.0**63


@part
def _cosine_and_sine(angle):  # type: ignore[no-untyped-def]
    """Cosine and sine of angle 2^-64 turns to an ulp or two, with the same bits everywhere.

    The quarter of the turn is split off exactly; of the rest, pi/4 at most, Taylor's series end
    where the next term is below rounding.
    """
    quarter = (angle + EIGHTH_TURN) >> QUARTER_BITS
    t = UNIT * float(np.int64(angle - (quarter << QUARTER_BITS)))
    z = t * t
    c = 1.0 / 20922789888000.0
    c = fma(c, z, -1.0 / 87178291200.0)
    c = fma(c, z, 1.0 / 479001600.0)
    c = fma(c, z, -1.0 / 3628800.0)
    c = fma(c, z, 1.0 / 40320.0)
    c = fma(c, z, -1.0 / 720.0)
    c = fma(c, z, 1.0 / 24.0)
    c = fma(z * z, c, fma(-0.5, z, 1.0))
    s = 1.0 / 355687428096000.0
    s = fma(s, z, -1.0 / 1307674368000.0)
    s = fma(s, z, 1.0 / 6227020800.0)
    s = fma(s, z, -1.0 / 39916800.0)
    s = fma(s, z, 1.0 / 362880.0)
    s = fma(s, z, -1.0 / 5040.0)
    s = fma(s, z, 1.0 / 120.0)
    s = fma(s, z, -1.0 / 6.0)
    s = fma(t * z, s, t)
    odd, behind = (quarter & ONE) == ONE, (quarter & TWO) == TWO
    x, y = (-s if odd else c), (c if odd else s)
    return (-x if behind else x), (-y if behind else y)


@part
def _place(lane, angle):  # type: ignore[no-untyped-def]
    c, s = _cosine_and_sine(angle)
    lane[U, 0], lane[V, 0] = lane[MAJOR, 0] * c, lane[MINOR, 0] * s


@part
def _defects(lane, image_u, image_v):  # type: ignore[no-untyped-def]
    """Compare the image of a point with the ellipse and with the point at the next angle."""
    mu, du, dv = lane[MU, 0], image_u - lane[U, 0], image_v - lane[V, 0]
    inner = (2.0 - mu) * fma(image_u, image_u, -(2.0 + mu))
    h = fma((2.0 + mu) * image_v, image_v, inner)
    lane[INVARIANCE, 0] = max(lane[INVARIANCE, 0], abs(h))
    lane[CONJUGACY, 0] = max(lane[CONJUGACY, 0], fma(du, du, dv * dv))


@part
def _step(lane, angle):  # type: ignore[no-untyped-def]
    """Take the point at `angle`, and what is attached to it, one step on; the next angle."""
    u, v, n = lane[U, 0], lane[V, 0], half_norm(lane[U, 0], lane[V, 0])
    e, _ = advance(lane, 0, QUIET, 0.0, 0.0)
    lane[X, 0], lane[Y, 0] = tangent(u, v, lane[X, 0], lane[Y, 0], e, 1.0, 1.0)
    lane[DET, 0] *= determinant(e, e + lane[MU, 0], n, 1.0)
    lane[ACROSS, 0] *= 1.0 + e
    lane[SUM_N, 0] += n
    lane[SUM_E2, 0] += e * e
    image_u, image_v, following = lane[U, 0], lane[V, 0], HALF_TURN - THREE * angle
    _place(lane, following)
    _defects(lane, image_u, image_v)
    return following


@part
def _rescale(lane):  # type: ignore[no-untyped-def]
    factor, strides = rescaling(max(abs(lane[X, 0]), abs(lane[Y, 0])))
    lane[X, 0], lane[Y, 0] = lane[X, 0] * factor, lane[Y, 0] * factor
    lane[X_STRIDES, 0] += strides
    for row in (DET, ACROSS):
        factor, strides = rescaling(abs(lane[row, 0]))
        lane[row, 0] *= factor
        lane[row + 1, 0] += strides


@part
def _logs(lane):  # type: ignore[no-untyped-def]
    """Logarithms of the tangent vector, of the ellipse's own (dU/dt, dV/dt), and of V."""
    u, v, ratio = lane[U, 0], lane[V, 0], lane[MAJOR, 0] / lane[MINOR, 0]
    x, y, along_u, along_v = lane[X, 0], lane[Y, 0], v * ratio, u / ratio
    own = fma(along_u, along_u, along_v * along_v)
    return 0.5 * logarithm(fma(x, x, y * y)), 0.5 * logarithm(own), logarithm(abs(v))


@part
def _begin(lane):  # type: ignore[no-untyped-def]
    """Note where the logarithms stand, and forget the sums of the last block."""
    lane[LOG_X, 0], lane[LOG_T, 0], lane[LOG_V, 0] = _logs(lane)
    lane[DET, 0] = lane[ACROSS, 0] = 1.0
    lane[X_STRIDES, 0] = lane[DET_STRIDES, 0] = lane[ACROSS_STRIDES, 0] = 0.0
    lane[SUM_N, 0] = lane[SUM_E2, 0] = 0.0


@part
def _end(lane, steps, rates):  # type: ignore[no-untyped-def]
    """Work out the rates of the block that ends, each a mean over its steps."""
    log_x, log_t, log_v = _logs(lane)
    along = fma(LOG_STRIDE, lane[X_STRIDES, 0], log_x - lane[LOG_X, 0])
    volume = fma(LOG_STRIDE, lane[DET_STRIDES, 0], logarithm(abs(lane[DET, 0])))
    across = fma(LOG_STRIDE, lane[ACROSS_STRIDES, 0], logarithm(abs(lane[ACROSS, 0])))
    rates[LARGEST], rates[SECOND] = along / steps, (volume - along) / steps
    rates[TRANSVERSE] = across / steps
    rates[SHARPNESS], rates[LOSS] = 2.0 * lane[SUM_N, 0] / steps, 0.5 * lane[SUM_E2, 0] / steps
    rates[TANGENT_END] = (log_t - lane[LOG_T, 0]) / steps
    rates[V_END] = (log_v - lane[LOG_V, 0]) / steps


@jit
def _follow(mu, phi, edges, rates, defects):  # type: ignore[no-untyped-def]
    """Follow N orbits, with a block between every two edges.

    `rates` receives shape (N, blocks, RATES), `defects` the largest |h|/(4 - mu^2) and the largest
    distance in the (a, b) plane, shape (2, N).
    """
    lane = workspace(LANE_ROWS, 1)
    for j in range(mu.size):
        angle = phi[j]
        lane[MU, 0], lane[X, 0], lane[Y, 0] = mu[j], 1.0, 0.75
        lane[MAJOR, 0], lane[MINOR, 0] = math.sqrt(2.0 + mu[j]), math.sqrt(2.0 - mu[j])
        lane[INVARIANCE, 0] = lane[CONJUGACY, 0] = 0.0
        _place(lane, angle)
        for block in range(edges.size - 1):
            _begin(lane)
            for span in range(edges[block], edges[block + 1], SPAN):
                for _ in range(span, min(span + SPAN, edges[block + 1])):
                    angle = _step(lane, angle)
                _rescale(lane)
            _end(lane, float(edges[block + 1] - edges[block]), rates[j, block])
        defects[0, j] = lane[INVARIANCE, 0] / ((2.0 - mu[j]) * (2.0 + mu[j]))
        defects[1, j] = math.sqrt(2.0 * lane[CONJUGACY, 0])


def observe(mu: Floats, phi: NDArray[np.uint64], steps: int) -> dict[str, Floats]:
    """Follow the orbits of N angles and measure exponents, averages and defects.

    Parameters
    ----------
    mu
        Effective step sizes, 0 < mu < 2, shape (N,).
    phi
        Start angles in units of 2^-64 turns, shape (N,).
    steps
        Steps measured, 32 at least, after the 256 in which the tangent vector finds its direction.

    Returns
    -------
    dict
        `lyapunov`, larger first, nats per step, shape (N, 2): along the ellipse and across it;
        `imbalance_rate`, the mean of log|1 + e|, at which |a - b| grows: 0 but for the ends of a
        run, and no exponent of the ellipse; `sharpness`, the mean of a^2 + b^2; `loss_mean`, that
        of e^2/2; the standard error of each as `..._error`. After single steps of the map, the
        largest distance from the ellipse as `invariance_error`, |h|/(4 - mu^2) with h = a^2 + b^2
        - mu ab - (4 - mu^2), and from the point at the next angle, in the (a, b) plane, as
        `conjugacy_error`: both are rounding alone. Shape (N,) each.
    """
    edges = np.concatenate([[0], ALIGN + block_edges(steps)])
    mean, error, defects = np.empty((5, mu.size)), np.empty((5, mu.size)), np.empty((2, mu.size))
    for first in range(0, mu.size, GROUP):
        some = slice(first, first + GROUP)
        rates = np.empty((mu[some].size, BLOCKS + 1, RATES))
        _follow(mu[some], phi[some], edges, rates, defects[:, some])
        mean[:, some], error[:, some] = _averages(rates[:, 1:], np.diff(edges[1:]))
    swap = mean[SECOND] > mean[LARGEST]  # short runs may not tell which is larger
    outcome = {"lyapunov": np.where(swap, mean[1::-1], mean[:2]).T}
    outcome["lyapunov_error"] = np.where(swap, error[1::-1], error[:2]).T
    names = {"imbalance_rate": TRANSVERSE, "sharpness": SHARPNESS, "loss_mean": LOSS}
    for name, row in names.items():
        outcome |= {name: mean[row], f"{name}_error": error[row]}
    return outcome | dict(zip(("invariance_error", "conjugacy_error"), defects, strict=True))


def _averages(rates: Floats, lengths: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Means and standard errors of the five rates, from those of blocks, shape (N, blocks, RATES).

    What telescopes is in the largest exponent the logarithm of the ellipse's tangent, which the
    tangent vector follows, and in the others that of V: V' = V(1 + e), and towards mu = 2 all
    growth across becomes a power of |1 + e|.
    """
    blocks = np.moveaxis(rates, 0, -1)
    weights = (lengths / lengths.sum())[:, np.newaxis, np.newaxis]
    parts = []
    for chosen in ([LARGEST, TANGENT_END], [SECOND, TRANSVERSE, SHARPNESS, LOSS, V_END]):
        first = blocks[0, chosen]
        d = blocks[:, chosen] - first
        sums = [(weights * x).sum(axis=0) for x in (d, d * d, d * d[:, -1:])]
        with np.errstate(invalid="ignore", divide="ignore"):  # a function that stands still
            parts.append(mean_and_error(np.stack([first, *sums]), lengths.size))
    mean, error = (np.concatenate(values) for values in zip(*parts, strict=True))
    return mean, error
