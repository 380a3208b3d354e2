"""The same start under the noise of mini-batches: chances over realizations, and what is proved."""

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from lt2f.advice.question import Question
from lt2f.dynamics import labels, noise_theory, theory
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.lanes import Noise
from lt2f.dynamics.survey import Schedule
from lt2f.training import batches

Escape: TypeAlias = Literal["impossible", "possible", "not excluded"]

SCHEDULE: Final = Schedule(transient=4000, measure=4000)
QUANTILE: Final = 1.959963984540054  # of the standard normal law, 97.5 %
OUTCOMES: Final = {
    "converges": (Regime.MONOTONE, Regime.CATAPULT),
    "bounded, driven by noise": (Regime.BOUNDED_NOISE,),
    "chaotic": (Regime.CHAOTIC,),
    "collapses to the origin": (Regime.COLLAPSED,),
    "diverges": (Regime.DIVERGENT,),
    "bounded, else undecided": (Regime.UNDECIDED,),
}


@dataclass(frozen=True, slots=True)
class Chance:
    """How many of K realizations had an outcome, with Wilson's 95 % interval of its probability."""

    outcome: str
    count: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The estimate, count / of."""
        return self.count / self.of


@dataclass(frozen=True, slots=True)
class UnderNoise:
    """What noise changes. Learning rates are NaN where there is none.

    Below `almost_surely` and `mean_square` the flattest minimum is stable (locally) in that sense;
    below `surely_bounded` this start stays bounded whatever the draws. `threshold` is, for noise of
    the target, the standard deviation above which balanced starts can escape.
    """

    chances: tuple[Chance, ...]
    almost_surely: float
    mean_square: float
    surely_bounded: float
    threshold: float
    collapses: bool
    escape: Escape
    reason: str


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a probability, from `count` successes in `of` trials."""
    square = QUANTILE * QUANTILE
    centre = (count + square / 2.0) / (of + square)
    half = QUANTILE * math.sqrt(count * (of - count) / of + square / 4.0) / (of + square)
    # At the ends the interval reaches 0 and 1 exactly, but for rounding.
    low, high = centre - half, centre + half
    return 0.0 if count == 0 else max(low, 0.0), 1.0 if count == of else min(high, 1.0)


def under_noise(question: Question) -> UnderNoise:
    """Run all realizations of a question with a start, and say what theory says."""
    chances = _chances(question) if question.start is not None else ()
    eta, mu, noise, law = question.learning_rate, question.mu, question.noise, question.law
    escape, reason = _escape(question)
    if question.model == "target":
        most = max(float(x) for x in noise_theory.origin_exponents(mu, noise, law))
        threshold = float(noise_theory.target_escape_threshold(mu, law)) if mu <= 2 else math.nan
        nothing = (math.nan,) * 3
        return UnderNoise(chances, *nothing, threshold, most < 0.0, escape, reason)
    almost = noise_theory.almost_sure_threshold(noise, law)
    square = float(noise_theory.mean_square_threshold(noise))
    return UnderNoise(
        chances,
        eta * almost / (2.0 * mu),  # the flattest minimum has a^2 + b^2 = 2 mu
        eta * square / (2.0 * mu),
        eta * _surely_bounded(question),
        math.nan,
        collapses=False,
        escape=escape,
        reason=reason,
    )


def _chances(question: Question) -> tuple[Chance, ...]:
    assert question.start is not None
    u, v, mu = (np.array([x]) for x in (*question.start, question.mu))
    amplitude = np.array([question.noise])
    seen = np.empty(question.realizations, dtype=np.uint8)
    for k in range(seen.size):
        draws = batches.sequence(question.seed, k, SCHEDULE.total, question.law)
        noise = Noise(question.model, question.law, draws, amplitude)
        seen[k] = labels.explore(u, v, mu, SCHEDULE, noise)["regime"][0]
    counts = {name: int(np.isin(seen, codes).sum()) for name, codes in OUTCOMES.items()}
    return tuple(
        Chance(name, count, seen.size, *wilson(count, seen.size)) for name, count in counts.items()
    )


def _largest(question: Question) -> float:
    return float(noise_theory.largest_step(question.noise, question.law))


def _surely_bounded(question: Question) -> float:
    """Return the ratio of learning rates below which no order of draws leads away, or NaN.

    With 0 <= h <= h_max that is the edge of the ellipse for the largest step alone.
    """
    largest = _largest(question)
    if question.start is None or largest > 2.0:  # h = 1 + s xi is symmetric about 1
        return math.nan
    return float(theory.edge_step_size(*question.factors, question.mu)) / largest


def _escape(question: Question) -> tuple[Escape, str]:
    """Tell whether this start can escape under some draws, and how that is known."""
    if math.isinf(noise_theory.SUPPORT[question.law]):
        return "possible", "normal draws are unbounded, whatever their deviation"
    return _multiplicative(question) if question.model == "multiplicative" else _target(question)


def _multiplicative(question: Question) -> tuple[Escape, str]:
    largest, mu = _largest(question), question.mu
    if mu * largest > 2.0:
        known = "proved" if question.balanced else "seen wherever it was tried"
        return "possible", f"{known}: mu times the largest multiplier exceeds 2"
    if question.start is None:
        return "not excluded", "it depends on the start"
    u, v = (math.sqrt(largest) * x for x in question.start)
    if theory.ellipse(mu * largest, u, v) > 0.0:
        return "possible", "outside the ellipse of the largest step: that step repeated leads away"
    if largest > 2.0:
        return "not excluded", "the multiplier can be negative, where no theorem holds"
    return "impossible", "proved: the ellipse of the largest step holds every orbit"


def _target(question: Question) -> tuple[Escape, str]:
    mu, bound = question.mu, question.noise * noise_theory.SUPPORT[question.law]
    if not question.balanced or mu > 2.0:
        return "not excluded", "theory covers balanced starts with mu <= 2 alone"
    assert question.start is not None
    if noise_theory.target_escape_is_possible(mu, question.noise, question.law):
        return "possible", "the noise exceeds the threshold for balanced starts"
    if abs(question.start[0]) > math.sqrt(2.0 + mu - bound):
        return "possible", "beyond what the least target can hold"
    return "impossible", "proved: an interval of balanced starts holds every orbit"
