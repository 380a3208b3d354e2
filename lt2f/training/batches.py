"""Mini-batch noise as sequences: one number per step, with zero mean and unit variance.

Realization k is one mini-batch order, a function of (seed, k, step) alone: every cell of a grid
sees the same one, so no result depends on which cells are computed together, and a grid that grows
keeps what it had. The words come from Philox (Salmon et al. 2011), a counter-based generator whose
stream is fixed by its definition; a law turns one word into one number by its inverse distribution
function, so that a step always uses one word.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]


def words(seed: int, realization: int, steps: int, stream: int = 0) -> Words:
    """64-bit words of steps 0 ... steps - 1; a longer sequence begins with the shorter one.

    A realization, which is at most 2^53, has independent streams: their number is in the highest
    byte of the key's second word.
    """
    key = np.array([seed, realization + (stream << 56)], dtype=np.uint64)
    return np.random.Philox(key=key).random_raw(steps)


def _uniform(raw: Words) -> Floats:
    """Midpoints of 2^52 equal parts of (0, 1), exactly: never 0, never 1, symmetric about 1/2."""
    return ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def _normal(raw: Words) -> Floats:
    """Numbers of the standard normal law."""
    from scipy.special import ndtri  # here, because most sweeps can do without its import

    return np.asarray(ndtri(_uniform(raw)))


LAWS: dict[str, Callable[[Words], Floats]] = {
    "two_point": lambda raw: np.where(raw >> np.uint64(63), 1.0, -1.0),
    "uniform": lambda raw: np.sqrt(3.0) * (2.0 * _uniform(raw) - 1.0),
    "normal": _normal,
}


def sequence(seed: int, realization: int, steps: int, law: str) -> Floats:
    """Noise of steps 0 ... steps - 1 under a law with zero mean and unit variance.

    Raises
    ------
    KeyError
        If the law is not one of `LAWS`.
    """
    return LAWS[law](words(seed, realization, steps))


def pair(seed: int, realization: int, steps: int, law: str) -> Floats:
    """Two independent sequences, shape (2, steps), the first one that of `sequence`.

    For noise that treats the two factors differently. Raises KeyError as `sequence` does.
    """
    return np.stack([LAWS[law](words(seed, realization, steps, stream)) for stream in (0, 1)])
