"""Training the full model itself, for where it leaves the map no theorem on the map holds.

The map is exact from starts whose value and key-query vectors lie, as far as the prompt sees them,
in one eigenspace of the mean of its tokens' outer products; from others each eigenspace is a pair
of factors of its own, and all share one residual. For mu > 1 rounding alone can lead away from the
map (see `lt2f.reduction`).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lt2f import trained
from lt2f.advice import runs
from lt2f.advice.checks import AdviceError
from lt2f.advice.prompts import Layer
from lt2f.advice.question import Question
from lt2f.advice.rows import CONVERGED
from lt2f.advice.runs import Run
from lt2f.dynamics.codes import Regime
from lt2f.training.transformer import Model

Floats = NDArray[np.float64]

LENGTHS: Final = trained.Lengths(transient=3000, measure=1000)
RUNGS: Final = 31  # other rates that are trained at: mu of the nearest block in sixteenths
ROOM: Final = 2**24  # numbers of all last iterates together


@dataclass(frozen=True, slots=True)
class Trained(Run):
    """What training the full model did, by its own outputs; the map took no part in the labels.

    `map_regime` is what the map of the nearest two-factor block does, `apart` the largest distance
    of their residuals e over the first `compared` steps, in units in which the target is mu (NaN: a
    run left). `period` is that of the loss. `sharpness` is the tangent kernel's, a mean where the
    end is no point. The model was also trained at `rates` other learning rates, `spacing` apart: up
    to `converges` all converge (0: not even the least), `fails` is the least that does not (NaN:
    none was seen).
    """

    map_regime: Regime
    apart: float
    compared: int
    departure: float
    rates: int
    spacing: float
    converges: float
    fails: float


def train(question: Question) -> Trained | None:
    """Train the full model at the learning rate and at others; None for all other questions."""
    layer = question.layer
    if layer is None or layer.model != Model.FULL:
        return None
    rungs = min(_room(layer) - 1, RUNGS)
    spacing = 2.0 * question.learning_rate / question.mu / (RUNGS + 1)
    others = spacing * np.linspace(1, RUNGS, rungs).round()
    rates = np.concatenate([[question.learning_rate], others])
    with np.errstate(all="ignore"):  # runs that leave the range of doubles
        found, _ = trained.compare(layer.model, layer.prompt, layer.parameters, rates, LENGTHS)
    ends = _ends(rates[1:], np.isin(found["regime"][1:], CONVERGED))
    return Trained(
        **runs.read(found, question.learning_rate, LENGTHS.total, "residual_period"),
        map_regime=Regime(int(found["map_regime"][0])),
        apart=float(found["residual_error"][0]),
        compared=trained.COMPARED,
        departure=layer.departure,
        rates=rungs,
        spacing=spacing,
        converges=ends[0],
        fails=ends[1],
    )


def _ends(rates: Floats, converged: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the rate up to which all that were tried converge, and the least that does not."""
    if converged.all():
        return float(rates.max(initial=0.0)), math.nan
    first = int(np.argmin(converged))
    return float(rates[first - 1]) if first else 0.0, float(rates[first])


def _room(layer: Layer) -> int:
    """Trainings at a time that fit into memory."""
    size = sum(part.size for part in layer.parameters)
    count = ROOM // (trained.ITERATES * size)
    if not count:
        raise AdviceError("prompt", "has too many weights to train the full model here", size)
    return count
