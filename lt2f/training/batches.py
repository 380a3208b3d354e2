"""Mini-batch noise as sequences: one number per step, with zero mean and unit variance.

Realization k is one mini-batch order, a function of (seed, k, step) alone: every cell of a grid
sees the same one, so no result depends on which cells are computed together, and a grid that grows
keeps what it had. The words come from Philox (Salmon et al. 2011), a counter-based generator whose
stream is fixed by its definition; a law (`lt2f.laws`) turns one word into one number.
"""

from collections.abc import Callable

import numpy as np

from lt2f import laws
from lt2f.laws import Floats, Words


def words(seed: int, realization: int, steps: int, stream: int = 0) -> Words:
    """64-bit words of steps 0 ... steps - 1; a longer sequence begins with the shorter one.

    A realization, which is at most 2^53, has independent streams: their number is in the highest
    byte of the key's second word.
    """
    key = np.array([seed, realization + (stream << 56)], dtype=np.uint64)
    return np.random.Philox(key=key).random_raw(steps)


LAWS: dict[str, Callable[[Words], Floats]] = {name: law.numbers for name, law in laws.LAWS.items()}


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
