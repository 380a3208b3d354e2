"""One cell, computed now: its label and numbers, and the orbit behind them."""

import time
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lt2f.dynamics import orbits
from lt2f.dynamics.codes import DecidedBy, Regime
from lt2f.dynamics.kernels import MU
from lt2f.dynamics.lanes import (
    SILENCE,
    Floats,
    Noise,
    factors,
    prepare,
    residual_and_norm,
    steady,
)
from lt2f.dynamics.steps import MAP, STEPS, Step
from lt2f.explore.view import Point
from lt2f.pipeline.solve import Task, solve, starts
from lt2f.training import batches

EARLY: Final = 240
"""Steps from the start on that are kept of an orbit."""
LATE: Final = 400
"""Steps that are kept after the transient, fewer if fewer are measured."""


@dataclass(frozen=True, slots=True)
class Orbit:
    """Weights, residual e = ab - mu and sharpness S = a^2 + b^2 at successive steps.

    NaN from where the orbit has left the range of double precision.
    """

    a: Floats
    b: Floats
    residual: Floats
    sharpness: Floats

    mu: float
    step: Step = MAP
    strength: float = 0.0

    @property
    def loss(self) -> Floats:
        """The loss that descent goes down, above its least value: e^2/2 for the map itself."""
        with np.errstate(over="ignore", invalid="ignore"):
            if self.step is MAP:  # whose residual has digits that ab - mu would have lost
                return np.asarray(self.residual * self.residual / 2.0)
            return self.step.excess(self.a, self.b, self.mu, self.strength)

    @property
    def half_sum(self) -> Floats:
        """U = (a + b)/2, the weight on the balanced line."""
        return np.asarray((self.a + self.b) / 2.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """What was found at a point, and how long that took."""

    found: dict[str, NDArray[Any]]
    early: Orbit
    late: Orbit
    seconds: float

    @property
    def regime(self) -> Regime:
        """The label."""
        return Regime(int(self.found["regime"]))

    @property
    def decided_by(self) -> DecidedBy:
        """The evidence for it."""
        return DecidedBy(int(self.found["decided_by"]))

    def number(self, name: str, rank: int = 0) -> float:
        """Return a variable, or the one of some rank where there are several."""
        return float(np.atleast_1d(self.found[name])[rank])


def answer(task: Task, point: Point) -> Cell:
    """Compute a cell as a sweep does, and its orbit."""
    began = time.perf_counter()
    found = label(task, point)
    early, late = orbit(task, point)
    return Cell(found, early, late, time.perf_counter() - began)


def label(task: Task, point: Point) -> dict[str, NDArray[Any]]:
    """Return the variables of one cell, by the function that computes the chunks of sweeps."""
    axes = {"mu": np.array([point["mu"]])}
    scalars = {name: value for name, value in point.items() if name != "mu"}
    return {name: values[0] for name, values in solve(task, axes, scalars).items()}


def orbit(task: Task, point: Point) -> tuple[Orbit, Orbit]:
    """Follow a cell from its start, and again after the transient."""
    cells = {name: np.array([value]) for name, value in point.items()}
    noise, lengths = noise_of(task, point), task.iterations
    state = prepare(*starts(cells), cells["mu"], noise)
    transient, late = lengths["transient"], min(LATE, lengths["measure"])
    early = _walk(state, noise, 0, min(EARLY, transient))
    orbits.ITERATE[noise.index](state, max(0, transient - EARLY), EARLY, noise.sequence)
    return early, _walk(state, noise, transient, late)


def noise_of(task: Task, point: Point) -> Noise:
    """Return the law of a cell's steps: its noise, as its sweep draws it, or another loss."""
    if task.noise in STEPS and point[task.noise] > 0.0:
        return steady(task.noise, np.array([point[task.noise]]))
    if task.noise in ("none", *STEPS) or point["noise"] == 0.0:
        return SILENCE
    sequence = batches.sequence(task.seed, int(point["realization"]), task.steps, task.law)
    return Noise(task.noise, task.law, sequence, np.array([point["noise"]]))


def _walk(state: Floats, noise: Noise, start: int, steps: int) -> Orbit:
    """Record the first lane at each of some steps, and leave the state at the step after them."""
    lanes = np.empty((state.shape[0], steps))
    with np.errstate(all="ignore"):
        for step in range(steps):
            lanes[:, step] = state[:, 0]
            orbits.ITERATE[noise.index](state, 1, start + step, noise.sequence)
        u, v = factors(lanes)
        rows = np.array([u + v, u - v, *residual_and_norm(lanes)])
    rows[:, ~np.isfinite(rows).all(axis=0)] = np.nan
    mu, strength = float(state[MU, 0]), float(noise.amplitude[0])
    return Orbit(rows[0], rows[1], rows[2], rows[3], mu, noise.step, strength)


def warm_up(task: Task, point: Point) -> None:
    """Compile what answers need under the noise or another law of a task, and without."""
    short = replace(task, iterations={**task.iterations, "transient": 1024, "measure": 512})
    name = task.noise if task.noise in STEPS else "noise"
    for size in (0.0, 0.01):
        for mu in (0.5, 1.5):
            answer(short, {**point, "mu": mu, name: size})
