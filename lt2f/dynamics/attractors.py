"""The attractor that almost every bounded start shares, for 1 < mu < 2: a property of mu alone.

Inside the Chebyshev ellipse every start then goes to the balanced line (`theory.fate`), where the
residual follows a cubic map with one free critical point, so with at most one attracting cycle.
The orbit of the critical point finds that cycle at once however narrow its window is, because it
starts in the cycle's immediate basin (Singer's theorem); where it finds none there is none of a
period looked for, but next to where one loses its stability. Witnesses from elsewhere on the line
tell whether other starts are as quick. What they say far beyond doubt holds for every start that
has had the time to forget where it came from; the rest is left to each cell's own run.

An attractor and its mirror image under (a, b) -> (-a, -b) differ in the sign of the mean weights.
Where they are two, mu does not tell to which of them a start goes: its own path does.
"""

import math
from dataclasses import dataclass

import numpy as np

from lt2f.dynamics import cycles, theory
from lt2f.dynamics.averages import SIGNIFICANT, grows
from lt2f.dynamics.codes import DecidedBy, Fate, Regime
from lt2f.dynamics.kernels import ITERATE, MU
from lt2f.dynamics.lanes import SILENCE, Floats, Indices, Mask, factors, pack, prepare
from lt2f.dynamics.model import QUIET
from lt2f.dynamics.observables import Flags, Verdict
from lt2f.dynamics.rates import END
from lt2f.dynamics.survey import A, B, Schedule, Survey, find_cycles, measure

# Starts as parts of the half width sqrt(2 + mu) of the slice, after the critical point: any will do
# that are neither special nor close to its ends.
ELSEWHERE = np.array([0.137, 0.289, 0.401, 0.523, 0.671, 0.797, 0.911])
WITNESSES = 1 + ELSEWHERE.size
MEASURED = 2  # of them, where there is no cycle: that from the critical point, and another
# If a start misses the cycle through the whole transient with chance q, then through a sixteenth of
# it with q^(1/16), so that seven others are all prompt with (1 - q^(1/16))^7: times q below 4e-7.
PROMPT = 16
BEYOND_DOUBT = 3.0  # times the significance that a cell's own run has to show
# Up to here U keeps its sign on the balanced line: the largest x', 2((1 + mu)/3)^(3/2), is below
# the point sqrt(1 + mu) that goes to 0.
ONE_SIDED = 1.5 * math.sqrt(3.0) - 1.0
MEANS, MEANS_ON_CYCLE = np.array([A, B]), np.array([cycles.MEAN_A, cycles.MEAN_B])
FORGOTTEN = 42.0  # -log of 2^-60, an imbalance that no residual can feel
SPARE = 4  # a start has to be done with its own past in this part of the transient


@dataclass(frozen=True, slots=True)
class Attractors:
    """Attractors of N step sizes: UNDECIDED, PERIODIC or CHAOTIC, and what belongs to them.

    `cycle` is the report of `cycles.find`, shape (ROWS, N); `rates` and `errors` have shape
    (END, N) as in `survey.measure`; `steps` are those of all witnesses. Of two mirror images it
    is the one with positive mean weights.
    """

    regime: Flags
    cycle: Floats
    rates: Floats
    errors: Floats
    steps: Indices

    def take(self, index: Indices) -> "Attractors":
        """Return the attractors of some of the step sizes."""
        return Attractors(
            self.regime[index],
            self.cycle[:, index],
            self.rates[:, index],
            self.errors[:, index],
            self.steps[index],
        )


@dataclass(frozen=True, slots=True)
class Shared:
    """Which of N cells are `known` by their mu alone, and the attractors `of` these, in order.

    `steps`, shape (N,), is what each cell has to pay for the witnesses of its mu.
    """

    known: Mask
    of: Attractors
    steps: Floats

    def fill(self, survey: Survey, verdict: Verdict) -> tuple[Survey, Verdict]:
        """Put what is known into what was run and judged."""
        known = self.known
        side = self._side(survey.state[:, known], verdict.cycle[:, known])
        periodic = self.of.regime == Regime.PERIODIC
        verdict.regime[known], verdict.decided_by[known] = self.of.regime, DecidedBy.INFERRED
        verdict.cycle[:, known] = np.where(periodic, self.of.cycle, 0.0)
        survey.rates[:, known], survey.errors[:, known] = self.of.rates, self.of.errors
        verdict.cycle[np.ix_(MEANS_ON_CYCLE, known)] *= side
        survey.rates[np.ix_(MEANS, known)] *= side
        return survey, verdict

    def _side(self, state: Floats, own: Floats) -> Floats:
        """Which of two mirror images each path is on, from its end: the sign of the mean weights.

        It is that of U, where this never changes. Else it is that of the path's `own` cycle, NaN if
        it has found none; and chaos is not inferred unless it is symmetric.
        """
        u, _ = factors(state)
        found = np.where(own[cycles.PERIOD] > 0.0, np.sign(own[cycles.MEAN_A]), np.nan)
        merged = np.where(self.of.regime == Regime.PERIODIC, found, 1.0)
        return np.where(state[MU] < ONE_SIDED, np.sign(u), merged)


def shared(u: Floats, v: Floats, mu: Floats, fate: Flags, schedule: Schedule) -> Shared:
    """Find out which cells are known by their mu, from starts (U, V) and what theorems say."""
    balances = (fate == Fate.BALANCES) & schedule.infer & schedule.shortcuts
    each, which, times = np.unique(mu[balances], return_inverse=True, return_counts=True)
    found = attractors(each, schedule)
    cost = np.zeros(mu.size)
    cost[balances] = (found.steps / times)[which]
    found = found.take(which)
    sure = found.regime != Regime.UNDECIDED
    sure &= _forgets(u[balances], v[balances], mu[balances], found, schedule.transient / SPARE)
    known = balances.copy()
    known[balances] = sure
    return Shared(known, found.take(np.flatnonzero(sure)), cost)


def attractors(mu: Floats, schedule: Schedule) -> Attractors:
    """Find the attractors of N step sizes 1 < mu < 2 by runs on the balanced line."""
    critical = np.sqrt((1.0 + mu) / 3.0)  # where x' = (1 + mu) x - x^3 has derivative zero
    elsewhere = theory.slice_bound(mu)[:, np.newaxis] * ELSEWHERE
    x = np.hstack([critical[:, np.newaxis], elsewhere]).ravel()
    prompt = schedule.transient // PROMPT
    state = prepare(x, np.zeros_like(x), np.repeat(mu, WITNESSES))
    ITERATE[QUIET](state, prompt, 0, SILENCE.sequence)
    state = state[:, : x.size]
    cycle = find_cycles(state, np.ones(x.size, dtype=bool), schedule.max_period)
    period = cycle[cycles.PERIOD].reshape(-1, WITNESSES)
    agree = (period == period[:, :1]).all(axis=1)
    regime = np.where(agree & (period[:, 0] > 0.0), Regime.PERIODIC, Regime.UNDECIDED)
    rates, errors = np.full((2, END, mu.size), np.nan)
    steps, wild = np.full(mu.size, WITNESSES * prompt), np.flatnonzero((period == 0.0).all(axis=1))
    if wild.size:
        rates[:, wild], errors[:, wild], chaotic = _chaos(state, wild, prompt, schedule)
        regime[wild[chaotic]] = Regime.CHAOTIC
        steps[wild] += MEASURED * (schedule.total - prompt)
    cycle = cycle[:, ::WITNESSES].copy()
    cycle[MEANS_ON_CYCLE] *= np.where(cycle[cycles.MEAN_A] < 0.0, -1.0, 1.0)
    return Attractors(regime.astype(np.uint8), cycle, rates, errors, steps)


def _chaos(
    state: Floats, wild: Indices, done: int, schedule: Schedule
) -> tuple[Floats, Floats, Mask]:
    """Measure the witnesses of some step sizes: means, errors, and whether all are chaotic."""
    each = (wild[:, np.newaxis] * WITNESSES + np.arange(MEASURED)).ravel()
    lanes = pack(state, each)
    ITERATE[QUIET](lanes, schedule.settled - done, done, SILENCE.sequence)
    rates, errors = (x[:, : each.size] for x in measure(lanes, schedule, SILENCE))
    ends = find_cycles(lanes[:, : each.size], np.ones(each.size, dtype=bool), schedule.max_period)
    sure = grows(rates[0], errors[0], schedule.measure, BEYOND_DOUBT)
    sure &= ends[cycles.PERIOD] == 0.0
    one_sided = lanes[MU, : each.size] < ONE_SIDED
    rates[MEANS] *= np.where(one_sided & (rates[A] < 0.0), -1.0, 1.0)
    # Else an attractor has to look like its own mirror image, whose mean weights are zero.
    sure &= one_sided | (np.abs(rates[A]) < SIGNIFICANT * errors[A])
    shape = END, wild.size, MEASURED
    error = np.sqrt((errors.reshape(shape) ** 2).sum(axis=2)) / MEASURED
    chaotic = np.logical_and.reduce(sure.reshape(-1, MEASURED), axis=1)
    return rates.reshape(shape).mean(axis=2), error, chaotic


def _forgets(u: Floats, v: Floats, mu: Floats, found: Attractors, steps: float) -> Mask:
    """Whether a start has left what it came from, and its imbalance has died, within `steps`.

    What can hold it is the ellipse, which it leaves at the transverse exponent of the ellipse, a
    minimum, which repels at log(S - 1), least log(2 mu - 1) at balance, and the origin, which U
    leaves at log(1 + mu).
    """
    periodic = found.regime == Regime.PERIODIC
    across = np.where(periodic, found.cycle[cycles.TRANSVERSE], found.rates[2])
    with np.errstate(divide="ignore"):
        at_ellipse = -np.log(-theory.ellipse(mu, u, v) / (4.0 - mu * mu))
        at_minimum = -np.log(np.minimum(np.abs(u * u - v * v - mu), 1.0))
        at_origin = -np.log(np.minimum(np.abs(u), 1.0))
        time = at_ellipse / theory.ellipse_exponents(mu)[1] + at_origin / np.log1p(mu)
        time += at_minimum / np.log(2.0 * mu - 1.0)
        return (across < 0.0) & (time - FORGOTTEN / across < steps)
