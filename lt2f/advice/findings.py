"""All that was found about a learning rate, before it is put into words."""

import math
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from lt2f.advice.attractor import Attractor, Neighbours
from lt2f.advice.descent import Trained
from lt2f.advice.question import Question
from lt2f.advice.start import Limits, Outcome
from lt2f.advice.under_noise import UnderNoise


@dataclass(frozen=True, slots=True)
class Ladder:
    """Learning rates at which the regimes of balanced bounded starts end, in their order.

    No rise of the loss up to `monotone`, convergence up to `converges` (1/|c y|), cycles whose
    period doubles up to `cycles`, chaos with windows of cycles up to `bounded` (2/|c y|).
    """

    monotone: float
    converges: float
    cycles: float
    bounded: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What a learning rate does, for almost every start and for one.

    Every rate is in the units of `question.learning_rate`.

    Attributes
    ----------
    question
        What was asked, in the units of the map.
    mu
        The effective step size eta |c y|, without units.
    ladder
        Learning rates at which the regimes end.
    attractor
        Where almost every bounded start ends at this rate, and how that is known.
    neighbours
        The thresholds next to this rate.
    outcome, limits
        What the start does at this rate, and the largest rates that suit it. None without a start.
    under_noise
        Chances and edges under noise, None without it.
    trained
        What the full model itself did in training, None for all other questions.
    assumed
        What was assumed, in words.
    """

    question: Question
    mu: float
    ladder: Ladder
    attractor: Attractor
    neighbours: Neighbours
    outcome: Outcome | None
    limits: Limits | None
    under_noise: UnderNoise | None
    trained: Trained | None
    assumed: tuple[str, ...]

    @property
    def converges(self) -> float:
        """The largest learning rate with a stable minimum, 1/|c y|."""
        return self.ladder.converges

    @property
    def bounded(self) -> float:
        """The largest learning rate with bounded starts, 2/|c y|."""
        return self.ladder.bounded

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: codes by name, None for what is not a finite number.

        What `repr` leaves out, prompts and weights, is left out here too.
        """
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    """Turn nested data into what JSON can write."""
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value) if part.repr}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Enum):
        return value.name.lower()
    return None if isinstance(value, float) and not math.isfinite(value) else value
