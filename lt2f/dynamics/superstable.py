"""Superstable cycles of the residual: every value of mu whose critical orbit comes back.

The square s = x^2 = e + mu on the balanced line maps as s' = s (k - s)^2, k = 1 + mu, in three
laps: it rises on L = [0, k/3], falls on M = [k/3, k] and rises on R = [k, k + 1], where x changes
its sign. The critical point k/3 is free; the other, k, falls on the fixed end 0. A superstable
cycle of period n is named by the laps of the n - 1 points after k/3, a word in L, M and R.

Which words occur, and how many: a word w stands for a cycle iff the itinerary w C is larger than
all its shifts, in the order L < C < M < R that every earlier M turns round, for the orbit of the
critical point never exceeds its first image. For such a word, let the critical value start the
orbit that visits the laps of w and then k/3, made backwards from k/3 by the branches of the
inverse; the critical value of the map lies below it at k = 1 and above it at k = 3, so the two
agree between. The words are counted at k = 3, where the map is conjugate to three full laps and
3^n points return after n steps. Putting L or M for C makes of a word w C the largest points of two
cycles, of period n or, one of them, n/2: so the cycles of period n, but the end k + 1, are twice
the words of n less the words of n/2. Thus the words of length n - 1 number

    (1/2n) sum over odd d dividing n of moebius(d) (3^(n/d) - 1) = 1, 2, 4, 10, 24, 60, 156, ...

That each occurs at one mu alone is proved for these by interval arithmetic, in the tests.
"""

import math
from functools import cache
from itertools import product
from typing import Final

from lt2f.dynamics.critical import Root, relation

_PLACES: Final = {"L": 0, "C": 1, "M": 2, "R": 3}
_HALVINGS: Final = 40  # of an interval of length 2; Newton's method does the rest


def order(itinerary: str) -> tuple[int, ...]:
    """Return a key that sorts itineraries as the points that have them: an M turns the rest."""
    key, turn = [], 1
    for lap in itinerary:
        key.append(turn * _PLACES[lap])
        turn = -turn if lap == "M" else turn
    return tuple(key)


def is_admissible(word: str) -> bool:
    """Tell whether a word in L, M, R is that of a superstable cycle: w C exceeds its shifts."""
    whole = word + "C"
    return all(order(whole[shift:]) < order(whole) for shift in range(1, len(whole)))


@cache
def words(period: int) -> tuple[str, ...]:
    """List the words of the superstable cycles of this residual period, by increasing mu."""
    laps = product("LMR", repeat=period - 1)
    found = (word for word in map("".join, laps) if is_admissible(word))
    return tuple(sorted(found, key=lambda word: order(word + "C")))


def count(period: int) -> int:
    """Count the superstable cycles of this residual period by the formula above."""
    odd = [d for d in range(1, period + 1, 2) if period % d == 0]
    return sum(_moebius(d) * (3 ** (period // d) - 1) for d in odd) // (2 * period)


def _moebius(n: int) -> int:
    primes = [p for p in range(2, n + 1) if n % p == 0 and all(p % q for q in range(2, p))]
    return 0 if any(n % (p * p) == 0 for p in primes) else (-1) ** len(primes)


def flips(word: str) -> int:
    """Return the sign, 1 or -1, with which x comes back: each R on the way changes it."""
    return -1 if word.count("R") % 2 else 1


def superstable(word: str) -> Root:
    """Find the mu of the superstable cycle with this word.

    Raises ValueError where the word is not admissible.
    """
    if not is_admissible(word):
        raise ValueError(f"no superstable cycle has the word {word!r}")
    low, high = 1.0, 3.0
    for _ in range(_HALVINGS):
        k = (low + high) / 2
        low, high = (low, k) if _excess(k, word) > 0 else (k, high)
    return relation(len(word) + 1, 0, flips(word), (low + high) / 2 - 1)


def _excess(k: float, word: str) -> float:
    """Compute how far the critical value exceeds the point whose orbit follows a word.

    With |x| = 2 sqrt(k/3) sin t the next |x| is 2 (k/3)^1.5 |sin 3t|: each lap is a third of the
    arcsine. A point above the critical value has no preimage; the nearest takes its place.
    """
    scale, most = 2 * math.sqrt(k / 3), 2 * (k / 3) ** 1.5
    x = scale / 2
    for lap in reversed(word):
        angle = math.asin(min(1.0, x / most))
        x = scale * math.sin(
            (angle if lap == "L" else math.pi + (angle if lap == "R" else -angle)) / 3
        )
    return most - x
