"""What mu alone says: the end of almost every bounded start, and the thresholds next to it."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias

import numpy as np

from lt2f.dynamics import cycles, theory, thresholds
from lt2f.dynamics.attractors import Attractors, attractors
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.survey import Schedule

Ending: TypeAlias = Literal[
    "converges to a minimum", "cycles", "is chaotic", "diverges", "undecided"
]

SCHEDULE: Final = Schedule(transient=20_000, measure=20_000)
_KNOWN: Final = {row.id: row.mu for row in thresholds.closed_thresholds()}
MONOTONE_END: Final = _KNOWN["monotone_end"]
_BY_THEOREM: Final = _KNOWN["doubling_2"]


@dataclass(frozen=True, slots=True)
class Attractor:
    """Where almost every bounded start ends at one mu, and how that is known.

    `period` is that of the factors and `loss_period` that of the loss (0: none), `exponent` the
    largest Lyapunov exponent in nats per step with its standard error (NaN: not measured).
    """

    ending: Ending
    decided_by: DecidedBy
    reason: str
    period: int = 0
    loss_period: int = 0
    exponent: float = math.nan
    exponent_error: float = math.nan


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A threshold, and the learning rate that reaches it.

    `margin` is how far that rate is above the one asked (negative: below), `ratio` their quotient.
    """

    id: str
    name: str
    mu: float
    learning_rate: float
    margin: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The located thresholds next to a mu; `on` is one that it equals to rounding."""

    below: Neighbour | None
    on: Neighbour | None
    above: Neighbour | None


@cache  # a tenth of a second
def _located() -> tuple[thresholds.Threshold, ...]:
    """List the thresholds that change a regime, as a superstable cycle does not."""
    rows = thresholds.full_table()
    return tuple(row for row in rows if not row.id.startswith("superstable"))


def neighbours(mu: float, learning_rate: float) -> Neighbours:
    """Find the located thresholds next to mu."""
    rows = [
        Neighbour(row.id, row.name, row.mu, rate, rate - learning_rate, row.mu / mu)
        for row in _located()
        for rate in [learning_rate * row.mu / mu]
    ]
    slack = 4 * math.ulp(mu)  # mu is a product that was rounded
    return Neighbours(
        max((row for row in rows if row.mu < mu - slack), key=lambda row: row.mu, default=None),
        next((row for row in rows if abs(row.mu - mu) <= slack), None),
        min((row for row in rows if row.mu > mu + slack), key=lambda row: row.mu, default=None),
    )


def rungs() -> tuple[float, float, float, float]:
    """Return the mu at which balanced bounded starts cease to be monotone, converge, cycle, stay.

    Up to the third the period of the cycle doubles; beyond it is chaos, with windows of cycles.
    """
    onset = thresholds.accumulation().mu
    return MONOTONE_END, _KNOWN["doubling_1"], onset, _KNOWN["chebyshev"]


def attractor(mu: float) -> Attractor:
    """Tell where almost every bounded start ends, by theory where it reaches, else by a run.

    Up to 1 a minimum, up to sqrt(5) - 1 the two-cycle, which is stable there; from 2 on nothing
    is bounded but a set of area zero. Between, the residual follows on balance a cubic map with one
    free critical point, whose orbit finds the one attracting cycle there may be.
    """
    if mu <= 1.0:
        reason = "proved" if mu < 1.0 else "proved; at mu = 1 slower than any exponential"
        return Attractor("converges to a minimum", DecidedBy.THEOREM, reason, 1, 1)
    if mu < _BY_THEOREM:
        along, _ = theory.two_cycle_multipliers(mu)
        reason = f"proved up to mu = sqrt(5) - 1; multiplier {float(along):.3g}"
        return Attractor("cycles", DecidedBy.THEOREM, reason, 2, 2)
    if mu == 2.0:
        return Attractor("diverges", DecidedBy.THEOREM, "proved: the bounded starts have no area")
    if mu > 2.0:
        return Attractor(
            "diverges", DecidedBy.INFERRED, "seen wherever it was tried for mu > 2, not proved"
        )
    return _found(attractors(np.array([mu]), SCHEDULE))


def _found(run: Attractors) -> Attractor:
    """Put the attractor of one mu into words."""
    if run.regime[0] == Regime.PERIODIC:
        period, loss_period = (
            int(run.cycle[row, 0]) for row in (cycles.PERIOD, cycles.RESIDUAL_PERIOD)
        )
        reason = "cycle refined, stable by its multipliers; no other can attract"
        return Attractor("cycles", DecidedBy.CYCLE, reason, period, loss_period)
    exponent, error = float(run.rates[0, 0]), float(run.errors[0, 0])
    if run.regime[0] == Regime.CHAOTIC:
        reason = f"measured: exponent {exponent:.3f} ± {error:.3f} per step"
        return Attractor(
            "is chaotic", DecidedBy.MEASUREMENT, reason, exponent=exponent, exponent_error=error
        )
    most = SCHEDULE.max_period
    reason = f"no cycle up to period {most} found stable, no exponent beyond its error"
    return Attractor("undecided", DecidedBy.NONE, reason)
