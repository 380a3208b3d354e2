"""From coordinates to results: the pure function that a worker runs on one chunk.

It sees plain arrays and a `Task`, and knows neither settings files nor datasets nor clusters: a
cell's result depends on its coordinates, the task and this code alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics import balancing, ellipse, labels, orbits, theory
from lt2f.dynamics.batch_theory import BatchLaw
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.lanes import SILENCE, Floats, Law, Mask, Model, Noise, steady
from lt2f.dynamics.steps import STEPS
from lt2f.dynamics.survey import Schedule
from lt2f.pipeline import transformers
from lt2f.training import batches
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import gaussian_prompt

LAYOUT = 2  # of chunk contents; a new number makes every older chunk foreign
Arrays = Mapping[str, NDArray[Any]]


# Not the mean of log|1 + e|, the exponent across the balanced line: it is 0 on the ellipse, whose
# own exponent across is the smaller of its two.
ON_ELLIPSE = (
    "lyapunov",
    "sharpness",
    "loss_mean",
    "invariance_error",
    "conjugacy_error",
)
# Known by each cell's own run alone; of the mean weights that is their sign. Not the branch: what
# is inferred has mu > 1, and reaches none.
PATHS = frozenset({"imbalance_final", "loss_peak_ratio", "weights_mean"})


@dataclass(frozen=True, slots=True)
class Task:
    """What to compute in every cell of a sweep."""

    kind: str
    iterations: Mapping[str, int]
    record: tuple[str, ...]
    shortcuts: bool
    noise: Model
    law: Law
    seed: int
    pool: Mapping[str, Any] | None = None  # of prompts, from which mini-batches are drawn
    count: str | None = None  # the axis over which regimes are counted
    infer: bool = False  # whether cells that differ in their start alone share an attractor
    transformer: Mapping[str, Any] | None = None  # the model that is trained, and its prompts

    @property
    def steps(self) -> int:
        """Map steps of each cell, before any shortcut."""
        within = {"max_period"} if self.transformer is None else {"max_period", "samples"}
        return sum(n for key, n in self.iterations.items() if key not in within)


def solve(
    task: Task, axes: Mapping[str, NDArray[Any]], scalars: Mapping[str, float]
) -> dict[str, NDArray[Any]]:
    """Compute one chunk.

    Parameters
    ----------
    task
        Kind and lengths of the run.
    axes
        Values along each dimension of the chunk, in order.
    scalars
        The coordinates that do not vary.

    Returns
    -------
    dict
        Each variable with the shape of the grid, exponents and samples in a last dimension.
    """
    shape = tuple(values.size for values in axes.values())
    grid = np.meshgrid(*axes.values(), indexing="ij")
    cells = {name: values.ravel() for name, values in zip(axes, grid, strict=True)}
    cells |= {name: np.full(cells[next(iter(axes))].size, x) for name, x in scalars.items()}
    if task.kind == "ellipse":
        return {n: x.reshape(*shape, *x.shape[1:]) for n, x in _ellipse(task, cells).items()}
    if task.transformer is not None:
        found = _transformer(task, task.transformer, cells)
        return {n: x.reshape(*shape, *x.shape[1:]) for n, x in found.items()}
    parts = [
        (where, _KINDS[task.kind](task, *starts(part), part["mu"], noise))
        for where, part, noise in _realizations(task, cells)
    ]
    whole = {name: _joined(name, parts, shape) for name in parts[0][1]}
    if task.count is None:
        return whole
    return {"regime_count": _counted(whole["regime"], list(axes).index(task.count))}


def starts(cells: Arrays) -> tuple[Floats, Floats]:
    """Starts as ((a + b)/2, (a - b)/2), from imbalance and product or from a and b.

    A perturbation is added to b with one rounding, and the cell is bit for bit that of the b so
    found. Its distance from the unperturbed one is a difference of doubles, within 2^-52 of what
    was asked for while |b| < 4 (a + b is rounded as ever): 1e-12 is itself to 3e-4.
    """
    if "imbalance" in cells:
        return theory.start_state(cells["imbalance"], cells["product"])
    a, b = cells["a"], cells["b"] + cells.get("perturbation", 0.0)
    return (a + b) / 2.0, (a - b) / 2.0


def _realizations(task: Task, cells: Arrays) -> Iterator[tuple[Mask, Arrays, Noise]]:
    """Yield the cells of one realization at a time, for they share its noise.

    Cells whose noise, or whose other law of the step, has strength zero come first and together:
    they are those of the map itself, to the bit.
    """
    if task.pool is not None:
        yield from _batches_of_prompts(task, task.pool, cells)
        return
    name = task.noise if task.noise in STEPS else "noise"
    amplitude = np.zeros(cells["mu"].size) if task.noise == "none" else cells[name]
    if not amplitude.all():
        where = amplitude == 0.0
        yield where, {name: values[where] for name, values in cells.items()}, SILENCE
    if task.noise in STEPS and amplitude.any():
        where = amplitude > 0.0
        part = {name: values[where] for name, values in cells.items()}
        yield where, part, steady(task.noise, part[name])
    elif amplitude.any():
        for k in np.unique(cells["realization"]):
            where = (cells["realization"] == k) & (amplitude > 0.0)
            part = {name: values[where] for name, values in cells.items()}
            draw = batches.pair if task.noise == "factors" else batches.sequence
            sequence = draw(task.seed, int(k), task.steps, task.law)
            yield where, part, Noise(task.noise, task.law, sequence, part["noise"])


def _batches_of_prompts(
    task: Task, pool: Mapping[str, Any], cells: Arrays
) -> Iterator[tuple[Mask, Arrays, Noise]]:
    """Yield the cells of one batch size and realization at a time; whole pools come first."""
    drawn = {
        int(size): _batches(task.seed, int(size), tuple(sorted(pool.items())))
        for size in np.unique(cells["batch_size"])
    }
    silent = np.isin(cells["batch_size"], [n for n, (some, _) in drawn.items() if some.is_silent])
    if silent.any():
        yield silent, {name: values[silent] for name, values in cells.items()}, SILENCE
    for size, (some, law) in drawn.items():
        for k in np.unique(cells["realization"]) if not some.is_silent else ():
            where = (cells["batch_size"] == size) & (cells["realization"] == k)
            part = {name: values[where] for name, values in cells.items()}
            sequence = some.sequence(task.seed, int(k), task.steps)
            yield where, part, Noise("prompts", law, sequence, np.zeros(part["mu"].size))


@lru_cache(maxsize=64)  # chunks and realizations share them
def _batches(seed: int, size: int, pool: tuple[tuple[str, Any], ...]) -> tuple[Batches, BatchLaw]:
    """Batches from a pool that is described as in the settings, and their law."""
    told = dict(pool)
    some = Batches(pool_multipliers(seed, told), size, told["replacement"])
    values, weights, exact = some.law(seed)
    return some, BatchLaw(values[0], values[1], weights, exact)


def pool_multipliers(seed: int, pool: Mapping[str, Any]) -> Floats:
    """Return `prompt_batches.multipliers` of a pool of Gaussian prompts."""
    told = {name: pool[name] for name in ("dimension", "context", "label_noise")}
    return multipliers(gaussian_prompt(seed, k, **told) for k in range(pool["pool_size"]))


def almost_sure_edges(seed: int, sizes: NDArray[Any], pool: Mapping[str, Any]) -> Floats:
    """Return `balancing.almost_sure_edge` of batches of each size from a pool."""
    told = tuple(sorted(pool.items()))
    laws = (_batches(seed, int(size), told)[1] for size in sizes)
    return np.array([balancing.almost_sure_edge(law)[0] for law in laws])


def _joined(
    name: str, parts: list[tuple[Mask, dict[str, NDArray[Any]]]], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Put a variable of all realizations back into the shape of the grid."""
    first = parts[0][1][name]
    whole = np.empty((parts[0][0].size, *first.shape[1:]), first.dtype)
    for where, part in parts:
        whole[where] = part[name]
    return whole.reshape(*shape, *first.shape[1:])


def _counted(regime: NDArray[Any], axis: int) -> NDArray[Any]:
    """Count each regime along an axis; the outcomes are the last dimension."""
    each = [(regime == outcome).sum(axis=axis, dtype=np.int64) for outcome in Regime]
    return np.stack(each, axis=-1)


def _map(task: Task, u: Floats, v: Floats, mu: Floats, noise: Noise) -> dict[str, NDArray[Any]]:
    follow = not PATHS.isdisjoint(task.record)
    schedule = Schedule(
        **task.iterations,
        shortcuts=task.shortcuts,
        infer=task.infer,
        follow=follow,
        weights="weights_mean" in task.record,
    )
    outcome = labels.explore(u, v, mu, schedule, noise)
    errors = [f"{name}_error" for name in task.record if f"{name}_error" in outcome]
    return {name: outcome[name] for name in (*task.record, *errors)}


def _orbit(task: Task, u: Floats, v: Floats, mu: Floats, noise: Noise) -> dict[str, NDArray[Any]]:
    if len(task.record) == 1:
        return {task.record[0]: orbits.residuals(u, v, mu, noise, **task.iterations)}
    values = orbits.with_imbalances(u, v, mu, noise, **task.iterations)
    return dict(zip(task.record, values, strict=True))


def _trajectory(
    task: Task, u: Floats, v: Floats, mu: Floats, noise: Noise
) -> dict[str, NDArray[Any]]:
    paths = orbits.trajectory(u, v, mu, noise, **task.iterations)
    return dict(zip(task.record, paths, strict=True))


def _ellipse(task: Task, cells: Arrays) -> dict[str, NDArray[Any]]:
    """Follow the angle that is the first word of each realization."""
    numbers, place = np.unique(cells["realization"], return_inverse=True)
    phi = np.concatenate([batches.words(task.seed, int(k), 1) for k in numbers])
    outcome = ellipse.observe(cells["mu"], phi[place], task.iterations["measure"])
    parts = (part for name in ON_ELLIPSE for part in (name, f"{name}_error"))
    return {part: outcome[part] for part in parts if part in outcome}


def _transformer(task: Task, transformer: Mapping[str, Any], cells: Arrays) -> Arrays:
    setting = transformer, task.iterations, task.seed, task.shortcuts
    return transformers.solve(*setting, cells, starts(cells))


_KINDS = {"map": _map, "orbit": _orbit, "trajectory": _trajectory}
