"""Batched loops over lanes: many cells at once, arrays in, arrays out.

A lane is one cell. Lanes go through a kernel in blocks of a width known at compile time, whose
rows stay in registers from step to step; loops run block, step, lane, and the compiler turns the
lane loop into packed arithmetic. The state of N lanes is one array of shape (ROWS, N), N a
multiple of BLOCK; the row numbers below are its only schema.

Noise is a sequence, not a generator: `noise` holds one number x_t for each step of the whole run,
the same for every lane, and a lane's AMPLITUDE scales it (`model.draw`). Batches of prompts have
two, (h_t, g_t), in shape (2, steps), and no amplitude. Under a law of `steps` nothing is drawn, and
the AMPLITUDE is its strength.
"""

from collections.abc import Callable

import numpy as np

from lt2f.dynamics.compiler import WIDE, fma, jit, part, widest_registers, workspace
from lt2f.dynamics.draws import NUMBERS, SINCE
from lt2f.dynamics.model import (
    FITTING,
    LAWS,
    MULTIPLICATIVE,
    PROMPTS,
    STEPPED,
    TARGET,
    carried,
    draw,
    growth,
    half_norm,
    kept,
    lifting,
    loss,
    loss_rise,
    residual,
)
from lt2f.dynamics.steps import STEPS
from lt2f.dynamics.steps.step import CONVERGED

BLOCK = 64  # every width below divides it, so one padding serves all kernels
BARE, TRACKED = 64 if WIDE else 32, 32  # lanes whose rows fit the register file
SPAN = 32  # steps between two looks at anything that need not be seen at every step
STRETCH = 64  # the same where only the range of the factors is looked at

# Rows of the state. The *_LIFT rows count the bits of `model.lifting`; E is the residual that
# is carried along under multiplicative noise.
MU, U, V, U_LIFT, V_LIFT, AMPLITUDE, E, E_LIFT = range(8)
# What `settle` keeps: the largest e^2, the largest excess over the criterion of a loss rise, the
# last e^2, whether the orbit escaped, and the state at the beginning of the last span that still
# had something to say about when the loss settled or the orbit escaped.
PEAK, RISE, LAST, ESCAPED, MARK_U, MARK_V, MARK_E, MARK_STEP = range(8, 16)
X, Y = 16, 17  # a tangent vector
TRACKED_ROWS, ROWS = 16, 18  # how many `settle` and `measure` work on
# And `iterate`, under each law of `model.LAWS`.
BARE_ROWS = V_LIFT + 1, E_LIFT + 1, AMPLITUDE + 1, V_LIFT + 1, *[AMPLITUDE + 1] * len(STEPS)
# Rows that exist only while a block is being worked on.
SPAN_PEAK, SPAN_RISE, SPAN_U, SPAN_V, SPAN_E = range(ROWS, ROWS + 5)
LOCAL_ROWS = ROWS + 5

ESCAPE_SQUARED = 1e6  # a^2 + b^2 from which no orbit returns, for every mu < 2e5
NOISE_RISE = 1.0 + 1e-12  # a rise under noise has to be larger than rounding


@part
def fetch(state, first, lanes, rows):  # type: ignore[no-untyped-def]
    """Copy the first rows of a block of lanes from the state."""
    for k in range(rows):
        row = state[k, first : first + lanes.shape[1]]  # in which no index can be negative
        for j in range(lanes.shape[1]):
            lanes[k, j] = row[j]


@part
def store(lanes, state, first, rows):  # type: ignore[no-untyped-def]
    """Copy the first rows of a block of lanes back, but for MU, which stays."""
    for k in range(1, rows):
        row = state[k, first : first + lanes.shape[1]]
        for j in range(lanes.shape[1]):
            row[j] = lanes[k, j]


@part
def _lift(lanes, j, model):  # type: ignore[no-untyped-def]
    lanes[U, j], lanes[U_LIFT, j] = lifting(lanes[U, j], lanes[U_LIFT, j])
    lanes[V, j], lanes[V_LIFT, j] = lifting(lanes[V, j], lanes[V_LIFT, j])
    if model == MULTIPLICATIVE:
        lanes[E, j], lanes[E_LIFT, j] = lifting(lanes[E, j], lanes[E_LIFT, j])


@part
def advance(lanes, j, model, x, y):  # type: ignore[no-untyped-def]
    """Take one step of a lane; its residual before the step, and what carries it along.

    Under a law of `steps` the second number is its loss, which descent goes down.
    """
    u, v, mu = lanes[U, j], lanes[V, j], lanes[MU, j]
    e = carried(model, residual(u, v, mu), lanes[E, j])
    r, h = draw(model, e, mu, lanes[AMPLITUDE, j], x, y)
    q, factor = kept(model, lanes[AMPLITUDE, j]), growth(u, v, mu, e, r, h)
    if model == MULTIPLICATIVE:
        lanes[E, j] = e * factor
    if model >= STEPPED:
        factor = loss(model, e, 2.0 * half_norm(u, v), lanes[AMPLITUDE, j])
    lanes[U, j], lanes[V, j] = fma(-u, r, q * u), fma(v, r, q * v)
    return e, factor


@part
def moved(x, y):  # type: ignore[no-untyped-def]
    """Whether (U, V) went by so much that (a, b) counts as moving: by more than 1e-12."""
    return fma(2.0 * x, x, 2.0 * y * y) > CONVERGED


@part
def begin_span(lanes, j):  # type: ignore[no-untyped-def]
    """Note where a lane is before a span of steps."""
    lanes[SPAN_PEAK, j], lanes[SPAN_RISE, j] = 0.0, -np.inf
    lanes[SPAN_U, j], lanes[SPAN_V, j], lanes[SPAN_E, j] = lanes[U, j], lanes[V, j], lanes[E, j]


@part
def track(lanes, j, model, squared, excess, factor):  # type: ignore[no-untyped-def]
    """Note the `squared` residual of a step, and by how much it exceeds the criterion of a rise.

    Under multiplicative noise the step's own `factor` says whether it raises the loss; where
    batches disagree on the minimum the last loss does, and under a law of `steps` that law's own.
    """
    if model == MULTIPLICATIVE:
        excess = min(fma(factor, factor, -NOISE_RISE), squared - CONVERGED)
    if model in (TARGET, PROMPTS):
        last = lanes[LAST, j]
        excess = fma(-NOISE_RISE, last, squared) if last > CONVERGED else -np.inf
        lanes[LAST, j] = squared
    if model >= STEPPED:
        last, least = lanes[LAST, j], CONVERGED if model in FITTING else 0.0
        excess = fma(-NOISE_RISE, last, factor) if 2.0 * last > least else -np.inf
        lanes[LAST, j] = factor
    lanes[SPAN_PEAK, j] = max(lanes[SPAN_PEAK, j], squared)
    lanes[SPAN_RISE, j] = max(lanes[SPAN_RISE, j], excess)


@part
def end_span(lanes, j, model, step):  # type: ignore[no-untyped-def]
    """Take stock of a lane after a span that began at `step`.

    Where minima do not fit, as under decay, a lane has something to say as long as it moves.
    Everything is read before anything is written, and chosen by selection, not by branches: that
    is what lets the compiler work on many lanes at once.
    """
    u, v, peak, rise = lanes[U, j], lanes[V, j], lanes[SPAN_PEAK, j], lanes[SPAN_RISE, j]
    highest, risen, escaped = lanes[PEAK, j], lanes[RISE, j], lanes[ESCAPED, j]
    mark_u, mark_v, mark_step = lanes[MARK_U, j], lanes[MARK_V, j], lanes[MARK_STEP, j]
    span_u, span_v = lanes[SPAN_U, j], lanes[SPAN_V, j]
    out = 0.0 if 2.0 * half_norm(u, v) <= ESCAPE_SQUARED else 1.0  # true for overflow and NaN too
    loud = 1.0 if peak > CONVERGED else 0.0
    if model not in FITTING:
        loud = 1.0 if moved(u - span_u, v - span_v) else 0.0
    mark = (1.0 - escaped) * max(out, loud) > 0.0
    lanes[MARK_U, j] = span_u if mark else mark_u
    lanes[MARK_V, j] = span_v if mark else mark_v
    lanes[MARK_STEP, j] = step if mark else mark_step
    lanes[PEAK, j] = max(highest, peak)
    lanes[RISE, j] = max(risen, rise if loud > 0.0 else -np.inf)
    lanes[ESCAPED, j] = max(escaped, out)
    lanes[U, j], lanes[U_LIFT, j] = lifting(u, lanes[U_LIFT, j])
    # 1 + e can be zero to rounding. The factor V is then lost, but not its growth from there on: it
    # goes on from a value too small to be felt, as if 1 + e had been one rounding.
    rest = 2.0**-53 * min(abs(span_v), 2.0**-60)
    lanes[V, j], lanes[V_LIFT, j] = lifting(rest if v == 0.0 else v, lanes[V_LIFT, j])


@part
def end_span_of_residual(lanes, j, step):  # type: ignore[no-untyped-def]
    """Do for the carried residual what `end_span` did; a loop of its own, or none is packed."""
    e, lift, mark_e, span_e = lanes[E, j], lanes[E_LIFT, j], lanes[MARK_E, j], lanes[SPAN_E, j]
    mark = lanes[MARK_STEP, j] == step
    lanes[MARK_E, j] = span_e if mark else mark_e
    lanes[E, j], lanes[E_LIFT, j] = lifting(e, lift)


@jit
def residuals(u, v, mu):  # type: ignore[no-untyped-def]
    """Residual e = ab - mu of each of N cells, with the bits that the kernels see."""
    out = np.empty(u.size)
    for j in range(u.size):
        out[j] = residual(u[j], v[j], mu[j])
    return out


def _make_iterate(model: int) -> Callable[..., None]:
    width, rows = TRACKED if model == MULTIPLICATIVE else BARE, BARE_ROWS[model]
    stretch = SPAN if model == MULTIPLICATIVE else STRETCH
    since, numbers = SINCE[model], NUMBERS[model]

    @jit
    def iterate(state, steps, start, noise):  # type: ignore[no-untyped-def]
        widest_registers()
        lanes = workspace(LOCAL_ROWS, width)
        for first in range(0, state.shape[1], width):
            fetch(state, first, lanes, rows)
            for span in range(0, steps, stretch):
                draws = since(noise, start + span)
                for t in range(span, min(span + stretch, steps)):  # 7 percent faster than from 0
                    x, y = numbers(draws, t - span)
                    for j in range(width):
                        advance(lanes, j, model, x, y)
                for j in range(width):
                    _lift(lanes, j, model)
            store(lanes, state, first, rows)

    return iterate


def _make_settle(model: int) -> Callable[..., None]:
    since, numbers = SINCE[model], NUMBERS[model]

    @jit
    def settle(state, steps, start, noise):  # type: ignore[no-untyped-def]
        widest_registers()
        lanes = workspace(LOCAL_ROWS, TRACKED)
        for first in range(0, state.shape[1], TRACKED):
            fetch(state, first, lanes, TRACKED_ROWS)
            for span in range(0, steps, SPAN):
                for j in range(TRACKED):
                    begin_span(lanes, j)
                draws = since(noise, start + span)
                for t in range(min(SPAN, steps - span)):
                    x, y = numbers(draws, t)
                    for j in range(TRACKED):
                        n = half_norm(lanes[U, j], lanes[V, j])
                        e, factor = advance(lanes, j, model, x, y)
                        rise = loss_rise(e, e + lanes[MU, j], n)
                        track(lanes, j, model, e * e, rise, factor)
                for j in range(TRACKED):
                    end_span(lanes, j, model, float(start + span))
                for j in range(TRACKED if model == MULTIPLICATIVE else 0):
                    end_span_of_residual(lanes, j, float(start + span))
            store(lanes, state, first, TRACKED_ROWS)

    return settle


def _make_moment(model: int) -> Callable[..., None]:
    since, numbers = SINCE[model], NUMBERS[model]

    @jit
    def moment(state, total, noise, out):  # type: ignore[no-untyped-def]
        lane, draws = workspace(LOCAL_ROWS, 1), since(noise, 0)
        for j in range(state.shape[1]):
            start = int(state[MARK_STEP, j])  # -1: the loss was never above the converged one
            lane[U, 0], lane[V, 0], lane[E, 0] = (
                state[MARK_U, j],
                state[MARK_V, j],
                state[MARK_E, j],
            )
            lane[MU, 0], lane[AMPLITUDE, 0] = state[MU, j], state[AMPLITUDE, j]
            escaped, found = state[ESCAPED, j] > 0.0, max(start, 0)
            for t in range(start, min(start + SPAN, total) if start >= 0 else start):
                if escaped and not 2.0 * half_norm(lane[U, 0], lane[V, 0]) <= ESCAPE_SQUARED:
                    break
                x, y = numbers(draws, t)
                u, v = lane[U, 0], lane[V, 0]
                e, _ = advance(lane, 0, model, x, y)
                loud = e * e > CONVERGED
                if model not in FITTING:
                    loud = moved(lane[U, 0] - u, lane[V, 0] - v)
                if escaped or loud:
                    found = t + 1
            out[j] = found

    return moment


def _make_record(model: int) -> Callable[..., None]:
    rows, since, numbers = BARE_ROWS[model], SINCE[model], NUMBERS[model]

    @jit
    def record(state, start, noise, out):  # type: ignore[no-untyped-def]
        widest_registers()
        lanes, page = workspace(LOCAL_ROWS, BARE), workspace(SPAN, BARE)
        for first in range(0, state.shape[1], BARE):
            fetch(state, first, lanes, rows)
            for span in range(0, out.shape[1], SPAN):
                length = min(SPAN, out.shape[1] - span)
                draws = since(noise, start + span)
                for t in range(length):
                    x, y = numbers(draws, t)
                    for j in range(BARE):
                        page[t, j], _ = advance(lanes, j, model, x, y)
                for j in range(BARE):
                    _lift(lanes, j, model)
                    samples = out[first + j, span : span + length]
                    for t in range(length):
                        samples[t] = page[t, j]
            store(lanes, state, first, rows)

    return record


# One kernel for each law of the step, in the order of `model.LAWS`.
ITERATE, SETTLE, MOMENT, RECORD = (
    tuple(make(model) for model in LAWS)
    for make in (_make_iterate, _make_settle, _make_moment, _make_record)
)
