"""Batches of prompts: their edges, and the smallest batch that loses no run.

A run is lost if it diverges or collapses. A batch of size B is the first B prompts of any larger
one of the same step and realization, so sizes are compared on the same draws. That larger batches
lose no more runs is plausible, for the variances of h and g fall with the size, but not proved:
the search says so where it sees otherwise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from lt2f.advice import chances, noises
from lt2f.advice.chances import LOST, Chance, Escape, wilson
from lt2f.advice.pools import Sampling
from lt2f.advice.question import Question
from lt2f.dynamics import batch_theory, theory
from lt2f.dynamics.averages import SIGNIFICANT
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.lanes import SILENCE

TRIED: Final = 64  # runs of each other batch size that is tried, if so many were asked for
MOST_TRIED: Final = 2**10  # prompts in a batch, with replacement
DRAWN: Final = 2**11  # prompts drawn in a step of all of them, at most; but a few runs at least
LADDER: Final = 1.02  # neighbouring sharpnesses at which a first loss of stability is looked for
STEPS: Final = 1000
FINE: Final = 16  # a smallest size is found to a part in this, and exactly up to twice this
BESIDE: Final = (2, 4)  # multiples of the smallest size at which the order is tried again
AGREE: Final = 1e-12  # largest distance of h and g, over the largest h, that is rounding


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest batch that loses no run. `decided` is false where the order of sizes fails.

    `size` lost none of `tried` runs (its chance of loss is then below `at_most`, 95 %), `below` is
    a smaller size, which lost some (the next one, or one within 1/16), and `above` are larger ones
    tried. `size` is None where the full batch is lost too (`failed` 0), or every size tried up to
    `failed` lost runs.
    """

    size: int | None
    tried: int
    at_most: float
    below: int | None
    above: tuple[int, ...]
    failed: int
    decided: bool


@dataclass(frozen=True, slots=True)
class OfBatches:
    """What is known of batches of prompts.

    Learning rates `almost_surely` (with the standard error of a sampled law, 0 for a listed one)
    and `mean_square`: below them two runs on the same batches come together near the flattest
    minimum, in that sense. `deviation` is that of h, a batch's mean c^2 over that of all.
    `wander` is the standard deviation of the product ab about its best value over that value, at
    the flattest minimum and to first order in how the prompts disagree (NaN: no such order);
    0 where all agree. `law_listed`: the law of all batches, not a sample of it, was used.
    """

    almost_surely: float
    almost_surely_error: float
    mean_square: float
    deviation: float
    wander: float
    law_listed: bool
    smallest: Smallest


def of_batches(question: Question, seen: tuple[Chance, ...]) -> OfBatches:
    """Say what theory knows of these batches, and search for the smallest."""
    sampling, mu = _sampling(question), question.mu
    covariance = sampling.batches().covariance()
    law = _law(question)
    flattest = 2.0 * mu
    unit = question.learning_rate / flattest
    square = batch_theory.mean_square_threshold(covariance)
    almost, error = _almost_sure(law, square)
    variance = float(batch_theory.residual_variance(mu, flattest, covariance))
    return OfBatches(
        almost_surely=unit * almost,
        almost_surely_error=unit * error,
        mean_square=unit * square,
        deviation=math.sqrt(covariance[0, 0]),
        wander=math.sqrt(max(variance, 0.0)) / mu,
        law_listed=law.exact,
        smallest=smallest(question, not any(c.count for c in seen if c.is_loss)),
    )


def collapses(question: Question) -> bool:
    """Tell whether the origin attracts, beyond four standard errors where the law is sampled."""
    means, errors = batch_theory.origin_exponents(question.mu, _law(question))
    return bool((means + SIGNIFICANT * errors < 0.0).all())


def escape(question: Question) -> tuple[Escape, str]:
    """Tell whether this start can escape under some draws, and how that is known.

    A batch with means (h, g), repeated, is the map at mu |g| from the start times sqrt(h), with b
    negated if g < 0: it diverges for almost every start outside that map's ellipse. Where all
    prompts agree, h = g, batches are steps of size h, and none leaves the ellipse of the largest.
    """
    (u, v), law = chances.started(question), _law(question)
    size, mu = np.sqrt(law.h), question.mu * np.abs(law.g)
    first, second = (np.where(law.g < 0.0, x, y) for x, y in ((v, u), (u, v)))
    with np.errstate(all="ignore"):
        out = (theory.ellipse(mu, size * first, size * second) > 0.0) & (law.h > 0.0)
    if (out & (mu <= 2.0)).any():
        return "possible", "outside the ellipse of some batch, which repeated leads away"
    if (mu > 2.0).any():
        return "possible", "a batch alone has mu > 2: it led away wherever tried"
    h, g = _sampling(question).multipliers
    most = math.sqrt(h.max())
    agree = bool((np.abs(h - g) <= AGREE * h.max()).all())
    if agree and theory.ellipse(question.mu * most * most, most * u, most * v) <= 0.0:
        return "impossible", "proved: all prompts agree, and the largest step's ellipse holds"
    return "not excluded", "no theorem holds for prompts that disagree"


def _sampling(question: Question) -> Sampling:
    assert question.sampling is not None
    return question.sampling


def _law(question: Question) -> BatchLaw:
    sampling = _sampling(question)
    return chances.batch_law(sampling, sampling.batch_size, question.seed)


def _almost_sure(law: BatchLaw, low: float) -> tuple[float, float]:
    """Return the sharpness at which E log|1 - h S| first turns positive, and its standard error.

    Up to the mean-square threshold `low` it is not, by Jensen's inequality; from there a ladder is
    climbed, so that an interval narrower than its rungs may be missed. NaN where it never is.
    """

    def exponent(sharpness: float) -> tuple[float, float]:
        mean, error = batch_theory.almost_sure_exponent(sharpness, law)
        return float(mean), float(error)

    from scipy.optimize import brentq

    below = low
    for _ in range(STEPS):
        above = below * LADDER
        if exponent(above)[0] > 0.0:
            break
        below = above
    else:
        return math.nan, math.nan
    rise = exponent(above)[0] - exponent(below)[0]
    where = below
    if exponent(below)[0] < 0.0:
        where = float(brentq(lambda s: exponent(s)[0], below, above, xtol=1e-12 * above))
    return where, exponent(where)[1] * (above - below) / rise if rise > 0.0 else math.nan


# The smallest batch


def smallest(question: Question, keeps: bool) -> Smallest:
    """Search for the smallest batch that loses no run, from that asked for, which does or not."""
    sampling = _sampling(question)
    top = sampling.pool_size
    if sampling.replacement:
        top = max(MOST_TRIED, sampling.batch_size)
    if chances.followed(question, SILENCE)[0] in LOST:
        return Smallest(None, 1, math.nan, None, (), 0, decided=True)

    @cache
    def loses(size: int) -> bool:
        if size == sampling.batch_size:
            return not keeps
        return chances.lost(question, size, _runs(question, size)) is not None

    bad, good = _bracket(sampling.batch_size, top, loses)
    if good is None:
        return Smallest(None, _runs(question, bad), math.nan, None, (), bad, decided=True)
    while good - bad > max(bad // FINE, 1):
        middle = (bad + good) // 2
        bad, good = (middle, good) if loses(middle) else (bad, middle)
    beside = tuple(size for k in BESIDE if (size := min(k * good, top)) > good)
    above = tuple(dict.fromkeys(beside))
    decided = not any(loses(size) for size in above)
    tried = _runs(question, good)
    silent = sampling.batches(good).is_silent  # the full batch: one run says it all
    at_most = 0.0 if silent else wilson(0, tried)[1]
    return Smallest(good, 1 if silent else tried, at_most, bad or None, above, 0, decided)


def _bracket(size: int, top: int, loses: Callable[[int], bool]) -> tuple[int, int | None]:
    """Double a size that loses runs until one keeps all; (0, 1) if 1 does.

    From a size that keeps them it begins at 1: small batches are quick to draw.
    """
    last = size if loses(size) else 0
    size = 2 * size if last else 1
    while loses(min(size, top)):
        last, size = min(size, top), 2 * size
        if last == top:
            return last, None
    return last, min(size, top)


def _runs(question: Question, size: int) -> int:
    """Runs of a size: all that were asked for of that asked for, else a number that is quick.

    Smaller batches may have more runs, which draw no more prompts.
    """
    runs, asked = question.realizations, _sampling(question).batch_size
    if size == asked:
        return runs
    return min(noises.affordable(size, DRAWN, TRIED), max(runs, runs * asked // size))
