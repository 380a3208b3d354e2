"""What noise changes: chances over realizations, and what is proved of edges and escape."""

import math
from dataclasses import dataclass

from lt2f.advice import batch_size
from lt2f.advice.batch_size import OfBatches
from lt2f.advice.chances import Chance, Escape, EscapeTime, realized, schedule, started
from lt2f.advice.question import Question
from lt2f.dynamics import noise_theory, theory


@dataclass(frozen=True, slots=True)
class UnderNoise:
    """What noise changes. Learning rates are NaN where there is none.

    `chances` are those of the start within `tried_steps`, and where none was given
    (`from_minimum`) of one next to the flattest minimum; `escape_time` is None where no run
    escaped. Below `almost_surely` and
    `mean_square` the flattest minimum is stable (locally) in that sense; below `surely_bounded`
    this start stays bounded whatever the draws. `threshold` is, for noise of the target, the
    standard deviation above which balanced starts can escape. `collapses`: the origin attracts.
    `batches` is what is known of batches of prompts alone.
    """

    chances: tuple[Chance, ...]
    tried_steps: int
    from_minimum: bool
    escape_time: EscapeTime | None
    almost_surely: float
    mean_square: float
    surely_bounded: float
    threshold: float
    collapses: bool
    escape: Escape
    reason: str
    batches: OfBatches | None = None


def under_noise(question: Question) -> UnderNoise:
    """Run all realizations of a question, and say what theory says."""
    chances, time = realized(question)
    if question.model == "prompts":
        found = batch_size.of_batches(question, chances)
        possible, reason = batch_size.escape(question)
        rates = (found.almost_surely, found.mean_square, math.nan, math.nan)
        collapses = batch_size.collapses(question)
    else:
        found = None
        possible, reason = _escape(question)
        rates, collapses = (_target_rates if question.model == "target" else _rates)(question)
    if possible == "not excluded" and time is not None:
        possible, reason = "possible", "seen"
    return UnderNoise(
        chances,
        schedule(question).total,
        question.start is None,
        time,
        *rates,
        collapses,
        possible,
        reason,
        found,
    )


def _rates(question: Question) -> tuple[tuple[float, float, float, float], bool]:
    eta, mu, noise = question.learning_rate, question.mu, question.noise
    almost = noise_theory.almost_sure_threshold(noise, question.law)
    square = float(noise_theory.mean_square_threshold(noise))
    # The flattest minimum has a^2 + b^2 = 2 mu.
    edges = eta * almost / (2.0 * mu), eta * square / (2.0 * mu)
    return (*edges, eta * _surely_bounded(question), math.nan), False


def _target_rates(question: Question) -> tuple[tuple[float, float, float, float], bool]:
    mu, noise, law = question.mu, question.noise, question.law
    most = max(float(x) for x in noise_theory.origin_exponents(mu, noise, law))
    threshold = float(noise_theory.target_escape_threshold(mu, law)) if mu <= 2 else math.nan
    return (math.nan, math.nan, math.nan, threshold), most < 0.0


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
    u, v = (math.sqrt(largest) * x for x in started(question))
    if theory.ellipse(mu * largest, u, v) > 0.0:
        return "possible", "outside the ellipse of the largest step: that step repeated leads away"
    if largest > 2.0:
        return "not excluded", "the multiplier can be negative, where no theorem holds"
    return "impossible", "proved: the ellipse of the largest step holds every orbit"


def _target(question: Question) -> tuple[Escape, str]:
    mu, bound = question.mu, question.noise * noise_theory.SUPPORT[question.law]
    u, v = started(question)
    if v != 0.0 or mu > 2.0:
        return "not excluded", "theory covers balanced starts with mu <= 2 alone"
    if noise_theory.target_escape_is_possible(mu, question.noise, question.law):
        return "possible", "the noise exceeds the threshold for balanced starts"
    if abs(u) > math.sqrt(2.0 + mu - bound):
        return "possible", "beyond what the least target can hold"
    return "impossible", "proved: an interval of balanced starts holds every orbit"
