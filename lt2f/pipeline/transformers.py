"""Cells of a transformer sweep: real trainings, one Gaussian prompt for each realization."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lt2f import reduction, trained
from lt2f.dynamics.codes import Regime
from lt2f.training.batches import LAWS, words
from lt2f.training.evaluate import FRESH, evaluate, fresh_prompts, mean_and_error, squared_errors
from lt2f.training.prompts import Prompt, gaussian_prompt, gaussian_task
from lt2f.training.transformer import Model, Parameters

Floats = NDArray[np.float64]
Outcome = dict[str, NDArray[Any]]

# Matrix products round the rows of a last, smaller block in ways of their own: without such a block
# no cell depends on how many are computed with it.
ALIGNED = 16
DIRECTION = 1  # stream of the words from which a direction is drawn; mini-batches have 0
RECORD = (
    "effective_step_size",
    "regime",
    "decided_by",
    "period",
    "residual_period",
    "lyapunov",
    "steps",
    "imbalance_final",
    "sharpness",
    "loss_mean",
    "loss_peak_ratio",
    "residual",
    "residual_error",
    "fresh_error",
    "fresh_error_mean",
    "fresh_error_averaged",
    "same_task_error",
    "map_regime",
    "map_residual_period",
    "map_lyapunov",
    "map_residual",
)


def record(transformer: Mapping[str, Any]) -> tuple[str, ...]:
    """Variables of a dataset: all, and for the full model how far it departs from the map."""
    return (*RECORD, "departure") if transformer["model"] == Model.FULL else RECORD


def parameters(transformer: Mapping[str, Any]) -> int:
    """Count the trained parameters of a model."""
    d = int(transformer["dimension"])
    sizes = {Model.SCALAR: 2, Model.MATRIX: 1 + d * d, Model.FULL: 2 * (d + 1) ** 2}
    return sizes[Model(transformer["model"])]


def cost(transformer: Mapping[str, Any]) -> int:
    """Nanoseconds that a step of one cell takes, roughly; a step of the map takes less than one."""
    return 256 + 16 * (parameters(transformer) + int(transformer["context"]))


def most_cells(transformer: Mapping[str, Any], steps: int) -> int:
    """Cells that fit into a worker at once, by their outputs and by their last iterates."""
    return int(min(2**22 // steps, 2**24 // (trained.ITERATES * parameters(transformer))))


def solve(
    transformer: Mapping[str, Any],
    iterations: Mapping[str, int],
    seed: int,
    shortcuts: bool,
    cells: Mapping[str, NDArray[Any]],
    start: tuple[Floats, Floats],
) -> Outcome:
    """Train N cells, given as coordinates and starts ((a + b)/2, (a - b)/2); all of `record`.

    Shortcuts are those of the map's forecast; trainings have none.
    """
    found: Outcome = {}
    lengths, (u, v) = trained.Lengths(**iterations), start
    for k in np.unique(cells["realization"]):
        where = cells["realization"] == k
        task = _Drawn(transformer, seed, int(k))
        eta = cells["step_size"][where]
        outcome = task.train((u + v)[where], (u - v)[where], eta, lengths, shortcuts)
        for name, values in outcome.items():
            whole = found.setdefault(name, np.empty((u.size, *values.shape[1:]), values.dtype))
            whole[where] = values
    return found


class _Drawn:
    """What a realization draws: a prompt, a direction of the start, and new prompts."""

    def __init__(self, transformer: Mapping[str, Any], seed: int, index: int) -> None:
        d, context, noise = (transformer[n] for n in ("dimension", "context", "label_noise"))
        self.model = Model(transformer["model"])
        self.prompt: Prompt = gaussian_prompt(seed, index, d, context, noise)
        draw = seed, index, FRESH, d, context, noise
        self.fresh = fresh_prompts(*draw)
        self.same_task = fresh_prompts(*draw, task=gaussian_task(seed, index, d))
        self.direction: Floats | None = None
        if transformer["start"] == "gaussian":
            self.direction = LAWS["normal"](words(seed, index, d + 1, DIRECTION))

    def train(
        self, a: Floats, b: Floats, eta: Floats, lengths: trained.Lengths, shortcuts: bool
    ) -> Outcome:
        """Train from starts (a, b) and hold what comes of it against the map and new prompts."""
        count = eta.size
        a, b, eta = (np.pad(x, (0, -count % ALIGNED), mode="edge") for x in (a, b, eta))
        start = reduction.start(self.model, self.prompt, a, b, eta, self.direction)
        outcome, iterates = trained.compare(self.model, self.prompt, start, eta, lengths, shortcuts)
        last = Parameters(*(part[-trained.ITERATES :] for part in iterates))
        outcome |= self._learned(last, outcome["regime"] == Regime.DIVERGENT)
        return {name: values[:count] for name, values in outcome.items()}

    def _learned(self, iterates: Parameters, gone: NDArray[np.bool_]) -> Outcome:
        """Errors on new prompts, of what has not diverged."""
        errors = evaluate(self.model, self.fresh, iterates)
        last = Parameters(*(part[-1] for part in iterates))
        names = {"fresh_error": "last", "fresh_error_mean": "mean"}
        names["fresh_error_averaged"] = "averaged"
        pairs = {name: errors[which] for name, which in names.items()}
        same = squared_errors(self.model, self.same_task, last)
        pairs["same_task_error"] = mean_and_error(self.same_task, same)
        found = {name: mean for name, (mean, _) in pairs.items()}
        found |= {f"{name}_error": error for name, (_, error) in pairs.items()}
        return {name: np.where(gone, np.nan, values) for name, values in found.items()}
