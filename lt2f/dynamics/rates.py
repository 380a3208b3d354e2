"""Exponents and averages of many lanes at once, block of steps by block of steps.

A rate is a mean over steps: the largest exponent, the second one, the transverse one, n = S/2, e^2
and the weights a and b; and the increment of log|2 + mu - U^2|, the distance from the ends of the
slice, which averages nothing but tells of sums that telescope. `measure` takes a lane through all
its blocks and keeps of each rate what `averages` needs to know of the means of the blocks; the lane
stays in registers and in the nearest cache meanwhile.
"""

from collections.abc import Callable

import numpy as np

from lt2f.dynamics.compiler import double, fma, jit, part, pattern, widest_registers, workspace
from lt2f.dynamics.draws import NUMBERS, SINCE
from lt2f.dynamics.kernels import (
    AMPLITUDE,
    LOCAL_ROWS,
    MU,
    ROWS,
    SPAN,
    V_LIFT,
    U,
    V,
    X,
    Y,
    advance,
    begin_span,
    end_span,
    end_span_of_residual,
    fetch,
    store,
    track,
)
from lt2f.dynamics.model import (
    LAWS,
    LOG_2,
    LOG_STRIDE,
    MULTIPLICATIVE,
    QUIET,
    determinant,
    draw,
    exponent,
    half_norm,
    kept,
    loss_rise,
    rescaling,
    tangent,
)

# Lanes whose rows fit the register file, and lanes that are taken through a block together: loops
# over no more than 16 are unrolled, and then the longer work at the end of a span is not packed.
WIDTH, BATCH = 16, 32
RATES = 8
END = RATES - 1  # that of the distance from the ends of the slice; what is before it is averaged
# What is kept of each rate: the first block's mean, and the weighted sums of the differences of all
# blocks from it, of their squares, and of their products with those of the last rate. So no digits
# cancel where a rate hardly varies.
FIRST, SUM, SQUARES, PRODUCTS = range(4)
KEPT = 4 * RATES

# Rows that exist only while lanes are measured: the sums of a block, where the logarithms stood at
# its beginning, its rates, and what is kept of all.
X_STRIDES, DET, DET_STRIDES, SUM_N, SUM_E2, SUM_U, SUM_V = range(LOCAL_ROWS, LOCAL_ROWS + 7)
LOG_X, LOG_V, LIFT_THEN, LOG_END, RATE = range(LOCAL_ROWS + 7, LOCAL_ROWS + 12)
KEEP = RATE + RATES
MEASURE_ROWS = KEEP + KEPT

# log 2, its first 42 bits apart: they are exact times an exponent, which has 11.
LOG_2_HIGH, LOG_2_LOW = 0.6931471805598903, 5.497923018708371e-14
ROOT_2 = 1.4142135623730951
MANTISSA, ONE = 0xFFFFFFFFFFFFF, 0x3FF0000000000000


@part
def logarithm(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of x >= 0 to an ulp or two, by operations that can be packed.

    With x = 2^k m and 1/sqrt 2 < m < sqrt 2 it is k log 2 + 2 artanh s, s = (m - 1)/(m + 1); the
    series in s^2 < 0.0295 ends where its next term is below rounding.
    """
    tiny = x < 2.0**-1022
    scaled = x * 2.0**54 if tiny else x
    k = exponent(scaled) - (54.0 if tiny else 0.0)
    m = double((pattern(scaled) & MANTISSA) | ONE)
    large = m > ROOT_2
    m, k = (0.5 * m if large else m), (k + 1.0 if large else k)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 1.0 / 23.0
    series = fma(series, z, 1.0 / 21.0)
    series = fma(series, z, 1.0 / 19.0)
    series = fma(series, z, 1.0 / 17.0)
    series = fma(series, z, 1.0 / 15.0)
    series = fma(series, z, 1.0 / 13.0)
    series = fma(series, z, 1.0 / 11.0)
    series = fma(series, z, 1.0 / 9.0)
    series = fma(series, z, 1.0 / 7.0)
    series = fma(series, z, 1.0 / 5.0)
    series = fma(series, z, 1.0 / 3.0)
    rest = fma(2.0 * s * z, series, k * LOG_2_LOW)
    value = fma(k, LOG_2_HIGH, fma(2.0, s, rest))
    value = value if x < np.inf else x  # infinite, or no number
    return value if x != 0.0 else -np.inf


# In what follows everything is read before anything is written, or nothing would be packed.


@part
def _logs(u, v, mu, x, y):  # type: ignore[no-untyped-def]
    """Logarithms whose changes are rates: of the tangent vector, of V and of the ends' distance."""
    ends = fma(-u, u, 2.0 + mu)
    return 0.5 * logarithm(fma(x, x, y * y)), logarithm(abs(v)), logarithm(abs(ends))


@part
def _begin(lanes, j, log_x, log_v, log_end):  # type: ignore[no-untyped-def]
    """Note where the logarithms stand, and forget the sums of the last block."""
    lift = lanes[V_LIFT, j]
    lanes[LOG_X, j], lanes[LOG_V, j], lanes[LOG_END, j] = log_x, log_v, log_end
    lanes[LIFT_THEN, j] = lift
    lanes[X_STRIDES, j], lanes[DET, j], lanes[DET_STRIDES, j] = 0.0, 1.0, 0.0
    lanes[SUM_N, j], lanes[SUM_E2, j] = 0.0, 0.0
    lanes[SUM_U, j], lanes[SUM_V, j] = 0.0, 0.0


@part
def _begin_first(lanes, j):  # type: ignore[no-untyped-def]
    logs = _logs(lanes[U, j], lanes[V, j], lanes[MU, j], lanes[X, j], lanes[Y, j])
    _begin(lanes, j, logs[0], logs[1], logs[2])


@part
def _end(lanes, j, steps):  # type: ignore[no-untyped-def]
    """Work out the rates of the block that ends, each a mean over its steps; begin the next."""
    lift = lanes[V_LIFT, j] - lanes[LIFT_THEN, j]
    x_strides, det_strides, det = lanes[X_STRIDES, j], lanes[DET_STRIDES, j], lanes[DET, j]
    sum_n, sum_e2 = lanes[SUM_N, j], lanes[SUM_E2, j]
    sum_u, sum_v = lanes[SUM_U, j], lanes[SUM_V, j]
    old_x, old_v, old_end = lanes[LOG_X, j], lanes[LOG_V, j], lanes[LOG_END, j]
    log_x, log_v, log_end = _logs(lanes[U, j], lanes[V, j], lanes[MU, j], lanes[X, j], lanes[Y, j])
    along = fma(LOG_STRIDE, x_strides, log_x - old_x)
    volume = fma(LOG_STRIDE, det_strides, logarithm(abs(det)))
    # Lifts apart, for that of a factor that is exactly zero is large.
    across = fma(-LOG_2, lift, log_v - old_v)
    _begin(lanes, j, log_x, log_v, log_end)
    lanes[RATE, j], lanes[RATE + 1, j] = along / steps, (volume - along) / steps
    lanes[RATE + 2, j] = across / steps
    lanes[RATE + 3, j], lanes[RATE + 4, j] = sum_n / steps, sum_e2 / steps
    lanes[RATE + 5, j], lanes[RATE + 6, j] = (sum_u + sum_v) / steps, (sum_u - sum_v) / steps
    lanes[RATE + END, j] = (log_end - old_end) / steps


@part
def _keep(lanes, j, rate, block, weight):  # type: ignore[no-untyped-def]
    """Add a rate of a block, which has a share `weight` of all steps, to what is kept."""
    row = KEEP + rate
    value, first = lanes[RATE + rate, j], lanes[row + FIRST * RATES, j]
    total, squares = lanes[row + SUM * RATES, j], lanes[row + SQUARES * RATES, j]
    products = lanes[row + PRODUCTS * RATES, j]
    end_change = lanes[RATE + END, j] - lanes[KEEP + END + FIRST * RATES, j]
    first = value if block == 0 else first
    change = value - first
    lanes[row + FIRST * RATES, j] = first
    lanes[row + SUM * RATES, j] = fma(weight, change, total)
    lanes[row + SQUARES * RATES, j] = fma(weight * change, change, squares)
    lanes[row + PRODUCTS * RATES, j] = fma(weight * change, end_change, products)


@part
def _rescale(lanes, j):  # type: ignore[no-untyped-def]
    x, y, det = lanes[X, j], lanes[Y, j], lanes[DET, j]
    x_strides, det_strides = lanes[X_STRIDES, j], lanes[DET_STRIDES, j]
    factor, strides = rescaling(max(abs(x), abs(y)))
    lanes[X, j], lanes[Y, j], lanes[X_STRIDES, j] = x * factor, y * factor, x_strides + strides
    factor, strides = rescaling(abs(det))
    lanes[DET, j], lanes[DET_STRIDES, j] = det * factor, det_strides + strides


@part
def _step(lanes, j, model, weights, x, y):  # type: ignore[no-untyped-def]
    u, v, mu = lanes[U, j], lanes[V, j], lanes[MU, j]
    n = half_norm(u, v)
    e, factor = advance(lanes, j, model, x, y)
    r, h = draw(model, e, mu, lanes[AMPLITUDE, j], x, y)
    q = kept(model, lanes[AMPLITUDE, j])
    lanes[X, j], lanes[Y, j] = tangent(u, v, lanes[X, j], lanes[Y, j], r, h, q)
    lanes[DET, j] *= determinant(r, h * (e + mu), h * n, q)
    lanes[SUM_N, j] += n
    lanes[SUM_E2, j] += e * e
    if weights:
        lanes[SUM_U, j] += u
        lanes[SUM_V, j] += v  # lifted or not: what is lifted no weight can feel
    track(lanes, j, model, e * e, loss_rise(e, e + mu, n), factor)


def _make_measure(model: int, weights: bool = True) -> Callable[..., None]:
    since, numbers = SINCE[model], NUMBERS[model]

    @jit
    def measure(state, edges, noise, kept):  # type: ignore[no-untyped-def]
        """Run lanes from step edges[0] to edges[-1], with a block between every two edges.

        `kept`, shape (KEPT, N), receives FIRST, SUM, ... of all rates, in this order.
        """
        widest_registers()
        lanes, total = workspace(MEASURE_ROWS, BATCH), edges[-1] - edges[0]
        for first in range(0, state.shape[1], BATCH):
            fetch(state, first, lanes, ROWS)
            for k in range(KEEP, MEASURE_ROWS):
                for j in range(BATCH):
                    lanes[k, j] = 0.0
            for j in range(BATCH):
                _begin_first(lanes, j)
            for block in range(edges.size - 1):
                start, end = edges[block], edges[block + 1]
                for span in range(start, end, SPAN):
                    for j in range(BATCH):
                        begin_span(lanes, j)
                    for some in range(0, BATCH, WIDTH):
                        draws = since(noise, span)
                        for t in range(min(SPAN, end - span)):
                            x, y = numbers(draws, t)
                            for j in range(some, some + WIDTH):
                                _step(lanes, j, model, weights, x, y)
                    for j in range(BATCH):
                        end_span(lanes, j, model, float(span))
                        _rescale(lanes, j)
                    for j in range(BATCH if model == MULTIPLICATIVE else 0):
                        end_span_of_residual(lanes, j, float(span))
                for j in range(BATCH):
                    _end(lanes, j, float(end - start))
                for rate in range(RATES):
                    for j in range(BATCH):
                        _keep(lanes, j, rate, block, (end - start) / total)
            store(lanes, state, first, ROWS)
            for k in range(KEPT):
                row = kept[k, first : first + BATCH]
                for j in range(BATCH):
                    row[j] = lanes[KEEP + k, j]

    return measure


# One kernel for each law of the step, in the order of `model.LAWS`. Under noise the sums of the
# weights are one too many for the registers, a sixth of all time: they can be left out.
MEASURE = tuple(_make_measure(model) for model in LAWS)
WEIGHTLESS = (
    MEASURE[QUIET],
    *(_make_measure(model, weights=False) for model in LAWS[1:]),
)
