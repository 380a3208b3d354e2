"""The same start under noise: how often each outcome came, and how long lost runs took to leave."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lt2f.advice.given_start import State
from lt2f.advice.pools import Sampling
from lt2f.advice.question import Question
from lt2f.dynamics import escape, labels
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.lanes import SILENCE, Noise
from lt2f.dynamics.observables import Flags
from lt2f.dynamics.survey import Schedule
from lt2f.training import batches
from lt2f.training.prompt_batches import ENUMERATED

Escape: TypeAlias = Literal["impossible", "possible", "not excluded"]

SCHEDULE: Final = Schedule(transient=4000, measure=4000)
OF_PROMPTS: Final = Schedule(transient=2000, measure=2000)  # batches of prompts take long to draw
LAW: Final = 2**24  # prompts drawn, at most, to know the law of batches too many to be listed
QUANTILE: Final = 1.959963984540054  # of the standard normal law, 97.5 %
BESIDE: Final = 1.01, 0.99  # a and b over sqrt(mu) of a start next to the flattest minimum
LOST: Final = (Regime.DIVERGENT, Regime.COLLAPSED)
_SAFE: Final = (Regime.MONOTONE, Regime.CATAPULT, Regime.COLLAPSED)  # from divergence
OUTCOMES: Final = {
    "converges": (Regime.MONOTONE, Regime.CATAPULT),
    "bounded, driven by noise": (Regime.BOUNDED_NOISE,),
    "chaotic": (Regime.CHAOTIC,),
    "collapses to the origin": (Regime.COLLAPSED,),
    "diverges": (Regime.DIVERGENT,),
    "bounded, else undecided": (Regime.UNDECIDED, Regime.PERIODIC),
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
    def is_loss(self) -> bool:
        """Whether runs with this outcome are lost: they diverge or collapse."""
        return set(OUTCOMES[self.outcome]) <= set(LOST)

    @property
    def share(self) -> float:
        """The estimate, count / of."""
        return self.count / self.of


@dataclass(frozen=True, slots=True)
class EscapeTime:
    """When runs diverge: `early` of them within `burn_in`, `late` ones after, at a constant rate.

    `mean` is 1 over that rate, in steps from `burn_in` on, with its 95 % interval (Garwood's for a
    Poisson number). It is NaN where no run is late, and where some runs converge or collapse: those
    are at risk for a while alone, so that the rate falls and no mean time says when runs diverge.
    """

    mean: float
    low: float
    high: float
    early: int
    late: int
    burn_in: int


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a probability, from `count` successes in `of` trials.

    The p with (p - count/of)^2 <= z^2 p (1 - p)/of, z the normal law's quantile (Wilson 1927).
    """
    square = QUANTILE * QUANTILE
    centre = (count + square / 2.0) / (of + square)
    half = QUANTILE * math.sqrt(count * (of - count) / of + square / 4.0) / (of + square)
    # At the ends the interval reaches 0 and 1 exactly, but for rounding.
    low, high = centre - half, centre + half
    return 0.0 if count == 0 else max(low, 0.0), 1.0 if count == of else min(high, 1.0)


def schedule(question: Question) -> Schedule:
    """Return how long each realization runs."""
    return SCHEDULE if question.sampling is None else OF_PROMPTS


def started(question: Question) -> State:
    """Return the start, or for want of one that next to the flattest minimum, a = b = sqrt(mu)."""
    if question.start is not None:
        return question.start
    a, b = (math.sqrt(question.mu) * x for x in BESIDE)
    return (a + b) / 2.0, (a - b) / 2.0


def realized(question: Question) -> tuple[tuple[Chance, ...], EscapeTime | None]:
    """Run all realizations of a question, and count; the time is None where no run was lost."""
    total = question.realizations
    seen, steps = np.empty(total, dtype=np.uint8), np.empty(total, dtype=np.int64)
    for k, noise in enumerate(_noises(question)):
        seen[k], steps[k] = followed(question, noise)
    counts = {name: int(np.isin(seen, codes).sum()) for name, codes in OUTCOMES.items()}
    chances = tuple(
        Chance(name, count, total, *wilson(count, total)) for name, count in counts.items()
    )
    return chances, _escape_time(seen, steps, schedule(question).total)


def followed(question: Question, noise: Noise) -> tuple[int, int]:
    """Run one realization; its regime, and the step at which it escaped or settled (or -1)."""
    u, v, mu = (np.array([x]) for x in (*started(question), question.mu))
    found = labels.explore(u, v, mu, schedule(question), noise)
    return int(found["regime"][0]), int(found["steps"][0])


def lost(question: Question, size: int, number: int) -> int | None:
    """Return the first of `number` realizations that batches of another size lose, if any."""
    assert question.sampling is not None
    for k in range(number):
        noise = batch_noise(question.sampling, size, question.seed, k)
        if followed(question, noise)[0] in LOST:
            return k
        if noise is SILENCE:
            break
    return None


def batch_noise(sampling: Sampling, size: int, seed: int, k: int) -> Noise:
    """Return the noise of realization k of batches of a size; they are nested over sizes."""
    some = sampling.batches(size)
    if some.is_silent:
        return SILENCE
    sequence = some.sequence(seed, k, OF_PROMPTS.total)
    return Noise("prompts", batch_law(sampling, size, seed), sequence, np.zeros(1))


def batch_law(sampling: Sampling, size: int, seed: int) -> BatchLaw:
    """Return the law of h and g over batches of a size."""
    drawn = sampling.multipliers
    return _law(drawn.tobytes(), drawn.shape[1], size, sampling.replacement, seed)


@lru_cache(maxsize=32)
def _law(drawn: bytes, pool_size: int, size: int, replacement: bool, seed: int) -> BatchLaw:
    multipliers = np.frombuffer(drawn).reshape(2, pool_size)
    some = Sampling(size, pool_size, replacement, multipliers).batches()
    values, weights, exact = some.law(seed, min(LAW // size, ENUMERATED))
    return BatchLaw(values[0], values[1], weights, exact)


def _noises(question: Question) -> Iterator[Noise]:
    amplitude, sampling = np.array([question.noise]), question.sampling
    for k in range(question.realizations):
        if sampling is not None:
            yield batch_noise(sampling, sampling.batch_size, question.seed, k)
        elif question.model != "prompts":
            draws = batches.sequence(question.seed, k, SCHEDULE.total, question.law)
            yield Noise(question.model, question.law, draws, amplitude)


def _escape_time(seen: Flags, steps: NDArray[np.int64], length: int) -> EscapeTime | None:
    gone = seen == Regime.DIVERGENT
    if not gone.any():
        return None
    early = int((gone & (steps >= 0) & (steps <= escape.BURN_IN)).sum())
    late = int(gone.sum()) - early
    mean = low = high = math.nan
    if late and not np.isin(seen, _SAFE).any():
        found = escape.rate(escape.watched(steps, seen, length))
        mean, low, high = (1.0 / float(x) for x in (found.rate, found.high, found.low))
    return EscapeTime(mean, low, high, early, late, escape.BURN_IN)
