"""Means, and slopes of logarithms, of counts over a grid whose neighbours are not independent.

What is resampled are blocks of the grid, wide against the structure that is counted, with their
counts at every scale: about 64, an even number along each axis. Blocks also differ because one end
of a window lies closer to what is counted than the other, which is no error; neighbouring blocks
are therefore grouped, two along each axis, and compared within their groups alone (a stratified
jackknife). What is left of the trend inside a group makes errors too large rather than too small.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Blocks(NamedTuple):
    """Sums over blocks, of how many, (B, K) both, and the group of each block, (B,)."""

    sums: Floats
    sizes: Floats
    groups: Integers


class Exponent(NamedTuple):
    """A slope with its standard error, the line's value at 1, and which points it was fitted to."""

    value: float
    error: float
    amplitude: float
    fitted: NDArray[np.bool_]


def share(sums: Floats, sizes: Floats) -> Floats:
    """Return the mean over all blocks."""
    with np.errstate(invalid="ignore"):  # of nothing at all
        return np.asarray(sums / sizes)


def jackknife(
    blocks: Blocks, estimate: Callable[[Floats, Floats], Floats]
) -> tuple[Floats, Floats]:
    """Return an estimate from all blocks and its standard error, comparing within groups.

    Without a block the others of its group stand for it: each counts n/(n - 1) times. For a mean
    this is the variance of a stratified sample; where blocks hold unlike numbers of starts, it is
    that of a ratio of sums.
    """
    members = np.bincount(blocks.groups)[blocks.groups].astype(np.float64)
    columns = np.concatenate([blocks.sums, blocks.sizes], axis=1)
    k = blocks.sums.shape[1]
    group = np.zeros((int(blocks.groups.max()) + 1, columns.shape[1]))
    np.add.at(group, blocks.groups, columns)
    scale = (members / (members - 1))[:, np.newaxis]
    without = columns.sum(axis=0) - group[blocks.groups]
    without += scale * (group[blocks.groups] - columns)
    values = estimate(without[:, :k], without[:, k:])
    means = np.zeros((group.shape[0], *values.shape[1:]))
    np.add.at(means, blocks.groups, (values.T / members).T)
    squares = ((values - means[blocks.groups]) ** 2).T * (1 - 1 / members)
    whole = estimate(blocks.sums.sum(axis=0), blocks.sizes.sum(axis=0))
    return whole, np.sqrt(squares.T.sum(axis=0))


def fit(x: Floats, blocks: Blocks, y: Floats, error: Floats, fitted: NDArray[np.bool_]) -> Exponent:
    """Fit a line to log y by weighted least squares; its slope with the jackknife's error."""
    if fitted.sum() < 2:
        raise ValueError(f"a slope needs two points, {int(fitted.sum())} can be fitted")
    spread = np.maximum(error[fitted] / y[fitted], 1e-9)  # two that agree exactly weigh no more
    weight = spread**-2.0 / (spread**-2.0).sum()
    middle = weight @ x[fitted]
    lever = weight * (x[fitted] - middle)
    lever /= lever @ x[fitted]

    def slope(sums: Floats, sizes: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(share(sums, sizes)[..., fitted]) @ lever)

    value, deviation = jackknife(blocks, slope)
    height = weight @ np.log(y[fitted]) - value * middle
    return Exponent(float(value), float(deviation), math.exp(height), fitted)
