"""The cascade of doublings, its mirror of merging bands, and the point where both accumulate.

From mu = 1 on the cycle of the residual doubles its period at mu_1 < mu_2 < ... Between two
doublings lies a superstable cycle; beyond all of them, 2^j chaotic bands merge into 2^(j-1) where
the critical orbit lands on the unstable cycle of period 2^(j-1). The intervals of each of the
three sequences shrink by ratios that tend to the same number, Feigenbaum's.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

from lt2f.dynamics.bifurcations import cycle_point
from lt2f.dynamics.critical import Root, decimals, relation
from lt2f.dynamics.windows import parabola

_RATIO: Final = Decimal("4.67")  # of intervals, before a sequence has shown its own
_MERGING: Final = 1.36
_ENOUGH: Final = 11  # terms, up to period 1024: their limit is then known to a double


class Limit(NamedTuple):
    """An extrapolated value, and the last change of the extrapolation as its error."""

    value: Decimal
    error: Decimal


@cache
def superstable_cascade(count: int = _ENOUGH) -> tuple[Root, ...]:
    """Find the superstable cycles of period 1, 2, 4, ... of the cascade, `count` of them."""
    found: list[Root] = []
    for order in range(count):
        guess = (Decimal("0.5"), Decimal("1.12"))[order] if order < 2 else _next(found)
        found.append(relation(2**order, 0, 1, guess))
    return tuple(found)


def doublings(count: int) -> list[Root]:
    """Find the first `count` doublings, 1 -> 2 -> 4 -> ..., each from the superstable cycle."""
    found = []
    for order, (mu, _) in enumerate(superstable_cascade(max(count, _ENOUGH))[:count]):
        unit_mu, unit_x = parabola(float(mu), 2**order, 1)
        x = math.sqrt((1 + mu) / 3) - unit_x / 2  # z' = z^2 - 3/4 has multiplier -1 at z = -1/2
        found.append(cycle_point(2**order, -1, x, float(mu) - 0.75 * unit_mu).root)
    return found


def band_mergings(count: int) -> list[Root]:
    """Find where 2 bands merge into 1, 4 into 2, ..., `count` of them, by decreasing mu."""
    found: list[Root] = []
    limit = accumulation().value
    for order in range(count):
        with decimals():
            guess = limit + (found[-1].mu - limit) / _RATIO if found else Decimal(_MERGING)
        found.append(relation(4 * 2**order, 3 * 2**order, 1, guess))
    return found


def _next(found: Sequence[Root]) -> Decimal:
    """Guess the next term from the last interval and the last ratio."""
    with decimals():
        gaps = [b.mu - a.mu for a, b in pairwise(found[-3:])]
        ratio = gaps[0] / gaps[1] if len(gaps) == 2 else _RATIO
        return found[-1].mu + gaps[-1] / ratio


def accumulation() -> Limit:
    """Extrapolate the end of the doublings, mu_inf, where the period is infinite."""
    return _limit([root.mu for root in superstable_cascade()])


def ratios(roots: Sequence[Root]) -> list[Decimal]:
    """Divide each interval between successive terms by the next."""
    with decimals():
        gaps = [b.mu - a.mu for a, b in pairwise(roots)]
        return [a / b for a, b in pairwise(gaps)]


def feigenbaum(roots: Sequence[Root]) -> Limit:
    """Extrapolate the ratios of at least seven terms to their limit.

    Raises ValueError where there are fewer.
    """
    if len(roots) < 7:
        raise ValueError(f"{len(roots)} terms are too few to extrapolate their ratios")
    return _limit(ratios(roots))


def _limit(terms: Sequence[Decimal]) -> Limit:
    """Apply Aitken's process twice to a sequence that converges geometrically."""
    with decimals():
        once = _aitken(terms)
        twice = _aitken(once)
        return Limit(twice[-1], abs(twice[-1] - twice[-2]))


def _aitken(terms: Sequence[Decimal]) -> list[Decimal]:
    triples = zip(terms, terms[1:], terms[2:], strict=False)
    return [c - (c - b) ** 2 / ((c - b) - (b - a)) for a, b, c in triples]
