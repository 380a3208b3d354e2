"""From settings to a plan: the chunks of a sweep, their places in the grid and their names.

Chunks are boxes of a power of two cells a side, aligned to the absolute index of an axis. The box
follows from the length of a run and not of an axis, so a sweep that grows keeps the chunks it had.
"""

import hashlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f.pipeline import solve, transformers
from lt2f.pipeline.identity import code_sha256, sha256_of
from lt2f.pipeline.kinds import EllipseSweep
from lt2f.pipeline.noises import Noisy, Prompts
from lt2f.pipeline.settings import AnySweep, MapSweep, OrbitSweep, Settings
from lt2f.pipeline.training_kind import TransformerSweep

CHUNK_STEPS = 2**31  # map steps of a chunk: a second or two where each of them is run and measured
ANGLE_COST = 16  # map steps in the time of one step on the ellipse, by its angle
CHUNK_CELLS = 2**16  # at most: bounds the memory of a worker
CHUNK_VALUES = 2**21  # samples at most: 16 MiB
# Along these axes many cells share a mu.
STARTS = frozenset({"imbalance", "product", "a", "b", "perturbation"})


@dataclass(frozen=True, slots=True)
class Chunk:
    """A box of cells: where it is in the grid, its coordinates and its name in the store."""

    place: tuple[slice, ...]
    axes: dict[str, NDArray[Any]]
    name: str

    @property
    def cells(self) -> int:
        """Number of cells."""
        return math.prod(values.size for values in self.axes.values())

    def __str__(self) -> str:
        """Say where the chunk is, for people."""
        spans = (f"{n} {x[0]:.6g} to {x[-1]:.6g}" for n, x in self.axes.items())
        return f"chunk {self.name} ({', '.join(spans)})"


@dataclass(frozen=True)
class Plan:
    """One sweep of a study, ready to run."""

    study: str
    name: str
    seed: int
    sweep: AnySweep

    @cached_property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Values along each dimension, in order."""
        return self.sweep.coordinates()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each dimension."""
        return tuple(values.size for values in self.axes.values())

    @property
    def samples(self) -> int:
        """Values kept for each cell along a dimension of their own; 1 where there is none."""
        lengths = self.task.iterations
        return lengths.get("samples", lengths.get("steps", 1))

    @property
    def steps(self) -> int:
        """Map steps of each cell, before any shortcut."""
        return self.task.steps

    @cached_property
    def task(self) -> solve.Task:
        """What to compute in each cell, in plain data; where nothing is random no seed matters."""
        noise = self.sweep.noise
        return solve.Task(
            kind=self.sweep.kind,
            iterations=dict(self.sweep.iterations),
            record=self._record(),
            shortcuts=self.sweep.shortcuts,
            noise=self.sweep.law,
            law=noise.law if isinstance(noise, Noisy) else "two_point",
            pool=noise.model_dump(exclude={"model"}) if isinstance(noise, Prompts) else None,
            seed=self.seed if self.sweep.has_realizations else 0,
            count=self.sweep.count if isinstance(self.sweep, MapSweep) else None,
            infer=isinstance(self.sweep, MapSweep) and not STARTS.isdisjoint(self.sweep.axes),
            transformer=self._transformer,
        )

    @cached_property
    def prompt_covariance(self) -> NDArray[np.float64] | None:
        """Var h, Cov(h, g) and Var g of batches of one prompt, where prompts are drawn."""
        if self.task.pool is None:
            return None
        h, g = solve.pool_multipliers(self.task.seed, self.task.pool) - 1.0
        return np.array([np.mean(h * h), np.mean(h * g), np.mean(g * g)])

    @cached_property
    def almost_sure_edges(self) -> NDArray[np.float64] | None:
        """Sharpness at which minima cease to be stable for each size of batches of prompts.

        Where final imbalances are recorded over both, and tell which minima are reached.
        """
        if self.task.pool is None or "imbalance_final" not in self.task.record:
            return None
        if not {"batch_size", "realization"} <= self.axes.keys():
            return None
        return solve.almost_sure_edges(self.task.seed, self.axes["batch_size"], self.task.pool)

    @property
    def _transformer(self) -> dict[str, Any] | None:
        """The trained model in plain data, where there is one."""
        if not isinstance(self.sweep, TransformerSweep):
            return None
        return self.sweep.transformer.model_dump(mode="json")

    def _record(self) -> tuple[str, ...]:
        if self._transformer is not None:
            return transformers.record(self._transformer)
        if isinstance(self.sweep, MapSweep):
            return ("regime",) if self.sweep.count else self.sweep.record
        if isinstance(self.sweep, EllipseSweep):
            return solve.ON_ELLIPSE
        # A variable cannot have the name of its own dimension.
        path = "imbalance_path" if "imbalance" in self.axes else "imbalance"
        if isinstance(self.sweep, OrbitSweep):
            return ("residual", path)[: len(self.sweep.record)]
        return ("loss", "sharpness", path)

    @property
    def dims(self) -> dict[str, int]:
        """Dimensions of the dataset that are axes, with their sizes: all but the counted one."""
        sizes = {str(name): axis.size for name, axis in self.sweep.axes.items()}
        return {name: size for name, size in sizes.items() if name != self.task.count}

    def identity(self) -> dict[str, Any]:
        """Everything that determines the numbers of the dataset, but the code, as plain JSON."""
        return {**self.sweep.identity(), "seed": self.seed}

    @cached_property
    def code(self) -> str:
        """Hash of the code that computes a chunk."""
        return code_sha256("lt2f.pipeline.solve")

    def tile(self) -> dict[str, int]:
        """Cells of a chunk along each axis: as given, or as many as make CHUNK_STEPS map steps."""
        cost = ANGLE_COST if isinstance(self.sweep, EllipseSweep) else 1
        budget = min(CHUNK_VALUES // self.samples, CHUNK_CELLS)
        if model := self._transformer:
            cost, budget = (
                transformers.cost(model),
                min(budget, transformers.most_cells(model, self.steps)),
            )
        budget = min(budget, CHUNK_STEPS // (cost * self.steps))
        sizes = {str(name): axis.size for name, axis in self.sweep.axes.items()}
        digits = _digits(max(budget, 1).bit_length() - 1, sizes)
        given = {str(name): side for name, side in self.sweep.tile.items()}
        return {name: given.get(name, 2 ** digits[name]) for name in sizes}

    def cuts(self) -> list[list[slice]]:
        """Where the chunks begin and end along each axis."""
        tile = self.tile()
        return [
            _cut(axis.size, tile[name], axis.anchor()) for name, axis in self.sweep.axes.items()
        ]

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of the grid in row-major order."""
        shared = {
            "task": asdict(self.task),
            "scalars": {name: float(x).hex() for name, x in sorted(self.sweep.scalars().items())},
            "code": self.code,
            "layout": solve.LAYOUT,
        }
        # A grid may have millions of chunks, so they share the pieces of axes, and their hashes.
        pieces = [
            [(cut, x[cut], _digest(x[cut])) for cut in cuts]
            for x, cuts in zip(self.axes.values(), self.cuts(), strict=True)
        ]
        for box in itertools.product(*pieces):
            place, parts, digests = zip(*box, strict=True)
            named = {
                **shared,
                "axes": [list(pair) for pair in zip(self.axes, digests, strict=True)],
            }
            yield Chunk(place, dict(zip(self.axes, parts, strict=True)), sha256_of(named)[:40])


def plan(settings: Settings, name: str) -> Plan:
    """Plan one sweep of a study."""
    return Plan(settings.study, name, settings.seed, settings.sweeps[name])


def _digits(digits: int, sizes: dict[str, int]) -> dict[str, int]:
    """Share binary digits out among axes, to realizations what the others leave.

    Cells of one realization run together, for they share its noise: the more of them the better.
    """
    others = {name: size for name, size in sizes.items() if name != "realization"}
    shares = _share(digits, others)
    if "realization" in sizes:
        left = digits - sum(shares.values())
        shares["realization"] = min(left, sizes["realization"].bit_length())
    return shares


def _share(digits: int, sizes: dict[str, int]) -> dict[str, int]:
    """Share binary digits out among axes: evenly, but to a short axis no more than holds it.

    Only an axis that fits into one chunk has a say, so that a long one can grow.
    """
    shares: dict[str, int] = {}
    while len(shares) < len(sizes):
        waiting = [name for name in sizes if name not in shares]
        even = (digits - sum(shares.values())) // len(waiting)
        short = {name: n for name in waiting if (n := sizes[name].bit_length()) <= even}
        if not short:
            odd = digits - sum(shares.values()) - even * len(waiting)
            short = {name: even + (k < odd) for k, name in enumerate(reversed(waiting))}
        shares |= short
    return shares


def _cut(size: int, side: int, anchor: int) -> list[slice]:
    """Cut 0 ... size where (index + anchor) is a multiple of `side`."""
    edges = sorted({0, size, *range(-anchor % side, size, side)})
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


def _digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()
