"""Thresholds on mu: values of the effective step size at which the balanced dynamics changes.

All are on the balanced line a = b = x, x' = (1 + mu) x - x^3, to which almost every bounded orbit
tends for 1 < mu < 2. Each is a closed form, the root of one or two equations, or the limit of such
roots; none is read off a grid. "Residual period" is that of e = x^2 - mu, "period" that of (a, b):
twice as long where an orbit comes back with its signs turned.

The onset of chaos has three names here, which are three points: the accumulation of the doublings,
the merging of the last two bands, and the first cycle of residual period 3. (Off the line, on the
ellipse a^2 + b^2 - mu ab = 4 - mu^2, which repels, there are cycles of all periods at every
0 < mu < 2.)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from lt2f.dynamics import cascade, superstable
from lt2f.dynamics.closed_forms import CLOSED_FORMS
from lt2f.dynamics.critical import Root
from lt2f.dynamics.windows import Window, window

LONGEST: Final = 7
"""Largest residual period of the superstable cycles in the full table."""

DOUBLINGS: Final = 10
MERGINGS: Final = 8


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value of mu at which the dynamics changes, as a row of thresholds.csv."""

    id: str
    name: str
    mu: float
    error: float  # bound of |mu - true value|
    method: str
    source: str


def closed_thresholds() -> list[Threshold]:
    """List the thresholds with a closed form, by increasing mu; their error is that of rounding."""
    return [
        Threshold(
            id=known.id,
            name=known.name,
            mu=known.mu,
            error=0.0 if known.mu.is_integer() else 2 * math.ulp(known.mu),
            method="closed form",
            source=known.source,
        )
        for known in CLOSED_FORMS
    ]


# Roots and limits


def _row(id_: str, name: str, root: Root, method: str, source: str) -> Threshold:
    """Round a root to a double, whose own distance to it adds to the error."""
    mu = float(root.mu)
    error = float(root.error + abs(root.mu - Decimal(mu)))
    # Up, since the last conversion may have rounded down.
    return Threshold(id_, name, mu, math.nextafter(error, math.inf), method, source)


def doublings(count: int = 3) -> list[Threshold]:
    """Find the first `count` doublings 1 -> 2 -> 4 -> ... of the cycle in x > 0."""
    return [
        _row(
            f"doubling_{order}",
            f"doubling: period {2 ** (order - 1)} to {2**order}",
            root,
            "root finding: the cycle closes with multiplier -1",
            "derived: f^n(x) = x and (f^n)'(x) = -1 for x and mu",
        )
        for order, root in enumerate(cascade.doublings(count), 1)
    ]


def superstable_doublings(count: int = DOUBLINGS) -> list[Threshold]:
    """Find the superstable cycle beyond each of the first `count` doublings.

    Those of residual period 2 and 4 are in the full table by their laps.
    """
    return [
        _row(
            f"superstable_doubling_{order}",
            f"superstable cycle of period {2**order}, of the cascade",
            root,
            "root finding: the critical point comes back",
            f"derived: x_{2**order} = x_0 on the critical orbit",
        )
        for order, root in enumerate(cascade.superstable_cascade(count + 1))
        if order
    ]


def accumulation() -> Threshold:
    """Find the end of the doublings; its method says the limit ratio of their intervals."""
    roots = cascade.superstable_cascade()
    value, ratio = cascade.accumulation(), cascade.feigenbaum(roots)
    return _row(
        "accumulation",
        "accumulation of the doublings; beyond, topological entropy is positive",
        Root(*value),
        f"extrapolation of superstable cycles up to period {2 ** (len(roots) - 1)}; "
        f"ratio of intervals {ratio.value:.9f} +- {ratio.error:.0e}",
        "derived: Aitken's process twice; the error is its last change",
    )


def band_mergings(count: int = 1) -> list[Threshold]:
    """Find where 2 chaotic bands merge into 1, 4 into 2, ..., by decreasing mu."""
    return [
        _row(
            f"bands_merge_{2 * into}_to_{into}",
            f"{2 * into} chaotic bands merge into {into}"
            + ("; beyond, there are cycles of odd residual period > 1" if into == 1 else ""),
            root,
            "root finding: the critical orbit lands on an unstable cycle",
            f"derived: x_{4 * into} = x_{3 * into} on the critical orbit",
        )
        for into, root in zip(_powers(count), cascade.band_mergings(count), strict=True)
    ]


def _powers(count: int) -> list[int]:
    return [2**order for order in range(count)]


def superstables(longest: int = LONGEST) -> list[Threshold]:
    """Find all superstable cycles in 0 < mu < 2 up to a residual period, by period and mu."""
    words = (word for period in range(1, longest + 1) for word in superstable.words(period))
    return [_superstable(word) for word in words]


def _superstable(word: str) -> Threshold:
    period, sign = len(word) + 1, superstable.flips(word)
    return _row(
        f"superstable_{period}" + f"_{word}" * bool(word),
        f"superstable cycle of residual period {period}, period {period * (3 - sign) // 2}",
        superstable.superstable(word),
        "root finding: the critical point comes back",
        f"derived: x_{period} = {'-' * (sign < 0)}x_0 on the critical orbit, laps {word}C",
    )


# Windows: what happens where x comes back, and where it comes back as -x; n is the residual period

_CRISIS: Final = "crisis: the bands of residual period {n} meet the unstable cycle born with them"
_EVENTS: Final = (
    (
        "opens",
        "a mirrored pair of cycles of residual period {n}, period {n}, is born",
        "a cycle of residual period {n}, period {2n}, is born",
        "root finding: the cycle closes with multiplier 1",
    ),
    (
        "doubles",
        "the mirrored pair doubles: period {n} to {2n}",
        "the residual doubles from period {n}, the cycle splits into a mirrored pair of "
        "period {2n}",
        "root finding: the cycle closes with multiplier -1",
    ),
    (
        "merges",
        "the last {2n} bands of each of the mirrored attractors merge into {n}",
        "the mirrored attractors merge, {2n} bands of the residual into {n}",
        "root finding: the critical orbit lands on the unstable cycle within",
    ),
    (
        "closes",
        _CRISIS,
        _CRISIS,
        "root finding: the critical orbit lands on the unstable cycle of the edge",
    ),
)
_IDS: Final = {
    "window_2_R_opens": "antisymmetric_birth",
    "window_2_R_doubles": "antisymmetric_split",
    "window_2_R_merges": "antisymmetric_merging",
    "window_2_R_closes": "antisymmetric_crisis",
    "window_3_ML_opens": "first_period_3",
}


def windows() -> list[Threshold]:
    """Find the window of residual period 2 beyond the cascade and the four of residual period 3."""
    return [row for word in ("R", *superstable.words(3)) for row in _rows(window(word))]


def first_period_3() -> Threshold:
    """Find the least mu with a cycle of residual period 3 on the balanced line."""
    row = next(iter(_rows(window("ML"))))
    return replace(row, name="first cycle of residual period 3: cycles of every residual period")


def _rows(found: Window) -> Iterator[Threshold]:
    """Yield the events of a window but its superstable cycle, by increasing mu."""
    word, n = found.word, len(found.word) + 1
    for event, same, turned, method in _EVENTS:
        name = (same if superstable.flips(word) > 0 else turned).format(**{"n": n, "2n": 2 * n})
        id_ = f"window_{n}_{word}_{event}"
        id_, root = _IDS.get(id_, id_), getattr(found, event)
        yield _row(id_, name, root, method, f"derived: window of the laps {word}C")


# Tables


def table(doubling_count: int = 3) -> list[Threshold]:
    """List the thresholds that figures name, by increasing mu.

    Where a closed form is known it replaces the root.
    """
    return _sorted(
        *doublings(doubling_count),
        *band_mergings(),
        accumulation(),
        first_period_3(),
        *closed_thresholds(),
    )


def full_table() -> list[Threshold]:
    """List every threshold, by increasing mu.

    Those of `table`, the rest of both cascades, the windows and the superstable cycles.
    """
    found = (*doublings(DOUBLINGS), *band_mergings(MERGINGS), *windows(), *superstables())
    return _sorted(*found, *table())


def _sorted(*rows: Threshold) -> list[Threshold]:
    """Sort rows; of those with one id the last is kept."""
    return sorted({row.id: row for row in rows}.values(), key=lambda row: (row.mu, row.id))
