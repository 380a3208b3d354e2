"""Standard works, to be timed: settings of the functions that sweeps call, no code of their own.

Each knows the fewest operations that could do it: fused multiply-adds, products, sums and
comparisons, whatever our kernels spend. A step in (U, V) takes 4; three in (a, b), which loses
small imbalances. With t = V^2 + mu, which a step has anyway, n = e + 2t - mu and ab = e + mu. A
tangent vector takes 7, the product of determinants 4, for 1 - 2n - e(e + 2ab) is
(1 + 2mu) - 4t - e(3e + 2mu + 2); the largest loss and the largest rise 6, the sums of n, of the
loss and of the weights 5. Noise adds what `lt2f.dynamics.model` says.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from lt2f.dynamics import cycles, kernels, peak, survey
from lt2f.dynamics.lanes import Floats, Model, Noise, prepare
from lt2f.dynamics.model import QUIET
from lt2f.dynamics.survey import GROUP
from lt2f.pipeline.plan import CHUNK_CELLS, plan
from lt2f.pipeline.settings import parse
from lt2f.pipeline.solve import solve
from lt2f.training import batches

AMPLITUDE = 0.2  # of the noise
MILDER = 0.6  # share of mu under noise, where orbits escape at lower step sizes

Trial = Callable[[], float]  # runs once; the seconds of processor time that it took

# The kernels as sweeps call them. Whatever has the same names can be put in their place.
OURS = SimpleNamespace(
    ITERATE=kernels.ITERATE,
    SETTLE=kernels.SETTLE,
    RECORD=kernels.RECORD,
    returns=cycles.RETURNS[QUIET],
    measure=survey.measure,
)


@dataclass(frozen=True, slots=True)
class Work:
    """What is computed: `grid` values of mu and starts for each, `first` steps and then `then`.

    `operations` are the fewest in a step of each part, `columns` the values kept of each cell;
    `chunk` cells are done together.
    """

    title: str
    run: Callable[[Any, "Work", Floats, Noise, Floats], None]
    grid: tuple[int, int]
    first: int
    then: int
    operations: tuple[int, int]
    noise: Model = "none"
    columns: int = 1
    rounds: int = 1
    chunk: int = CHUNK_CELLS

    @property
    def steps(self) -> int:
        """Map steps of all cells in all rounds."""
        return self.rounds * self.grid[0] * self.grid[1] * (self.first + self.then)

    @property
    def least(self) -> float:
        """Fewest operations in a step, on the average."""
        parts = self.first * self.operations[0] + self.then * self.operations[1]
        return parts / (self.first + self.then)

    @property
    def schedule(self) -> survey.Schedule:
        """Schedule of a run that settles first and is measured then."""
        return survey.Schedule(self.first, self.then)


def _iterate(side: Any, work: Work, state: Floats, noise: Noise, out: Floats) -> None:
    side.ITERATE[noise.index](state, work.first, 0, noise.sequence)


def _settle(side: Any, work: Work, state: Floats, noise: Noise, out: Floats) -> None:
    side.SETTLE[noise.index](state, work.first, 0, noise.sequence)


def _explore(side: Any, work: Work, state: Floats, noise: Noise, out: Floats) -> None:
    side.SETTLE[noise.index](state, work.schedule.settled, 0, noise.sequence)
    side.measure(state, work.schedule, noise)


def _record(side: Any, work: Work, state: Floats, noise: Noise, out: Floats) -> None:
    _iterate(side, work, state, noise, out)
    side.RECORD[noise.index](state, work.first, noise.sequence, out)


def _find_period(side: Any, work: Work, state: Floats, noise: Noise, out: Floats) -> None:
    _iterate(side, work, state, noise, out)
    side.returns(state, work.then, out[:, 0])


def _real(model: Model, settle: int, measure: int) -> dict[str, Work]:
    """Give the two works that a map sweep consists of, under one model of noise."""
    few = (128, 64)
    return {
        f"settle {model}": Work("settle", _settle, few, 5000, 0, (settle, 0), model),
        f"measure {model}": Work(
            "measure", _explore, few, 0, 5000, (0, measure), model, chunk=GROUP
        ),
    }


WORKS = {
    "W1": Work("iterate", _iterate, (1000, 1000), 1000, 0, (4, 0)),
    "W2": Work("both exponents", _explore, (200, 200), 1000, 5000, (4, 15), chunk=GROUP),
    "W3": Work("orbit diagram", _record, (2000, 1), 1000, 200, (4, 4), columns=200, rounds=20),
    "W4": Work("period up to 64", _find_period, (500, 500), 10000, 64, (4, 8)),
    **_real("none", 10, 26),
    **_real("multiplicative", 22, 39),
    **_real("target", 11, 29),
}


def starts(work: Work) -> tuple[Floats, Floats, Floats]:
    """(U, V, mu) of every cell: for each mu the same pattern of starts inside its ellipse.

    The ellipse is U^2/(2 + mu) + V^2/(2 - mu) = 1; the pattern is a sunflower's.
    """
    numbers = np.arange(work.grid[1]) + 0.5
    radius, angle = np.sqrt(numbers / work.grid[1]), numbers * np.pi * (3.0 - np.sqrt(5.0))
    mu = np.repeat(np.linspace(0.2, 2.0, work.grid[0]), work.grid[1])
    x, y = (np.tile(radius * turned(angle), work.grid[0]) for turned in (np.cos, np.sin))
    return x * np.sqrt(2.0 + mu), y * np.sqrt(2.0 - mu), mu


def trial(work: Work, side: Any = OURS) -> Trial:
    """Prepare a work; a trial runs it in chunks, as a sweep does, each from a fresh state."""
    u, v, mu = starts(work)
    noisy = work.noise != "none"
    mu *= MILDER if noisy else 1.0
    sequence = batches.sequence(0, 0, work.first + work.then, "two_point")
    parts = [slice(k, k + work.chunk) for k in range(0, mu.size, work.chunk)] * work.rounds

    def run() -> float:
        seconds = 0.0
        for part in parts:
            amplitude = np.full(mu[part].size, AMPLITUDE if noisy else 0.0)
            noise = Noise(work.noise, "two_point", sequence, amplitude)
            # A copy, and ones, so that no page of memory is touched for the first time below.
            state = prepare(u[part], v[part], mu[part], noise).copy()
            out = np.ones((state.shape[1], work.columns))
            start = time.process_time()
            work.run(side, work, state, noise, out)
            seconds += time.process_time() - start
        return seconds

    return run


# A regime map as a sweep computes it; every step that was asked for counts.
MAP = {
    "axes": {
        "mu": {"start": 0.02, "step": 0.02, "num": 110},
        "imbalance": {"start": 0.0, "step": 0.02, "num": 211},
    },
    "fixed": {"product": 0.1},
    "iterations": {"transient": 5000, "measure": 5000},
}
MAPS = {"map brute force": False, "map": True}  # whether with shortcuts


def map_trial(settings: Mapping[str, Any], *, shortcuts: bool) -> tuple[Trial, int]:
    """Prepare a map sweep: its trial, and the steps that are asked for."""
    study = parse({"study": "bench", "sweeps": {"map": {**settings, "shortcuts": shortcuts}}})
    planned = plan(study, "map")
    chunks, scalars = list(planned.chunks()), planned.sweep.scalars()

    def run() -> float:
        start = time.process_time()
        for chunk in chunks:
            solve(planned.task, chunk.axes, scalars)
        return time.process_time() - start

    return run, planned.steps * planned.sweep.cells


def peak_trial() -> float:
    """Seconds of a billion fused multiply-adds, as the core does them at the most."""
    start = time.process_time()
    operations = peak.run()
    return (time.process_time() - start) * 1e9 / operations
