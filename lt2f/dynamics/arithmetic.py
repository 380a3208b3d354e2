"""Are labels and averages robust to arithmetic? A sample of cells, computed again in 50 digits.

Cells come as plain arrays with the names of a dataset's variables and coordinates. The sample takes
every regime and every period in turn, and as often cells next to another label as cells inside
their own. Orbits may differ; labels may not where both decide, nor averages beyond their errors.
Steps with noise are not computed again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.extended import BLOCKS, Cell, Estimate, label
from lt2f.dynamics.extended_map import start

Arrays = Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]

LENGTHS = 4000, 6400  # steps of a first look: transient and measured
CANDIDATES = 2**18  # of which a sample is drawn where there are more cells
LABELS = ("regime", "period", "residual_period")
AVERAGES = ("lyapunov", "transverse_lyapunov", "sharpness", "loss_mean")
CHANCE = 1e-3  # that one of all averages differs by more than `Comparison.limit`


@dataclass(frozen=True, slots=True)
class Comparison:
    """N cells as they were recorded and as they came out in extended precision.

    `recorded` and `extended` map the names of labels to arrays of shape (N,). `differences` and
    `errors` do so with averages, of shape (N,) or for exponents (N, 2): recorded less extended, and
    the standard errors of both together, which on cycles is what is recorded of rounding.
    Differences are NaN where labels differ, an orbit rests or escapes, or an exponent is infinite.
    """

    recorded: dict[str, NDArray[Any]]
    extended: dict[str, NDArray[Any]]
    differences: dict[str, Floats]
    errors: dict[str, Floats]

    @property
    def decided(self) -> Mask:
        """Where both runs have a regime."""
        return (self.recorded["regime"] != 0) & (self.extended["regime"] != 0)

    @property
    def differ(self) -> Mask:
        """Where both have a regime and any label differs."""
        unlike = [self.recorded[name] != self.extended[name] for name in self.recorded]
        return self.decided & np.logical_or.reduce(unlike)

    @property
    def z(self) -> dict[str, Floats]:
        """Differences in units of their errors."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return {name: x / self.errors[name] for name, x in self.differences.items()}

    def worst(self, of: Mapping[str, Floats], regime: Regime) -> tuple[float, int]:
        """Return the largest modulus in a regime of z or of differences, NaN if none is there.

        The number is how many there are.
        """
        cells = self.extended["regime"] == regime
        parts = [np.abs(values[cells]).ravel() for values in of.values()]
        found = np.concatenate([np.empty(0), *parts])
        found = found[~np.isnan(found)]
        return float(found.max()) if found.size else np.nan, found.size

    @staticmethod
    def limit(numbers: int) -> float:
        """Return the |z| that one of so many averages over BLOCKS blocks exceeds with CHANCE."""
        return -float(stdtrit(BLOCKS - 1, CHANCE / (2 * max(numbers, 1))))


def examine(
    variables: Arrays, coordinates: Arrays, lengths: tuple[int, int, int], count: int, seed: int
) -> tuple[Indices, Comparison]:
    """Compute a sample of a dataset's cells again and compare.

    `variables` have the shape of the grid, `coordinates` can be broadcast to it: mu, and imbalance
    and product or a and b. `lengths` are the dataset's transient, measured steps and max_period. A
    short run comes first; where it is undecided or says something else, one of these lengths
    decides. The result names the cells by their flat indices.
    """
    shape = variables["regime"].shape
    chosen = sample(variables["regime"], variables.get("period"), count, seed)
    cells = {k: np.broadcast_to(x, shape).ravel()[chosen] for k, x in coordinates.items()}
    recorded = {k: x.reshape(-1, *x.shape[len(shape) :])[chosen] for k, x in variables.items()}
    first = recompute(cells, (*np.minimum(lengths[:2], LENGTHS).tolist(), lengths[2]))
    found = compare(recorded, first)
    again = np.flatnonzero(found.differ | ~found.decided)
    second = recompute({name: values[again] for name, values in cells.items()}, lengths)
    for i, cell in zip(again, second, strict=True):
        first[i] = cell
    return chosen, compare(recorded, first)


def sample(regime: NDArray[Any], period: NDArray[Any] | None, count: int, seed: int) -> Indices:
    """Draw `count` cells (all where there are fewer), ascending flat indices into the grid.

    Regimes take turns, inside each the cells next to a different label and the others, and inside
    these the periods; which cell comes first is drawn. The same labels and seed give the same.
    """
    period = np.zeros_like(regime) if period is None else period
    words = np.random.Philox(key=seed)  # raw words, for a generator's methods may change
    if regime.size > CANDIDATES:
        cells = np.unique(words.random_raw(CANDIDATES) % np.uint64(regime.size)).astype(np.intp)
    else:
        cells = np.arange(regime.size)
    groups = [x.ravel()[cells].astype(np.int64) for x in (regime, _borders(regime, period), period)]
    chance = words.random_raw(cells.size)
    turn = _turns(groups, chance)
    while len(groups) > 1:  # periods take turns, then the two sides, and last the regimes
        groups.pop()
        turn = _turns(groups, turn)
    return np.sort(cells[np.lexsort([chance, turn])[:count]])


def _borders(regime: NDArray[Any], period: NDArray[Any]) -> Mask:
    """Which cells of a grid have a neighbour along any axis with another regime or period."""
    found = np.zeros(regime.shape, dtype=bool)
    for axis in range(regime.ndim):
        for values in (regime, period):
            unlike = np.diff(values.astype(np.int64), axis=axis) != 0
            before = [(0, 0)] * regime.ndim
            after = before.copy()
            before[axis], after[axis] = (1, 0), (0, 1)
            found |= np.pad(unlike, before) | np.pad(unlike, after)
    return found


def _turns(groups: Sequence[NDArray[Any]], by: NDArray[Any]) -> Indices:
    """Place of each cell among those of its group, which are ordered `by`."""
    order = np.lexsort([by, *groups])
    begins = np.ones(by.size, dtype=bool)
    begins[1:] = np.logical_or.reduce([x[order][1:] != x[order][:-1] for x in groups])
    places, turns = np.arange(by.size), np.empty(by.size, dtype=np.intp)
    turns[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return turns


def recompute(cells: Arrays, lengths: tuple[int, int, int]) -> list[Cell]:
    """Label N cells in extended precision; `cells` and `lengths` as in `examine`, shape (N,)."""
    ends = start if "imbalance" in cells else lambda a, b: (Decimal(a), Decimal(b))
    names = ("imbalance", "product") if "imbalance" in cells else ("a", "b")
    table = zip(*(cells[name].tolist() for name in ("mu", *names)), strict=True)
    return [label(mu, *ends(one, other), *lengths) for mu, one, other in table]


def compare(recorded: Arrays, cells: Sequence[Cell]) -> Comparison:
    """Hold what a dataset recorded of N cells, variable by variable, against extended precision.

    Variables that are absent are not compared; an average needs its error.
    """
    labels = [name for name in LABELS if name in recorded]
    extended = {name: np.array([getattr(cell, name) for cell in cells], int) for name in labels}
    found = Comparison({name: recorded[name] for name in labels}, extended, {}, {})
    moves = np.isin(extended["regime"], [Regime.PERIODIC, Regime.CHAOTIC])
    alike = moves & found.decided & ~found.differ
    for name in AVERAGES:
        if f"{name}_error" in recorded:
            value, error = _values([getattr(cell, name) for cell in cells])
            with np.errstate(invalid="ignore"):
                difference = recorded[name] - value
            difference[~(alike & np.isfinite(difference.T)).T] = np.nan
            found.differences[name] = difference
            found.errors[name] = np.hypot(recorded[f"{name}_error"], error)
    return found


def _values(estimates: Sequence[Estimate | tuple[Estimate, ...]]) -> tuple[Floats, Floats]:
    """Values and errors as arrays, exponents in a last dimension."""
    pairs = [x if isinstance(x, tuple) else (x,) for x in estimates]
    both = np.array([[(x.value, x.error) for x in pair] for pair in pairs], dtype=np.float64)
    both = both.reshape(len(pairs), -1, 2)
    value, error = both[..., 0], both[..., 1]
    return (value[:, 0], error[:, 0]) if value.shape[1] == 1 else (value, error)
