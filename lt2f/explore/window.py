"""A finer grid over the window that is looked at, coarse and short first."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics.lanes import Floats
from lt2f.explore.atlas import Cells
from lt2f.explore.view import COLOURS, Point, Window
from lt2f.pipeline.solve import Task, solve

FINEST: Final = 480, 360
"""Cells across and up a window in the end."""
PATIENCE: Final = 8.0
"""Seconds after which longer runs are given up; the shorter ones stay."""

_ROUNDS: Final = ((60, 45), (500, 250)), ((240, 180), (2000, 1000))
_COLUMNS: Final = 16  # that are computed between two looks at whether anybody still waits


@dataclass(frozen=True, slots=True)
class Round:
    """Cells across and up, and the steps that runs discard and measure."""

    shape: tuple[int, int]
    lengths: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """What was found of the cells of a window, shape (up, across), and how it was computed."""

    window: Window
    cells: Cells
    round: Round
    seconds: float


class Patience:
    """Tells whether to stop: nobody waits any more, or it has taken too long."""

    def __init__(self, left: Callable[[], bool]) -> None:
        self._left, self._end = left, time.monotonic() + PATIENCE

    def is_over(self, first: bool) -> bool:
        """Tell whether to stop; the first round, which is short, is waited for on any machine."""
        return self._left() or (not first and time.monotonic() > self._end)


def rounds(lengths: tuple[int, int]) -> Iterator[Round]:
    """Yield the rounds of a window: never longer runs than those of the sweep, which come last."""
    for shape, few in _ROUNDS:
        yield Round(shape, (min(few[0], lengths[0]), min(few[1], lengths[1])))
    yield Round(FINEST, lengths)


def middles(low: float, high: float, count: int) -> Floats:
    """Return the middles of equal cells between two ends."""
    return low + (high - low) * (np.arange(count) + 0.5) / count


def compute(
    task: Task, axes: tuple[str, str], point: Point, window: Window, round_: Round,
    stopped: Callable[[], bool] = lambda: False,
) -> Grid | None:  # fmt: skip
    """Compute the cells of a window, with the point's other coordinates; None if stopped.

    All that maps are coloured by, for a run finds it anyway.
    """
    began = time.perf_counter()
    lengths = dict(zip(("transient", "measure"), round_.lengths, strict=True))
    short = replace(task, record=COLOURS, iterations={**task.iterations, **lengths})
    x, y = (
        middles(*ends, count)
        for ends, count in zip((window[:2], window[2:]), round_.shape, strict=True)
    )
    if axes[0] == "mu":
        x = np.maximum(x, np.finfo(np.float64).tiny)  # a window may reach beyond mu = 0
    scalars = {name: value for name, value in point.items() if name not in axes}
    columns = []
    for first in range(0, x.size, _COLUMNS):
        if stopped():
            return None
        part = {axes[0]: x[first : first + _COLUMNS], axes[1]: y}
        columns.append(solve(short, part, scalars))
    return Grid(window, _together(columns), round_, time.perf_counter() - began)


def _together(columns: list[dict[str, NDArray[Any]]]) -> Cells:
    """Put columns side by side, and of the exponents the larger one, as arrays of (up, across)."""
    cells = {}
    for name in COLOURS:
        values = np.concatenate([part[name] for part in columns])
        cells[name] = np.ascontiguousarray((values[..., 0] if values.ndim > 2 else values).T)
    return cells
