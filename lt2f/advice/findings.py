"""All that was found about a learning rate, before it is put into words."""

import math
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from lt2f.advice.attractor import Attractor, Neighbours
from lt2f.advice.chances import UnderNoise
from lt2f.advice.question import Question
from lt2f.advice.start import Limits, Outcome


@dataclass(frozen=True, slots=True)
class Findings:
    """What a learning rate does, for almost every start and for one.

    Every rate is in the units of `question.learning_rate`. `converges` is the largest learning
    rate with a stable minimum, 1/|c y|, and `bounded` the largest with bounded starts, twice that.
    `outcome` and `limits` are None where no start was given, `under_noise` where there is no noise.
    """

    question: Question
    mu: float
    converges: float
    bounded: float
    attractor: Attractor
    neighbours: Neighbours
    outcome: Outcome | None
    limits: Limits | None
    under_noise: UnderNoise | None
    assumed: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON: codes by name, None for what is not a finite number."""
        plain = _plain(asdict(self))
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    """Turn nested data into what JSON can write."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, IntEnum):
        return value.name.lower()
    return None if isinstance(value, float) and not math.isfinite(value) else value
