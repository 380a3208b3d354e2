"""A pool of prompts, from which mini-batches are drawn, as a question about the map.

In the scalar model a step on a batch is a' = a - r b, b' = b - r a with r = h ab - mu g, where
mu = eta |E c y| and a = sqrt(eta E c^2) u: h and g are the batch's means of c^2/E c^2 and
c y/E c y, E the mean over the pool. In the matrix model prompts move different directions: there
are no two factors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lt2f.advice import checks
from lt2f.advice.checks import AdviceError
from lt2f.training.prompt_batches import Batches, multipliers
from lt2f.training.prompts import Prompt, gaussian_prompt, read_prompts

Floats = NDArray[np.float64]

MOST_PROMPTS: Final = 2**12  # in a pool or a batch
MOST_NUMBERS: Final = 2**26  # of all prompts together
SHAPE: Final = ("dimension", "context", "pool_size")
HOW: Final = (
    "should be a file of prompts, or dimension=8,context=32,pool_size=64 and, if any, "
    "label_noise=0.1 for Gaussian ones"
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Mini-batches of prompts: how many in each, of how many, and whether one can come twice.

    `multipliers`, shape (2, pool_size), are c^2/E c^2 and c y/E c y of each prompt.
    """

    batch_size: int
    pool_size: int
    replacement: bool
    multipliers: Floats = field(repr=False, compare=False)

    def batches(self, size: int | None = None) -> Batches:
        """Return the batches, or those of another size."""
        return Batches(self.multipliers, size or self.batch_size, self.replacement)

    @property
    def is_silent(self) -> bool:
        """Whether every batch has the means of the pool, so that there is no noise."""
        return self.batches().is_silent or not self.batches().covariance().any()


@dataclass(frozen=True, slots=True)
class Pool:
    """Words for a pool, its multipliers, the root of E c^2, and E c y with its sign."""

    said: str
    multipliers: Floats
    factor: float
    product: float


def read(pool: Any, seed: int) -> Pool:
    """Read a pool from a file, from prompts, or draw a Gaussian one as described."""
    if isinstance(pool, str) and "=" in pool:
        return _gaussian(_described(pool), seed)
    if isinstance(pool, str | Path):
        try:
            return _pool(f"{Path(pool).name}", read_prompts(pool))
        except ValueError as error:
            raise AdviceError("pool", str(error)) from None
        except OSError as error:
            raise AdviceError("pool", f"{HOW} ({error.strerror})", pool) from None
    if isinstance(pool, Mapping):
        return _gaussian(pool, seed)
    some = tuple(pool) if isinstance(pool, Iterable) else ()
    if some and all(isinstance(prompt, Prompt) for prompt in some):
        return _pool("a pool", some)
    raise AdviceError("pool", HOW, pool)


def _described(words: str) -> dict[str, int | float]:
    """Read a description such as dimension=8,context=32,pool_size=64."""
    try:
        pairs = [part.split("=") for part in words.split(",")]
        return {
            key.strip(): float(value) if key.strip() == "label_noise" else int(value)
            for key, value in pairs
        }
    except ValueError:
        raise AdviceError("pool", HOW, words) from None


def sampling(pool: Pool, batch_size: int | None, replacement: bool) -> Sampling:
    """Check how batches are drawn."""
    count = pool.multipliers.shape[1]
    if batch_size is None:
        raise AdviceError("batch_size", "missing, a pool asks for the number of prompts in a batch")
    most = MOST_PROMPTS if replacement else count
    checks.whole("batch_size", batch_size, 1, most)
    if not isinstance(replacement, bool):
        raise AdviceError("replacement", "should be true or false", replacement)
    return Sampling(int(batch_size), count, replacement, pool.multipliers)


def _gaussian(told: Mapping[str, Any], seed: int) -> Pool:
    """Draw a pool as the setting `noise` of a sweep describes it."""
    odd = told.keys() - {*SHAPE, "label_noise"}
    if odd or not set(SHAPE) <= told.keys():
        raise AdviceError("pool", HOW, ", ".join(f"{key}={told[key]}" for key in told))
    for key in SHAPE:
        checks.whole(f"pool {key}", told[key], 1, MOST_PROMPTS)
    d, context, count = (int(told[key]) for key in SHAPE)
    if d * context * count > MOST_NUMBERS:
        allowed = f"should be at most {MOST_NUMBERS} as dimension times context times pool_size"
        raise AdviceError("pool", allowed, d * context * count)
    deviation = told.get("label_noise", 0.0)
    if deviation != 0:
        checks.number("pool label_noise", deviation, checks.NOT_NEGATIVE, positive=True)
    said = f"{count} Gaussian prompts (dimension {d}, context {context}"
    said += f", label noise {deviation:g})" if deviation else ")"
    return Pool(said, *_drawn(seed, count, d, context, float(deviation)))


@lru_cache(maxsize=4)
def _drawn(
    seed: int, count: int, d: int, context: int, noise: float
) -> tuple[Floats, float, float]:
    return _moments(gaussian_prompt(seed, k, d, context, noise) for k in range(count))


def _pool(said: str, prompts: tuple[Prompt, ...]) -> Pool:
    checks.whole("pool: number of prompts", len(prompts), 1, MOST_PROMPTS)
    return Pool(f"{said} of {len(prompts)} prompts", *_moments(prompts))


def _moments(prompts: Iterable[Prompt]) -> tuple[Floats, float, float]:
    """Return the multipliers of a pool, the root of E c^2 and E c y."""
    some = tuple(prompts)
    with np.errstate(all="ignore"):
        c = np.array([p.query @ (p.labels @ p.context) / p.labels.size for p in some])
        y = np.array([p.target for p in some])
        factor, product = float(np.sqrt(np.mean(c * c))), float(np.mean(c * y))
        try:
            found = multipliers(some)
        except ValueError as error:
            found = np.full((2, c.size), np.nan)
            if np.isfinite([factor, product]).all():
                raise AdviceError("pool", f"moves nothing: {error}") from None
    if not np.isfinite([*found.ravel(), factor, product]).all():
        raise AdviceError("pool", "has couplings c or products c y beyond the range of doubles")
    return found, factor, product
