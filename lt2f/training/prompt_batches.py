"""Mini-batches of prompts: two numbers per step, by which a step departs from that of all prompts.

The scalar model predicts c u w for a prompt with target y, where c = x_q.h and h is the mean of its
labels times inputs. In a = sqrt(eta E c^2) u, b = sqrt(eta E c^2) w, with E the mean over a pool, a
step on a batch is a' = a - r b, b' = b - r a with

    r = h ab - mu g,  mu = eta |E c y|,  h = mean of c^2 / E c^2,  g = mean of c y / E c y,

means over the batch; the sign of E c y goes into that of u. So E h = E g = 1, and the pool as one
batch gives the map itself.

The words of slot k of a batch have a part of the Philox stream to themselves, so that a batch of
size B is the first B prompts of any larger one of the same step and realization; the sequence is a
function of (seed, realization, pool, batch size, step) alone.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from lt2f.training.prompts import Prompt

Floats = NDArray[np.float64]
Indices = NDArray[np.int64] | NDArray[np.int32]

APART = 2  # highest word of the counter; sequences of numbers have 0 there, prompts 1
ROOM = 2**22  # prompts of the pool times steps that are held in memory at a time
ENUMERATED = 2**16  # batches, at most, whose law is listed; of more a sample is
SAMPLED = 2**64 - 1  # the realization of that sample, which no sweep reaches
DEGENERATE = 1e-9  # |E c y| below this share of its bound sqrt(E c^2 E y^2) is rounding at large


def multipliers(prompts: Iterable[Prompt]) -> Floats:
    """Return c^2/E c^2 and c y/E c y of each prompt of a pool, shape (2, n); their means are 1.

    Raises
    ------
    ValueError
        If E c y is zero but for rounding: the pool then has no minimum but zero weights.
    """
    pairs = [(p.query @ (p.labels @ p.context) / p.labels.size, p.target) for p in prompts]
    c, y = np.array(pairs).T
    squares, products = c * c, c * y
    bound = math.sqrt(squares.mean() * (y * y).mean())
    if not abs(products.mean()) > DEGENERATE * bound:
        raise ValueError("the mean of c y over the pool of prompts is zero but for rounding")
    return np.stack([squares / squares.mean(), products / products.mean()])


@dataclass(frozen=True, eq=False, slots=True)
class Batches:
    """Batches of `size` prompts, drawn afresh at every step with or without replacement.

    `multipliers` are those of the pool, shape (2, n).

    Raises
    ------
    ValueError
        If a batch has no prompt, or without replacement more than the pool.
    """

    multipliers: Floats
    size: int
    replacement: bool

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a batch has at least one prompt, not {self.size}")
        if not self.replacement and self.size > self.pool_size:
            raise ValueError(f"{self.size} prompts cannot be drawn from {self.pool_size} but once")

    @property
    def pool_size(self) -> int:
        """Number of prompts in the pool."""
        return int(self.multipliers.shape[1])

    @property
    def is_silent(self) -> bool:
        """Whether every batch has the pool's own means: they are then 1, and not computed."""
        return self.pool_size == 1 or (not self.replacement and self.size == self.pool_size)

    def sequence(self, seed: int, realization: int, steps: int) -> Floats:
        """Return h and g of steps 0 ... steps - 1, shape (2, steps)."""
        total = np.zeros((2, steps))
        if self.is_silent:
            return total + 1.0
        for where, slot in self._slots(seed, realization, steps):
            total[:, where] += self.multipliers[:, slot]
        return total / self.size

    def prompts(self, seed: int, realization: int, steps: int) -> Indices:
        """Return the numbers of the prompts in the batch of each step, shape (steps, size)."""
        slots = [slot for _, slot in self._slots(seed, realization, steps, steps)]
        return np.stack(slots, axis=-1).astype(np.int64)

    def _slots(
        self, seed: int, realization: int, steps: int, room: int | None = None
    ) -> Iterator[tuple[slice, Indices]]:
        """Yield which prompts one slot of the batches holds, over some steps at a time.

        Without replacement slot k holds a random one of those that slots 0 ... k - 1 have left:
        the first steps of a shuffle by Fisher and Yates.
        """
        n = self.pool_size
        room = room or max(ROOM // n, 1)
        streams = [_stream(seed, realization, slot) for slot in range(self.size)]
        for first in range(0, steps, room):
            length = min(room, steps - first)
            where, rows = slice(first, first + length), np.arange(length)
            left = None if self.replacement else np.tile(np.arange(n, dtype=np.int32), (length, 1))
            for k, stream in enumerate(streams):
                words = stream.random_raw(length)
                if left is None:
                    yield where, _below(words, n)
                    continue
                other = k + _below(words, n - k)
                chosen = left[rows, other]
                left[rows, other] = left[:, k]
                yield where, chosen

    def covariance(self) -> Floats:
        """Return the covariance matrix of (h, g), shape (2, 2), exactly.

        That of single prompts over the size of a batch, and without replacement (n - B)/(n - 1)
        times that: the variance of the mean of a simple random sample.
        """
        n, single = self.pool_size, np.cov(self.multipliers, bias=True)
        if self.is_silent:
            return np.zeros((2, 2))
        left = 1.0 if self.replacement else (n - self.size) / (n - 1)
        return np.asarray(single * left / self.size)

    def law(self, seed: int, draws: int = ENUMERATED) -> tuple[Floats, Floats, bool]:
        """Return values of (h, g), shape (2, K), their weights (K,), and whether that is the law.

        It is where there are no more than ENUMERATED batches; elsewhere it is `draws` of them,
        apart from those of every realization.
        """
        n, size = self.pool_size, self.size
        if self.is_silent:
            return np.ones((2, 1)), np.ones(1), True
        count = math.comb(n + size - 1 if self.replacement else n, size)
        if count > ENUMERATED:
            return self.sequence(seed, SAMPLED, draws), np.full(draws, 1.0 / draws), False
        chosen = combinations_with_replacement if self.replacement else combinations
        flat = np.fromiter(chain.from_iterable(chosen(range(n), size)), np.int64, count * size)
        rows = flat.reshape(count, size)
        values = self.multipliers[:, rows].mean(axis=-1)
        weights = _multinomial(rows, n) if self.replacement else np.full(count, 1.0 / count)
        return values, weights, True


def _stream(seed: int, realization: int, slot: int) -> np.random.Philox:
    key = np.array([seed, realization], dtype=np.uint64)
    return np.random.Philox(key=key, counter=(0, slot, 0, APART))


def _below(words: NDArray[np.uint64], n: int) -> Indices:
    """Return floor(word n / 2^64), each of 0 ... n - 1 with probability 1/n to 2^-64; n < 2^32."""
    half, factor = np.uint64(32), np.uint64(n)
    low = ((words & np.uint64(2**32 - 1)) * factor) >> half
    return (((words >> half) * factor + low) >> half).astype(np.int64)


def _multinomial(rows: Indices, n: int) -> Floats:
    """Probability B!/(k_1! k_2! ...)/n^B of each sorted row, k_i times the same prompt."""
    weight, run = np.full(len(rows), 1.0 / n), np.ones(len(rows))
    for j in range(1, rows.shape[1]):
        run = np.where(rows[:, j] == rows[:, j - 1], run + 1.0, 1.0)
        weight = weight * (j + 1.0) / run / n
    return weight
