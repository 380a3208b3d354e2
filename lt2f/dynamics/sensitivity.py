"""Final-state sensitivity: how often a small displacement of the start changes where a run ends.

The fraction f(eps) of starts whose label differs from that of a start displaced by eps goes like
eps^alpha, alpha the uncertainty exponent (Grebogi, McDonald, Ott, Yorke, Phys. Lett. A 99 (1983)
415): to halve f the start has to be known 2^(1/alpha) times better. A smooth boundary has
alpha = 1; in general alpha is the dimension of the starts minus the box-counting dimension of the
boundary between labels.

Errors are those of `lt2f.dynamics.jackknife`: neighbouring starts are not independent, for along a
boundary their labels change together, and one start serves every eps.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics.jackknife import Blocks, Exponent, Floats, fit, jackknife, share

Integers = NDArray[np.int64]

BLOCKS: Final = 64
SMALL: Final = 0.02  # fractions up to this are far from saturation
KNOWN: Final = 0.25  # relative error up to which a fraction has a logarithm worth fitting


class Fractions(NamedTuple):
    """Fractions of starts whose label changes, and of how many, (K,), by size of displacement."""

    epsilon: Floats
    fraction: Floats
    error: Floats
    starts: Integers
    blocks: Blocks


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
    fraction, error = jackknife(blocks, share)
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
    return fit(np.log(eps), fractions.blocks, f, error, fitted)


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
