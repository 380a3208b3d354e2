"""Run many cells: let them settle, then measure exponents and averages.

With shortcuts a lane leaves as soon as its end is certain (escape, arrival at a stable minimum, a
cycle that repeats bit for bit) and the rest are packed together again, so that no block waits for
one lane. Under noise only escape is certain. What was found is labelled in `labels`.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lt2f.dynamics import cycles
from lt2f.dynamics.averages import BLOCKS, block_edges, mean_and_error
from lt2f.dynamics.kernels import (
    CONVERGED,
    DET,
    DET_STRIDES,
    ESCAPED,
    MEASURE,
    MU,
    SETTLE,
    SUM_E2,
    SUM_N,
    V_LIFT,
    X_STRIDES,
    U,
    V,
    X,
    Y,
)
from lt2f.dynamics.lanes import (
    SILENCE,
    Floats,
    Indices,
    Mask,
    Noise,
    factors,
    pack,
    prepare,
    residual_and_norm,
)
from lt2f.dynamics.model import LOG_STRIDE, QUIET

ALIGN = 256  # last transient steps, in which the tangent vector finds its direction
FIRST_LOOK, FIRST_LOCK = 64, 512  # steps after which a lane is first looked at, and for a cycle
STABLE = 2.0 - 1e-9  # a sharpness below this attracts every |e| <= 1e-12 from then on


@dataclass(frozen=True, slots=True)
class Schedule:
    """Lengths of a run in steps, the longest period looked for, and whether it may end early."""

    transient: int
    measure: int
    max_period: int = 64
    shortcuts: bool = True

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.transient + self.measure


@dataclass(frozen=True, slots=True)
class Survey:
    """What a run left behind, for N cells.

    `state` has the rows of `kernels`; `rates` and `errors` have shape (5, N) as in `measure`, NaN
    for the lanes that were certain before the measurement began.
    """

    state: Floats
    rates: Floats
    errors: Floats


def run(u: Floats, v: Floats, mu: Floats, schedule: Schedule, noise: Noise = SILENCE) -> Survey:
    """Run the cells with starts u = (a + b)/2, v = (a - b)/2 and effective step sizes mu."""
    count, align = u.size, min(ALIGN, schedule.transient)
    state = prepare(u, v, mu, noise)
    settled = schedule.transient - align
    rest = settle(state, count, settled, schedule, noise)
    rates, errors = np.full((2, 5, count), np.nan)
    if rest.size:
        lanes = pack(state, rest)
        with np.errstate(all="ignore"):
            measure_block(lanes, settled, align, noise)
        mean, error = measure(lanes, schedule, noise)
        state[:, rest] = lanes[:, : rest.size]
        rates[:, rest], errors[:, rest] = mean[:, : rest.size], error[:, : rest.size]
    return Survey(state[:, :count], rates, errors)


def settle(state: Floats, count: int, steps: int, schedule: Schedule, noise: Noise) -> Indices:
    """Run the first `count` lanes for `steps`; the lanes whose end is not certain by then."""
    kernel, alive = SETTLE[noise.index], np.arange(count)
    if not schedule.shortcuts:
        kernel(state, steps, 0, noise.sequence)
        return alive
    step = 0
    while alive.size and step < steps:
        length = min(max(step, FIRST_LOOK), steps - step)
        lanes = pack(state, alive)
        kernel(lanes, length, step, noise.sequence)
        state[:, alive] = lanes[:, : alive.size]
        step += length
        alive = alive[~certain(state[:, alive], schedule, step, noise)]
    return alive


def certain(state: Floats, schedule: Schedule, step: int, noise: Noise) -> Mask:
    """Which lanes need no further step: escaped, at a stable minimum, or on an exact cycle."""
    done = state[ESCAPED] > 0.0
    if noise.index != QUIET:
        return done
    done |= at_minimum(state)
    if step >= FIRST_LOCK:
        rest = ~done
        rest[rest] = repeats(state[:, rest], schedule.max_period)
        done |= find_cycles(state, rest, schedule.max_period)[cycles.PERIOD] > 0.0
    return done


def repeats(state: Floats, max_period: int) -> Mask:
    """Which lanes return bit for bit within `max_period` steps, and so repeat for ever."""
    found = np.zeros(state.shape[1], dtype=bool)
    cycles.locked(state[U], state[V], state[MU], max_period, found)
    return found


def find_cycles(state: Floats, candidates: Mask, max_period: int) -> Floats:
    """Report of `cycles.find` for the candidate lanes, shape (ROWS, N); zero elsewhere."""
    report, near = np.zeros((cycles.ROWS, candidates.size)), np.flatnonzero(candidates)
    if near.size:
        lanes = pack(state, near)
        back = np.empty(lanes.shape[1])
        cycles.returns(lanes, max_period, back)
        near = near[back[: near.size] > 0.0]
    found = np.zeros((cycles.ROWS, near.size))
    u, v = factors(state[:, near])
    cycles.find(u, v, state[MU, near], max_period, found)
    report[:, near] = found
    return report


def at_minimum(state: Floats) -> Mask:
    """Which lanes have arrived at a minimum that is linearly stable without noise."""
    with np.errstate(over="ignore", invalid="ignore"):
        e, s = residual_and_norm(state)
        return (e * e <= CONVERGED) & (s < STABLE)


def measure(state: Floats, schedule: Schedule, noise: Noise) -> tuple[Floats, Floats]:
    """Run every lane through the measured steps; means and standard errors of (5, N) rates.

    The rates are the largest exponent, the second one, the transverse one (nats per step), the
    sharpness a^2 + b^2 and the loss e^2/2.
    """
    edges = block_edges(schedule.measure)
    rates = np.empty((5, BLOCKS, state.shape[1]))
    with np.errstate(all="ignore"):  # lanes that escaped are inf and NaN by now
        for block, (first, last) in enumerate(pairwise(edges.tolist())):
            start = schedule.transient + first
            rates[:, block] = measure_block(state, start, last - first, noise)
        return mean_and_error(rates, np.diff(edges))


def measure_block(state: Floats, start: int, steps: int, noise: Noise) -> Floats:
    """Mean rates, shape (5, N), over one block of steps."""
    state[[X, Y]] /= np.hypot(state[X], state[Y])
    state[DET] = 1.0
    state[[X_STRIDES, DET_STRIDES, SUM_N, SUM_E2]] = 0.0
    size, strides = np.abs(state[V]), state[V_LIFT].copy()
    MEASURE[noise.index](state, steps, start, noise.sequence)
    growth = np.log(np.hypot(state[X], state[Y])) + LOG_STRIDE * state[X_STRIDES]
    volume = np.log(np.abs(state[DET])) + LOG_STRIDE * state[DET_STRIDES]
    across = np.log(np.abs(state[V]) / size) - LOG_STRIDE * (state[V_LIFT] - strides)
    sharpness, loss = 2.0 * state[SUM_N], state[SUM_E2] / 2.0
    return np.stack([growth, volume - growth, across, sharpness, loss]) / steps
