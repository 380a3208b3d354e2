"""What a worker does with the chunks that it is sent.

A worker imports this module before its first result, so it needs the mathematics and the store and
nothing else: no settings, no datasets, no cluster.
"""

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lt2f.pipeline.identity import code_sha256
from lt2f.pipeline.solve import Task, solve
from lt2f.pipeline.store import Store

PATIENCE = 1.0  # seconds: long beside what it costs to send a batch, short beside a sweep


class CodeChanged(ValueError):
    """The program was edited while it ran."""


class ChunkTooLargeError(OSError):
    """A chunk does not fit into the memory that there is where it is computed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks that one worker computes one after the other: the axes of each, by its name."""

    chunks: Mapping[str, Mapping[str, NDArray[Any]]]
    label: str  # for people

    def __str__(self) -> str:
        """Say which chunks these are."""
        return self.label


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker tells of a batch: which of its chunks are in the store now, and which not."""

    names: tuple[str, ...]
    left: tuple[str, ...]
    cells: int
    worker: int
    seconds: float


def work(batch: Batch, task: Task, scalars: Mapping[str, float], store: Store, code: str) -> Done:
    """Compute chunks and put each into the store at once, as many as begin within PATIENCE.

    A chunk that is there already was made by a worker that died before it could tell.

    Raises
    ------
    CodeChanged
        If the program was edited meanwhile.
    ChunkTooLargeError
        If there is not enough memory for a chunk.
    """
    start = time.perf_counter()
    if code_sha256(solve.__module__) != code:
        # The names would promise the results of code that no longer is there.
        raise CodeChanged("the code of lt2f changed while a sweep was running: run it again")
    waiting, cells = list(batch.chunks.items()), 0
    while waiting and (not cells or time.perf_counter() - start < PATIENCE):
        name, axes = waiting.pop(0)
        if not store.has(name):
            _make(name, axes, task, scalars, store)
        cells += math.prod(values.size for values in axes.values())
    left = tuple(name for name, _ in waiting)
    names = tuple(name for name in batch.chunks if name not in left)
    return Done(names, left, cells, os.getpid(), time.perf_counter() - start)


def _make(
    name: str,
    axes: Mapping[str, NDArray[Any]],
    task: Task,
    scalars: Mapping[str, float],
    store: Store,
) -> None:
    try:
        store.write(name, solve(task, axes, scalars))
    except MemoryError:  # of a limit on a process: where there is none, the kernel kills it
        sides = ", ".join(f"{axis}: {values.size}" for axis, values in axes.items())
        raise ChunkTooLargeError(
            f"chunk {name} of {{{sides}}} cells does not fit into memory: give each worker more, "
            "or set a smaller tile, and run again; finished chunks are kept"
        ) from None
