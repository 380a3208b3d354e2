"""What becomes of one start, and the largest learning rates that suit it."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lt2f.advice import runs
from lt2f.advice.attractor import SCHEDULE
from lt2f.advice.question import Question
from lt2f.advice.runs import Run
from lt2f.dynamics import labels, theory, thresholds
from lt2f.dynamics.codes import Fate, Regime
from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.observables import Flags

TRIED: Final = 1024  # learning rates in a round of the search
ROUNDS: Final = 2
REST: Final = 2.0**-44  # relative residual at which a start is a minimum to rounding
OPPOSITE: Final = "u and w are opposite: descent leads to the saddle at the origin"
AT_REST: Final = "the start is a minimum; it is stable below 2 over its sharpness"
ON_EDGE: Final = "the start is on the ellipse to rounding, which chooses its side"
LEAST: Final = 1e-6
BESIDE: Final = 2.0**-46  # relative distance of a rate from the edge that is rounding
_MONOTONE_END: Final = thresholds.closed_thresholds()[0].mu


@dataclass(frozen=True, slots=True)
class Outcome(Run):
    """What this start does at this learning rate.

    `sharpness` is the tangent kernel c^2 (u^2 + w^2) at the end, at a minimum the largest
    eigenvalue of the loss's Hessian; elsewhere it is not, and a mean where the end is no point.
    `scaled_sharpness` is the learning rate times it, `scaled_imbalance` the final a^2 - b^2,
    `imbalance` the final u^2 - w^2 (NaN: the factor is unknown), `loss_peak_ratio` the largest loss
    over the first one, `steps` those until escaped or |ab - mu| stays below 1e-12 (-1: neither, or
    mu is below `LEAST`, where that is no small residual).
    """

    inside: bool
    converges_by_theorem: bool
    imbalance: float
    scaled_imbalance: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Learning rates for a start: below `bounded` it stays so, up to `converges` it converges.

    Both hold for almost every start (NaN: there is none). Below `monotone_proved` the loss never
    rises. From there to `converges` a grid was tried, `spacing` apart: below `monotone` none rose,
    `first_rise` is the least one seen to (NaN: none); `certain` is false where slowness, not a
    rise, ended the search. What is narrower than the spacing may have been missed.
    """

    bounded: float
    converges: float
    monotone_proved: float
    monotone: float
    first_rise: float
    spacing: float
    certain: bool = True
    note: str = ""


def outcome(question: Question) -> Outcome:
    """Follow the start at its learning rate."""
    assert question.start is not None
    u, v, mu = (np.array([x]) for x in (*question.start, question.mu))
    found = labels.explore(u, v, mu, SCHEDULE)
    eta, imbalance = question.learning_rate, float(found["imbalance_final"][0])
    size = math.nan if question.factor is None else question.factor
    ran = runs.read(found, eta, SCHEDULE.total)
    return Outcome(
        **ran if question.mu >= LEAST else {**ran, "steps": -1},
        inside=bool(theory.ellipse(mu, u, v)[0] < 0.0 and question.mu < 2.0),
        converges_by_theorem=bool(theory.fate(mu, u, v)[0] == Fate.CONVERGES),
        imbalance=imbalance / (eta * size * size),
        scaled_imbalance=imbalance,
    )


def limits(question: Question) -> Limits:
    """Find the largest learning rates for a start."""
    assert question.start is not None
    (u, v), (a, b), eta, mu = question.start, question.factors, question.learning_rate, question.mu
    bounded = float(theory.edge_step_size(a, b, mu))
    if u == 0.0:
        nowhere = math.nan
        return Limits(eta * bounded, nowhere, nowhere, nowhere, nowhere, nowhere, note=OPPOSITE)
    if abs(a * b - mu) < REST * (a * a + b * b + mu):
        stable = eta * 2.0 / (a * a + b * b)
        return Limits(eta * bounded, stable, stable, stable, math.nan, 0.0, note=AT_REST)
    ends = float(theory.convergent_step_size(a, b, mu))
    proved = monotone_ratio(question)
    good, bad, spacing, certain = _search(u, v, mu, proved, ends)
    return Limits(
        bounded=eta * bounded,
        converges=eta * ends,
        monotone_proved=eta * proved,
        monotone=eta * good,
        first_rise=eta * bad,
        spacing=eta * spacing,
        certain=certain,
        note=ON_EDGE if abs(bounded - 1.0) < BESIDE else "",
    )


def monotone_ratio(question: Question) -> float:
    """Return a ratio of learning rates below which the loss of a start provably never rises.

    Derived: in units of the present learning rate let R = |ab - mu| at the start, d = a^2 - b^2
    and M = sqrt(d^2 + 4 (mu + R)^2). As long as the loss has not risen, |ab - mu| <= R, and |d| has
    not grown, for each step multiplies it by 1 - e^2 with |e| <= sqrt(2): so S <= r M. The loss
    rises iff e'/e = 1 - S + e ab is below -1 or above 1. As e ab >= -(r mu)^2/4, and |e ab| <= S/2
    where |e| <= r R <= 1, it never is while r M <= 2 - (r mu)^2/4, which ends at
    r = 4/(M + sqrt(M^2 + 2 mu^2)). On balance, bounded, the loss never rises up to
    mu = 2 sqrt2 - 2 either, where the largest |e'/e|, mu + mu^2/4, is 1.
    """
    (a, b), mu = question.factors, question.mu
    most = math.hypot((a - b) * (a + b), 2.0 * (mu + abs(a * b - mu)))
    ratio = 4.0 / (most + math.hypot(most, math.sqrt(2.0) * mu))
    if question.balanced:
        edge = float(theory.edge_step_size(a, b, mu))
        ratio = max(ratio, min(edge, _MONOTONE_END / mu))
    return ratio


def _search(
    u: float, v: float, mu: float, low: float, high: float
) -> tuple[float, float, float, bool]:
    """Look between two ratios for the first rise of the loss, then between those next to it.

    Returns the last ratio without a rise, the first with one (NaN: none), the spacing of the first
    round, and whether a rise or the end, not an undecided run, stopped the search.
    """
    good, bad, spacing, why = low, high, (high - low) / TRIED, Regime.MONOTONE
    if not low < high:
        return high, math.nan, 0.0, True
    for _ in range(ROUNDS):
        tried = np.linspace(good, bad, TRIED + 1)
        seen = _regimes(u, v, mu, tried[1:-1])
        stopped = np.flatnonzero(seen != Regime.MONOTONE)
        if stopped.size:
            place = int(stopped[0])
            good, bad, why = float(tried[place]), float(tried[place + 1]), Regime(seen[place])
        elif why != Regime.MONOTONE:  # in this round it is the end alone that stops
            good = float(tried[-2])
        else:
            return high, math.nan, spacing, True
    certain = why == Regime.CATAPULT
    return good, bad if certain else math.nan, spacing, certain


def _regimes(u: float, v: float, mu: float, ratios: Floats) -> Flags:
    scale = np.sqrt(ratios)
    found = labels.explore(u * scale, v * scale, mu * ratios, SCHEDULE)["regime"]
    return np.asarray(found, dtype=np.uint8)
