"""Time averages along an orbit and their standard errors, from averages over blocks of steps."""

import numpy as np
from numpy.typing import NDArray

SIGNIFICANT = 4.0  # standard errors
BLOCKS = 32  # 31 degrees of freedom: a 95 % interval is 2.04 standard errors wide each way

Floats = NDArray[np.float64]


def block_edges(steps: int) -> NDArray[np.int64]:
    """Steps at which the blocks of a run of `steps` begin and end: BLOCKS + 1 whole numbers."""
    return np.arange(BLOCKS + 1) * steps // BLOCKS


def grows(rate: Floats, error: Floats, steps: int, beyond: float = 1.0) -> NDArray[np.bool_]:
    """Whether a mean rate over `steps` is exponential growth, by `beyond` times what is asked.

    Asked is 4 standard errors, and more than a power law: a neutral orbit, such as the slow
    approach to a minimum at mu = 1, stretches tangent vectors by a power of the number of steps.
    Meanwhile block averages drift, and their error is too small.
    """
    return (rate > beyond * SIGNIFICANT * error) & (rate * steps > beyond * 2.0 * np.log(steps))


def mean_and_error(kept: Floats, blocks: int) -> tuple[Floats, Floats]:
    """Mean over all steps and its standard error, from what is kept of the means of `blocks`.

    `kept` has shape (3, ...): the first block's mean, and of all differences from it the sum and
    the sum of squares, weighted with each block's share of the steps. The error is that of
    independent blocks: right once a block is much longer than the memory of the orbit, and too
    large where blocks compensate each other, as sums that telescope do.
    """
    first, change, squares = kept
    return first + change, np.sqrt(np.maximum(squares - change * change, 0.0) / (blocks - 1))
