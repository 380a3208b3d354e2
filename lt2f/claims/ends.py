"""Where runs in mini-batches end that begin far from balance, as claims on minima read them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lt2f.claims.forms import SIGMAS, Floats
from lt2f.claims.study import MissingError, Need, Study, Sweep
from lt2f.dynamics import balancing
from lt2f.dynamics.codes import Regime

_RECORD = ("regime", "imbalance_final")
AGREE = Need(
    noise="multiplicative",
    law="two_point",
    across=frozenset({"mu", "noise", "realization"}),
    record=_RECORD,
)
DISAGREE = Need(
    noise="prompts", across=frozenset({"mu", "batch_size", "realization"}), record=_RECORD
)
SHARP = ", one start whose minimum |imbalance| >= 0.5 makes sharp"


@dataclass(frozen=True, slots=True)
class Ends:
    """Where runs from one start end, over (mu, level, realization).

    `level` is the noise or the batch size, `start` the start's |imbalance|; NaN is where a run
    has escaped.
    """

    mu: Floats
    level: Floats
    imbalance: Floats
    start: float
    product: float
    steps: int
    sweep: Sweep

    @property
    def sharpness(self) -> Floats:
        """Sharpness of the minimum on the hyperbola where each run ends."""
        return balancing.reached_sharpness(self.imbalance, self.mu[:, None, None])

    @property
    def sharpest(self) -> Floats:
        """Sharpness of the minimum on the hyperbola where they begin, over mu."""
        return balancing.reached_sharpness(self.start, self.mu)


def ends(study: Study, need: Need, level: str) -> Iterator[Ends]:
    """Yield the runs of every sweep that begins at one start far from balance."""
    found = [sweep for sweep in study.sweeps if sweep.has(need)]
    found = [sweep for sweep in found if {*sweep.axes} == need.across and _start(sweep)[0] >= 0.5]
    if not found:
        raise MissingError(need.text() + SHARP)
    for sweep in found:
        some = sweep.dataset[list(_RECORD)].transpose("mu", level, "realization")
        gone = some["regime"].values == Regime.DIVERGENT
        yield Ends(
            some["mu"].values,
            some[level].values.astype(np.float64),
            np.abs(np.where(gone, np.nan, some["imbalance_final"].values)),
            *_start(sweep),
            sum(sweep.iterations[name] for name in ("transient", "measure")),
            sweep,
        )


def _start(sweep: Sweep) -> tuple[float, float]:
    """Return |a^2 - b^2| and ab of the start, which no axis varies."""
    given = {str(name): float(x) for name, x in sweep.dataset.coords.items() if x.ndim == 0}
    if "imbalance" in given:
        return abs(given["imbalance"]), given["product"]
    a, b = given["a"], given["b"]
    return abs((a - b) * (a + b)), a * b


def bounded_mean(values: Floats) -> tuple[float, float]:
    """Return the mean over the realizations that are bounded, and four standard errors of it."""
    some = values[np.isfinite(values)]
    if some.size < 2:
        return math.nan, math.inf
    return float(some.mean()), SIGMAS * float(some.std(ddof=1)) / math.sqrt(some.size)
