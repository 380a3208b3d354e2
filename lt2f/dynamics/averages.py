"""Time averages along an orbit and their standard errors, from averages over blocks of steps."""

import numpy as np
from numpy.typing import NDArray

BLOCKS = 32  # 31 degrees of freedom: a 95 % interval is 2.04 standard errors wide each way

Floats = NDArray[np.float64]


def block_edges(steps: int) -> NDArray[np.int64]:
    """Steps at which the blocks of a run of `steps` begin and end: BLOCKS + 1 whole numbers."""
    return np.arange(BLOCKS + 1) * steps // BLOCKS


def mean_and_error(rates: Floats, lengths: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean over all steps and its standard error, from the means of each block.

    `rates` has shape (..., BLOCKS, N) and `lengths` (BLOCKS,). The error is that of independent
    blocks: right once a block is much longer than the memory of the orbit, and too large where
    blocks compensate each other, as sums that telescope do.
    """
    weights = (lengths / lengths.sum())[:, np.newaxis]
    mean = (rates * weights).sum(axis=-2)
    spread = (rates - mean[..., np.newaxis, :]) ** 2
    error = np.sqrt((spread * weights).sum(axis=-2) / (len(lengths) - 1))
    return mean, error
