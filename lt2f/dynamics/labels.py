"""What each cell does in the long run: the ladder of labels.

The first rung that holds decides: theorem (with shortcuts, for the map itself), escape, collapse to
the origin, convergence to a stable minimum, a stable cycle (without noise), a largest exponent more
than four standard errors above zero, under noise one as far below. What no rung decides is
undecided. Where many cells share one mu > 1, what mu alone says stands in for a run of each
(`attractors`).
"""

import numpy as np

from lt2f.dynamics import attractors, cycles, kernels, theory
from lt2f.dynamics.averages import SIGNIFICANT, grows
from lt2f.dynamics.codes import DecidedBy, Fate, Regime
from lt2f.dynamics.lanes import SILENCE, Floats, Mask, Noise, residual_and_norm
from lt2f.dynamics.model import MULTIPLICATIVE, QUIET
from lt2f.dynamics.observables import (
    Flags,
    Outcome,
    Verdict,
    minimum_exponent,
    observe,
    origin_exponents,
)
from lt2f.dynamics.steps.step import CONVERGED
from lt2f.dynamics.survey import Schedule, Survey, at_minimum, find_cycles, run

ORIGIN = 1e-20  # a^2 + b^2 of an orbit that has collapsed
WINDOW = 4  # under noise the loss has to stay converged for the last measured steps, one in four


def explore(
    u: Floats, v: Floats, mu: Floats, schedule: Schedule, noise: Noise = SILENCE
) -> Outcome:
    """Run N cells and label them.

    Starts are u = (a + b)/2 and v = (a - b)/2. The result maps each variable's name to an array
    of shape (N,), exponents and their errors to (N, 2), largest first, in nats per step.
    """
    return observed(u, v, mu, schedule, noise)[0]


def observed(
    u: Floats, v: Floats, mu: Floats, schedule: Schedule, noise: Noise = SILENCE
) -> tuple[Outcome, Floats]:
    """Do what `explore` does; the outcome, and the number of steps that each cell cost."""
    known = schedule.shortcuts and noise.index == QUIET
    fate = theory.fate(mu, u, v) if known else np.full(u.shape, Fate.OPEN, dtype=np.uint8)
    shared = attractors.shared(u, v, mu, fate, schedule)
    survey = run(u, v, mu, schedule, noise, shared.known)
    with np.errstate(all="ignore"):  # escaped lanes are inf or NaN; every use masks them
        verdict = judge(survey, fate, schedule, noise)
        survey, verdict = shared.fill(survey, verdict)
        outcome = observe(survey, verdict, schedule, noise, (u, v, mu))
    return outcome, survey.steps + shared.steps


def judge(survey: Survey, fate: Flags, schedule: Schedule, noise: Noise) -> Verdict:
    """Label N cells by the ladder; `fate` is what a theorem says of each (codes.Fate)."""
    state = survey.state
    e, s = residual_and_norm(state)
    escaped = state[kernels.ESCAPED] > 0.0
    collapsed = ~escaped & (s < ORIGIN)
    collapsed[collapsed] = _origin_attracts(state[kernels.MU, collapsed], noise.of(collapsed))
    converged = ~escaped & ~collapsed & _is_converged(state, schedule, noise)
    # On e = 0 at a minimum that is not stable a run stands still by rounding: no rung holds.
    lawful = not noise.is_random
    still = lawful & noise.step.fits & (e * e <= CONVERGED)
    rest = ~(escaped | collapsed | converged | still)
    cycle = find_cycles(state, rest & lawful, schedule.max_period, noise)
    periodic = cycle[cycles.PERIOD] > 0.0
    # On a cycle that is not stable: by rounding too, for no orbit near it stays.
    rest &= cycle[cycles.PERIOD] == 0.0
    rose = state[kernels.RISE] > 0.0
    # By theorem it converges, and a rise already seen makes it a catapult, however slow it is.
    slow = (fate == Fate.CONVERGES) & rest & rose
    diverges = (fate == Fate.DIVERGES) & ~converged & ~collapsed
    # Beyond mu = 2 the map lets almost every orbit escape, if after a long time; none is chaotic.
    mu, strength = state[kernels.MU], state[kernels.AMPLITUDE]
    lasting = noise.is_random | noise.step.lasts(mu, strength)
    chaotic = rest & lasting & grows(survey.rates[0], survey.errors[0], schedule.measure)
    rungs = {
        Regime.DIVERGENT: diverges | escaped,
        Regime.COLLAPSED: collapsed,
        Regime.CATAPULT: (converged & rose) | slow,
        Regime.MONOTONE: converged,
        Regime.PERIODIC: periodic,
        Regime.CHAOTIC: chaotic,
        Regime.BOUNDED_NOISE: rest & noise.is_random & _is_contracting(survey),
    }
    regime = np.select(list(rungs.values()), list(rungs), Regime.UNDECIDED).astype(np.uint8)
    theorem = diverges | ((fate == Fate.CONVERGES) & (converged | slow))
    decided_by = np.select(
        [theorem, regime == Regime.PERIODIC, regime != Regime.UNDECIDED],
        [DecidedBy.THEOREM, DecidedBy.CYCLE, DecidedBy.MEASUREMENT],
        DecidedBy.NONE,
    ).astype(np.uint8)
    return Verdict(regime, decided_by, converged, cycle)


def _origin_attracts(mu: Floats, noise: Noise) -> Mask:
    """Whether orbits near the origin stay: always without noise.

    For only U = 0 leads there, or a law makes the origin attract.
    """
    if not noise.is_random:
        return np.ones(mu.shape, dtype=bool)
    exponents, errors = origin_exponents(mu, noise)
    return np.asarray((exponents + SIGNIFICANT * errors < 0.0).all(axis=0))


def _is_converged(state: Floats, schedule: Schedule, noise: Noise) -> Mask:
    """At a minimum that is stable: linearly, or under multiplicative noise almost surely.

    Under noise |e| falls below any bound again and again where E log|1 - hS| is small and
    positive (on-off intermittency), so its sign is asked as well as a long quiet window.
    """
    if not noise.is_random:
        return at_minimum(state, noise)
    e, s = residual_and_norm(state)
    quiet_since = state[kernels.MARK_STEP] + kernels.SPAN
    settled = (e * e <= CONVERGED) & (noise.index == MULTIPLICATIVE)
    settled &= quiet_since <= schedule.total - schedule.measure // WINDOW
    stable = np.zeros_like(settled)
    stable[settled] = minimum_exponent(s[settled], noise.of(settled)) < 0.0
    return stable


def _is_contracting(survey: Survey) -> Mask:
    return survey.rates[0] < -SIGNIFICANT * survey.errors[0]
