"""The laws of the step that draw nothing: each in a file of its own, and in this list."""

from collections.abc import Container
from typing import Any, Final

from lt2f.dynamics.steps.decay import Decay
from lt2f.dynamics.steps.huber import PseudoHuber
from lt2f.dynamics.steps.step import Line, Map, Step

__all__ = ["MAP", "STEPS", "Line", "Step", "of_step"]

MAP: Final = Map()
STEPS: Final[dict[str, Step]] = {law.name: law for law in (Decay(), PseudoHuber())}
"""By name. A coordinate of the same name is the strength in each cell."""


def of_step(coordinates: Container[Any], other: str) -> str:
    """Return the law of the step that a coordinate brings in; without one, the `other`.

    Whoever knows theorems of the map itself asks this before: as noise, another step leaves none.
    """
    return next((name for name in STEPS if name in coordinates), other)
