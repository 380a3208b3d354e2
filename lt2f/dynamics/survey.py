"""Run many cells: let them settle, then measure exponents and averages.

With shortcuts a lane leaves as soon as its end is certain (escape, arrival at a stable minimum, a
cycle that repeats bit for bit) and the rest are packed together again, so that no block waits for
one lane. What was found is labelled in `labels`.
"""

from dataclasses import dataclass

import numpy as np

from lt2f.dynamics import cycles, noise_theory
from lt2f.dynamics.averages import BLOCKS, block_edges, mean_and_error
from lt2f.dynamics.kernels import (
    AMPLITUDE,
    ESCAPED,
    MU,
    SETTLE,
    U,
    V,
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
from lt2f.dynamics.model import MULTIPLICATIVE, QUIET
from lt2f.dynamics.rates import END, KEPT, MEASURE, RATES, WEIGHTLESS

ALIGN = 256  # last transient steps, in which the tangent vector finds its direction
FIRST_LOOK, FIRST_LOCK = 64, 512  # steps after which a lane is first looked at, and for a cycle
GROUP = 4096  # lanes that are measured together, so that they and their averages stay in the cache
# Under multiplicative noise e^2 at a minimum that is stable in mean square is a supermartingale, so
# (Doob) an |e| of this size comes back to 1e-12 with a chance below (2^-100 / 1e-12)^2 = 1e-36.
GONE = 2.0**-100


# Rows of what is measured.
LARGEST, SECOND, ACROSS, SHARPNESS, LOSS, A, B = range(END)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Lengths of a run in steps, the longest period looked for, and what may be left out.

    With `shortcuts` a run may end early; with `infer` it may be left out where mu alone says how
    it ends, unless `follow` asks for each cell's own path (largest loss, final imbalance). Without
    `weights` noisy runs do not average them.
    """

    transient: int
    measure: int
    max_period: int = 64
    shortcuts: bool = True
    infer: bool = False
    follow: bool = True
    weights: bool = True

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.transient + self.measure

    @property
    def settled(self) -> int:
        """Steps before those in which the tangent vector finds its direction."""
        return self.transient - min(ALIGN, self.transient)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a run left behind, for N cells.

    `state` has the rows of `kernels`; `rates` and `errors` have shape (END, N) as in `measure`, NaN
    for the lanes that were certain before the measurement began; `steps` are those taken.
    """

    state: Floats
    rates: Floats
    errors: Floats
    steps: Indices


def run(
    u: Floats,
    v: Floats,
    mu: Floats,
    schedule: Schedule,
    noise: Noise = SILENCE,
    inferred: Mask | None = None,
) -> Survey:
    """Run the cells with starts u = (a + b)/2, v = (a - b)/2 and effective step sizes mu.

    The `inferred` ones need no measurement, and no run at all unless they are followed.
    """
    count = u.size
    known = np.zeros(count, dtype=bool) if inferred is None else inferred
    state, steps = prepare(u, v, mu, noise), np.zeros(count, dtype=np.int64)
    if schedule.follow and known.any():
        settle(state, np.flatnonzero(known), steps, schedule.total, schedule, noise)
    rest = settle(state, np.flatnonzero(~known), steps, schedule.settled, schedule, noise)
    rates, errors = np.full((2, END, count), np.nan)
    steps[rest] = schedule.total
    for first in range(0, rest.size, GROUP):
        some = rest[first : first + GROUP]
        lanes = pack(state, some)
        mean, error = measure(lanes, schedule, noise)
        state[:, some] = lanes[:, : some.size]
        rates[:, some], errors[:, some] = mean[:, : some.size], error[:, : some.size]
    return Survey(state[:, :count], rates, errors, steps)


def settle(
    state: Floats, alive: Indices, taken: Indices, end: int, schedule: Schedule, noise: Noise
) -> Indices:
    """Run the lanes `alive` to step `end`; those whose end is not certain by then.

    Both the state, shape (ROWS, N), and the numbers of steps `taken` are brought up to date.
    """
    step, lanes = 0, pack(state, alive)
    while alive.size and step < end:
        length = min(max(step, FIRST_LOOK), end - step) if schedule.shortcuts else end
        SETTLE[noise.index](lanes, length, step, noise.sequence)
        step += length
        taken[alive] = step
        if schedule.shortcuts:
            done = certain(lanes[:, : alive.size], schedule, step, noise)
            state[:, alive[done]] = lanes[:, : alive.size][:, done]
            alive, lanes = alive[~done], pack(lanes, np.flatnonzero(~done))
    state[:, alive] = lanes[:, : alive.size]
    return alive


def certain(state: Floats, schedule: Schedule, step: int, noise: Noise) -> Mask:
    """Which lanes need no further step: escaped, at a stable minimum, or on an exact cycle."""
    done = state[ESCAPED] > 0.0
    if noise.index == MULTIPLICATIVE:
        done |= has_gone(state)
    if noise.is_random:
        return done
    done |= at_minimum(state, noise) | at_origin(state, noise)
    if step >= FIRST_LOCK:
        rest = ~done
        if noise.index == QUIET:
            rest[rest] = repeats(state[:, rest], schedule.max_period)
        done |= find_cycles(state, rest, schedule.max_period, noise)[cycles.PERIOD] > 0.0
    return done


def has_gone(state: Floats) -> Mask:
    """Whose residual under multiplicative noise is too small to come back in any run's time."""
    with np.errstate(over="ignore", invalid="ignore"):
        e, s = residual_and_norm(state)
        return (np.abs(e) < GONE) & (s < noise_theory.mean_square_threshold(state[AMPLITUDE]))


def repeats(state: Floats, max_period: int) -> Mask:
    """Which lanes return bit for bit within `max_period` steps, and so repeat for ever."""
    found = np.zeros(state.shape[1], dtype=bool)
    cycles.locked(state[U], state[V], state[MU], max_period, found)
    return found


def find_cycles(state: Floats, candidates: Mask, max_period: int, noise: Noise = SILENCE) -> Floats:
    """Report of `cycles.find` for the candidate lanes, shape (ROWS, N); zero elsewhere.

    Under a law of `steps` those on the balanced line alone: V may die so slowly that what returns
    is not yet near a cycle.
    """
    law = noise.index
    if law != QUIET:
        candidates = candidates & (np.abs(factors(state)[1]) < cycles.NEGLIGIBLE)
    report, near = np.zeros((cycles.ROWS, candidates.size)), np.flatnonzero(candidates)
    if near.size:
        lanes = pack(state, near)
        back = np.empty(lanes.shape[1])
        cycles.RETURNS[law](lanes, max_period, back)
        near = near[back[: near.size] > 0.0]
    found = np.zeros((cycles.ROWS, near.size))
    u, v = factors(state[:, near])
    cycles.find(law, u, v, state[MU, near], state[AMPLITUDE, near], max_period, found)
    report[:, near] = found
    return report


def at_minimum(state: Floats, noise: Noise = SILENCE) -> Mask:
    """Which lanes have arrived at a minimum that is linearly stable under a law without noise."""
    with np.errstate(over="ignore", invalid="ignore"):
        (u, v), (e, _) = factors(state), residual_and_norm(state)
        return noise.step.at_minimum(u, v, e, state[MU], state[AMPLITUDE])


def at_origin(state: Floats, noise: Noise) -> Mask:
    """Which lanes have arrived at an origin that attracts under a law without noise."""
    with np.errstate(over="ignore", invalid="ignore"):
        return noise.step.at_origin(*factors(state), state[MU], state[AMPLITUDE])


def measure(state: Floats, schedule: Schedule, noise: Noise) -> tuple[Floats, Floats]:
    """Run every settled lane to the end; means and standard errors of rates, both (END, N).

    The rates are the largest exponent, the second one, the transverse one (nats per step), the
    sharpness a^2 + b^2, the loss e^2/2 and the weights a and b, over the measured steps. Weights
    that a noisy run was not asked for are NaN.
    """
    kernel, settled = (MEASURE if schedule.weights else WEIGHTLESS)[noise.index], schedule.settled
    kept = np.empty((KEPT, state.shape[1]))
    kernel(state, np.array([settled, schedule.transient]), noise.sequence, kept)
    kernel(state, schedule.transient + block_edges(schedule.measure), noise.sequence, kept)
    with np.errstate(all="ignore"):  # lanes that escaped are inf and NaN by now
        mean, error = mean_and_error(kept.reshape(-1, RATES, state.shape[1]), BLOCKS)
    scale = np.ones((END, 1))
    scale[[SHARPNESS, LOSS], 0] = 2.0, 0.5  # from n and e^2
    scale[[A, B], 0] = 1.0 if kernel in MEASURE else np.nan
    return scale * mean, scale * error
