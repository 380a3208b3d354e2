"""Slabs: how the data of a grid of any size pass through little memory, in row-major order.

A slab is a box of cells that follow each other in that order: one row of the blocks in which a
variable is stored, so that each block is written once and whole.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lt2f.pipeline.store import Store

if TYPE_CHECKING:
    from lt2f.pipeline.plan import Chunk, Plan

SLAB_BYTES = 2**27  # of all variables together
Box = tuple[slice, ...]


def blocks(shape: Sequence[int], tile: Sequence[int], room: int) -> list[int]:
    """Sides of the blocks: those of a tile, or fewer where a row of tiles exceeds `room` cells."""
    sides = [min(size, side) for size, side in zip(shape, tile, strict=True)]
    for axis, side in enumerate(sides):
        fitting = room // math.prod(shape[axis + 1 :])
        if fitting >= side:
            break
        sides[axis] = 2 ** max(fitting.bit_length() - 1, 0)
        if fitting:
            break
    return sides


def cut(shape: Sequence[int], sides: Sequence[int], room: int) -> Iterator[Box]:
    """Cut a grid into slabs of at most `room` cells each, in row-major order."""
    rows = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    fits = (axis for axis, row in enumerate(rows) if row * sides[axis] <= room)
    axis = next(fits, len(shape) - 1)
    rest = tuple(slice(0, size) for size in shape[axis + 1 :])
    for lead in np.ndindex(*shape[:axis]):
        for first in range(0, shape[axis], sides[axis]):
            here = slice(first, min(first + sides[axis], shape[axis]))
            yield (*(slice(k, k + 1) for k in lead), here, *rest)


@dataclass(frozen=True)
class Gatherer:
    """Puts slabs of a plan's variables together from its chunks.

    `kinds` names the variables, each with its type and the sizes of its dimensions beside the axes;
    `wait` is asked for every chunk by name, and returns when the store has it.
    """

    plan: "Plan"
    chunks: "Sequence[Chunk]"
    store: Store
    kinds: Mapping[str, tuple[str, tuple[int, ...]]]
    wait: Callable[[str], None]

    def __call__(self, box: Box) -> dict[str, NDArray[Any]]:
        """Return the variables in a box of cells; counts are added up over the counted axis."""
        shape = tuple(span.stop - span.start for span in box)
        slab = {n: np.zeros((*shape, *extra), dtype) for n, (dtype, extra) in self.kinds.items()}
        for chunk in self._near(box):
            self.wait(chunk.name)
            place = tuple(chunk.place[k] for k in self._kept)
            common = [_common(one, two) for one, two in zip(place, box, strict=True)]
            here, there = _seen_from(box, common), _seen_from(place, common)
            with self.store.open(chunk.name) as arrays:
                for name, values in slab.items():
                    part = _plain_nan(arrays[name][there])
                    values[here] = values[here] + part if self.plan.task.count else part
        return slab

    @cached_property
    def _kept(self) -> list[int]:
        """Axes that are dimensions of the dataset."""
        return [k for k, axis in enumerate(self.plan.axes) if axis in self.plan.dims]

    @cached_property
    def _cuts(self) -> list[list[slice]]:
        return self.plan.cuts()

    def _near(self, box: Box) -> "Iterator[Chunk]":
        """Yield the chunks that have cells in a box: all of them along a counted axis."""
        spans = dict(zip(self._kept, box, strict=True))
        shape = [len(cuts) for cuts in self._cuts]
        near = [
            [k for k, cut in enumerate(cuts) if axis not in spans or _meet(cut, spans[axis])]
            for axis, cuts in enumerate(self._cuts)
        ]
        for place in itertools.product(*near):
            yield self.chunks[int(np.ravel_multi_index(place, shape))]


def _meet(one: slice, two: slice) -> bool:
    return bool(one.start < two.stop and two.start < one.stop)


def _common(one: slice, two: slice) -> slice:
    return slice(max(one.start, two.start), min(one.stop, two.stop))


def _seen_from(box: Sequence[slice], inner: Sequence[slice]) -> Box:
    """Say where a part of a box is, counted from the box's own corner."""
    return tuple(
        slice(part.start - span.start, part.stop - span.start)
        for span, part in zip(box, inner, strict=True)
    )


def _plain_nan(values: NDArray[Any]) -> NDArray[Any]:
    """Give every NaN the same bits, so that equal results have equal hashes."""
    if values.dtype.kind == "f":
        values[np.isnan(values)] = np.nan
    return values
