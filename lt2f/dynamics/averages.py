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
    """Means over all steps and their standard errors, from what is kept of the means of `blocks`.

    `kept` has shape (4, K + 1, ...): of K rates, and last of the increments of a function of the
    state, the first block's mean, and of all differences from it the sum, the sum of squares and
    the sum of products with those of the last, weighted with each block's share of the steps. The
    result is two arrays of shape (K, ...).

    Blocks count as independent but for what goes with the increments. These telescope: over n
    steps their error is of order 1/n, not 1/sqrt(n). At mu = 2 the exponents differ from log 3 by
    such increments alone, near it mostly.
    """
    first, change, squares, products = kept
    spread = np.maximum(squares - change * change, 0.0)
    common = products - change * change[-1]
    slope = common / spread[-1]
    fitted = np.isfinite(slope)  # else the increments vary not at all, or beyond all bounds
    telescoping = np.where(fitted, np.minimum(slope * common, spread), 0.0)
    variance = (spread - telescoping) / (blocks - 1 - fitted)
    variance += telescoping / ((blocks - 1) * blocks)
    return (first + change)[:-1], np.sqrt(variance[:-1])
