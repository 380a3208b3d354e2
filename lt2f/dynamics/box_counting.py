"""The box-counting dimension of a boundary between labels on a grid, and how far to trust it.

Of boxes with sides 2^k cells those are counted that hold two labels, N of them; the dimension is
the slope of log N over -log side, fitted by least squares. A box is looked at in the same number of
places whatever its side: where a boundary is alike on all scales the share of boxes in which they
miss it is too, and leaves the slope alone. To look at every cell of the large ones makes fine boxes
seem few: a graph of dimension 3/2 was then found to have 1.37.

The standard error is that of chance alone, from the jackknife over the largest boxes, for one
boundary is counted at every scale. What a fit cannot see is that its line is none: that a window
holds few of the largest structures, or that a set alike on scales of 3^-k wavers about a line over
2^-k. So the slope is fitted again to the finer half of the scales and to the coarser, and the
larger of the two distances stands beside the error, as a bound of this drift.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics.jackknife import Blocks, Floats, fit, jackknife, share

SIDE: Final = 8  # largest boxes along a side: the blocks of the jackknife
PLACES: Final = 3  # a box is looked at in 2^3 + 1 places along each side


class Boxes(NamedTuple):
    """How many boxes of each side, in cells and falling, hold two labels, with standard errors."""

    side: Floats
    number: Floats
    error: Floats
    blocks: Blocks


class Dimension(NamedTuple):
    """A slope, its standard error, a bound of its drift over the scales, and log N at side 1."""

    value: float
    error: float
    drift: float
    height: float

    def uncertainty(self, sigmas: float = 4.0) -> float:
        """Return so many standard errors and the bound of drift."""
        return sigmas * self.error + self.drift


def count_boxes(labels: ArrayLike, places: int = PLACES) -> Boxes:
    """Count the boxes of 2^k by 2^k cells that hold two labels, 8 of the largest along a side.

    A box shares its edges with its neighbours.

    Parameters
    ----------
    labels
        Integers of shape (n, n), best with n a power of two or that plus one; of others the corner
        that holds 8 boxes of a power of two is counted.
    places
        A box is looked at in 2^places + 1 places along each side, which are all that the smallest
        one has.

    Raises
    ------
    ValueError
        If the grid is not square or too small for four sizes of boxes, or has no boundary.
    """
    ends = np.asarray(labels)
    least = SIDE * 2 ** (places + 3)
    if ends.ndim != 2 or ends.shape[0] != ends.shape[1] or ends.shape[0] < least:
        text = f"boxes need a square grid of at least {least} cells a side, not {ends.shape}"
        raise ValueError(text)
    largest = int(math.log2(ends.shape[0] // SIDE))
    n = SIDE * 2**largest
    padded = np.pad(ends, ((0, 1), (0, 1)), mode="edge")[: n + 1, : n + 1]
    powers = np.arange(largest, places - 1, -1)
    each = [_boxes(padded[:: 2 ** (k - places), :: 2 ** (k - places)], places) for k in powers]
    sums = np.array(
        [
            mixed.reshape(SIDE, -1, SIDE, mixed.shape[1] // SIDE).sum(axis=(1, 3)).ravel()
            for mixed in each
        ],
        dtype=np.float64,
    ).T
    where = np.arange(SIDE) // 2
    groups = (SIDE // 2 * where[:, np.newaxis] + where).ravel()
    blocks = Blocks(sums, np.full(sums.shape, 1.0 / sums.shape[0]), groups)
    number, error = jackknife(blocks, share)
    if not number.all():
        raise ValueError("there is no boundary, or none that boxes of every size see")
    return Boxes(np.asarray(2.0**powers), number, error, blocks)


def dimension(boxes: Boxes) -> Dimension:
    """Fit the dimension to all sides, and its drift to the finer and the coarser half of them."""
    scales = boxes.side.size
    half = scales // 2 + 1  # both have the middle one, if there is one
    coarse, whole, fine = (
        _slope(boxes, np.isin(np.arange(scales), some))
        for some in (np.arange(half), np.arange(scales), np.arange(scales - half, scales))
    )
    drift = max(abs(coarse[0] - whole[0]), abs(fine[0] - whole[0]))
    return Dimension(*whole[:2], drift, whole[2])


def local_slopes(boxes: Boxes) -> Floats:
    """Return the slopes between every two sides next to each other, coarsest first."""
    return -np.diff(np.log(boxes.number)) / np.diff(np.log(boxes.side))


def box_dimension(labels: ArrayLike, places: int = PLACES) -> Dimension:
    """Estimate the box-counting dimension of the boundary between labels on a square grid.

    Raises ValueError as `count_boxes` does.
    """
    return dimension(count_boxes(labels, places))


def _slope(boxes: Boxes, fitted: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Fit a line with equal weights: small boxes are many, but no nearer to the limit for that."""
    found = fit(np.log(boxes.side), boxes.blocks, boxes.number, boxes.number, fitted)
    return -found.value, found.error, math.log(found.amplitude)


def _boxes(ends: NDArray[np.generic], places: int) -> NDArray[np.bool_]:
    """Tell which boxes of 2^places cells a side hold two labels."""
    first = ends[:-1, :-1]
    mixed = (first != ends[1:, :-1]) | (first != ends[:-1, 1:]) | (first != ends[1:, 1:])
    for _ in range(places):
        mixed = mixed.reshape(mixed.shape[0] // 2, 2, -1, 2).any(axis=(1, 3))
    return np.asarray(mixed)
