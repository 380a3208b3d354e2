"""Final-state sensitivity: how often a small displacement of the start changes where a run ends.

The fraction f(eps) of starts whose label differs from that of a start displaced by eps goes like
eps^alpha, alpha the uncertainty exponent (Grebogi, McDonald, Ott, Yorke, Phys. Lett. A 99 (1983)
415): to halve f the start has to be known 2^(1/alpha) times better. A smooth boundary has
alpha = 1; in general alpha is the dimension of the starts minus the box-counting dimension of the
boundary between labels.

Errors. Neighbouring starts are not independent, for along a boundary their labels change together,
and one start serves every eps. So what is resampled are blocks of the grid, wide against the
boundary's structure, with all their eps: about 64, an even number along each axis. Blocks also
differ because one end of a window lies closer to the boundary than the other, which is no error;
neighbouring blocks are therefore grouped, two along each axis, and compared within their groups
alone (a stratified jackknife). What is left of the trend inside a group makes errors too large
rather than too small.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCKS: Final = 64
SMALL: Final = 0.02  # fractions up to this are far from saturation
KNOWN: Final = 0.25  # relative error up to which a fraction has a logarithm worth fitting


class Blocks(NamedTuple):
    """Sums over blocks, of how many starts, (B, K) both, and the group of each block, (B,)."""

    sums: Floats
    sizes: Floats
    groups: Integers


class Fractions(NamedTuple):
    """Fractions of starts whose label changes, and of how many, (K,), by size of displacement."""

    epsilon: Floats
    fraction: Floats
    error: Floats
    starts: Integers
    blocks: Blocks


class Exponent(NamedTuple):
    """A slope with its standard error, the line's value at 1, and which points it was fitted to."""

    value: float
    error: float
    amplitude: float
    fitted: NDArray[np.bool_]


def uncertain_fractions(
    labels: ArrayLike, perturbation: ArrayLike, absent: int | None = None
) -> Fractions:
    """Count the starts whose label a displacement changes.

    The boundary of one label may be of another kind than that between the others: inside the
    ellipse runs reach one branch of minima or the other, and its smooth edge, beyond which they
    diverge, has alpha = 1. With such a label `absent`, only starts that have it neither before nor
    after the displacement are counted, in numerator and denominator alike: the fraction is that of
    changes between two other labels, among starts with one of these before and after.

    Parameters
    ----------
    labels
        Integers of shape (..., K): what becomes of each start of a grid under each perturbation.
    perturbation
        The K displacements, one of them 0.
    absent
        Label of starts that are left out, for a displacement at either end of which they have it;
        None counts all starts.

    Returns
    -------
    Fractions
        For the other displacements by size: eps, the fraction of starts whose label is not that of
        the undisplaced start, its standard error, and the number of starts of which it is the
        fraction; NaN where there are none.

    Raises
    ------
    ValueError
        If no perturbation is 0, or none other; if shapes do not fit; if the grid of starts is too
        small for two blocks.
    """
    ends, by = np.asarray(labels), np.asarray(perturbation, dtype=np.float64)
    if by.ndim != 1 or ends.shape[-1:] != by.shape:
        raise ValueError(f"labels {ends.shape} do not end with {by.size} perturbations")
    if not (by == 0).any() or not by.any():
        raise ValueError("perturbations need 0, which the others are compared with, and others")
    order = np.argsort(np.abs(by), kind="stable")
    order = order[by[order] != 0]
    unmoved = ends[..., int(np.argmin(np.abs(by)))]
    moved, unmoved = ends[..., order], unmoved[..., np.newaxis]
    counted = np.ones(moved.shape, dtype=np.bool_)
    if absent is not None:
        counted = (moved != absent) & (unmoved != absent)
    blocks = _blocks(counted & (moved != unmoved), counted)
    fraction, error = _jackknife(blocks, _share)
    starts = blocks.sizes.sum(axis=0).astype(np.int64)
    return Fractions(np.abs(by[order]), fraction, error, starts, blocks)


def uncertainty_exponent(
    fractions: Fractions, within: tuple[float, float] | None = None
) -> Exponent:
    """Fit log f = alpha log eps + constant by weighted least squares.

    Fitted are the eps of `within`, ends included, or where nothing is said those with 0 < f <= 0.02
    whose relative error is at most 1/4; a fraction that is 0 is never fitted. Weights are those
    of the errors of log f. The standard error is the jackknife's over blocks of starts, since all
    eps share their starts; it says nothing of curvature, which local slopes show.

    Raises ValueError where fewer than two eps are left.
    """
    eps, f, error = fractions.epsilon, fractions.fraction, fractions.error
    fitted = (f > 0) & np.isfinite(error)
    if within is None:
        fitted &= (f <= SMALL) & (error <= KNOWN * f)
    else:
        fitted &= (within[0] <= eps) & (eps <= within[1])
    return _fit(np.log(eps), fractions.blocks, f, error, fitted)


def box_dimension(labels: ArrayLike) -> tuple[float, float]:
    """Estimate the box-counting dimension of the boundary between labels on a square grid.

    A box of 2^k by 2^k cells, which shares its edges with its neighbours, counts if it holds two
    labels; k goes from 1 to where 8 boxes fit along a side. The slope of log N over -log 2^k and
    its error are those of `uncertainty_exponent`, over the largest boxes as blocks. What lies in
    the finite range of scales, and the finest scales of a thin boundary, is no part of the error.

    Parameters
    ----------
    labels
        Integers of shape (n, n), n a multiple of 16 or that plus one, best a power of two.

    Raises
    ------
    ValueError
        If the grid is not square or smaller than 32 cells, or has no boundary.
    """
    ends = np.asarray(labels)
    n = ends.shape[0] // 16 * 16
    if ends.ndim != 2 or ends.shape[0] != ends.shape[1] or n < 32:
        raise ValueError(f"boxes need a square grid of at least 32 cells a side, not {ends.shape}")
    largest = int(math.log2(n // 8))
    n = 8 * 2**largest
    padded = np.pad(ends, ((0, 1), (0, 1)), mode="edge")[: n + 1, : n + 1]
    mixed: NDArray[np.bool_] = _mixed(padded)
    sides, counts = [], []
    for k in range(1, largest + 1):
        pairs = mixed.reshape(mixed.shape[0] // 2, 2, -1, 2)
        mixed = np.asarray(pairs.any(axis=(1, 3)))
        sides.append(2.0**k)
        counts.append(mixed.reshape(8, 2 ** (largest - k), 8, -1).sum(axis=(1, 3)).ravel())
    where = np.arange(8) // 2
    groups = (4 * where[:, np.newaxis] + where).ravel()
    sums = np.array(counts, dtype=np.float64).T
    blocks = Blocks(sums, np.ones(sums.shape), groups)
    count, error = _jackknife(blocks, _share)
    if not count.all():
        raise ValueError("there is no boundary, all labels are equal")
    found = _fit(np.log(sides), blocks, count, error, np.ones(count.size, dtype=bool))
    return -found.value, found.error


def _mixed(ends: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Tell which squares of four neighbouring cells hold two labels."""
    first = ends[:-1, :-1]
    return (first != ends[1:, :-1]) | (first != ends[:-1, 1:]) | (first != ends[1:, 1:])


def _blocks(changed: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Blocks:
    """Cut a grid of starts, all axes but the last, into blocks and these into groups."""
    shape = changed.shape[:-1]
    long = [n for n in shape if n > 1]
    aim = 2 * max(1, round(BLOCKS ** (1 / max(1, len(long))) / 2))
    sides = [min(aim, n // 2 * 2) if n > 1 else 1 for n in shape]
    if math.prod(sides) < 2:
        raise ValueError(f"a grid of {shape} starts is too small for blocks")
    places = [np.arange(n) * side // n for n, side in zip(shape, sides, strict=True)]
    mesh = np.meshgrid(*places, indexing="ij")
    block = np.ravel_multi_index(mesh, sides).ravel()
    count = math.prod(sides)
    sums, sizes = (
        np.array([np.bincount(block, column, count) for column in x.reshape(-1, x.shape[-1]).T]).T
        for x in (changed, counted)
    )
    each = np.unravel_index(np.arange(count), sides)
    halves = [-(-side // 2) for side in sides]
    groups = np.ravel_multi_index([index // 2 for index in each], halves)
    return Blocks(sums, sizes, groups)


def _share(sums: Floats, sizes: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # of no start at all
        return np.asarray(sums / sizes)


def _jackknife(
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


def _fit(
    x: Floats, blocks: Blocks, y: Floats, error: Floats, fitted: NDArray[np.bool_]
) -> Exponent:
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
            return np.asarray(np.log(_share(sums, sizes)[..., fitted]) @ lever)

    value, deviation = _jackknife(blocks, slope)
    height = weight @ np.log(y[fitted]) - value * middle
    return Exponent(float(value), float(deviation), math.exp(height), fitted)
