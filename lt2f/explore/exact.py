"""Curves and points of the phase portrait and the cobweb that are known exactly, without noise."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from lt2f.dynamics import decay, theory
from lt2f.dynamics.lanes import Floats
from lt2f.views import boundaries

PLANE: Final = 2.9  # half width of the phase portrait; the ellipse reaches to 2 sqrt(2)
LINE: Final = 2.15  # half width of the cobweb; bounded balanced orbits reach to 2
COLUMNS: Final = "ea", "eb", "ma", "mb", "sa", "sb", "ra", "rb", "qa", "qb", "x", "next"
"""Edges of what is bounded, lines of minima, stable ones; points at rest, stable ones; the map."""

_POINTS: Final = 361  # of each; odd, so that two branches with a gap between have as many


def curves(mu: float, kappa: float) -> Iterator[Floats]:
    """Yield the columns at a step size and a weight decay, NaN where there is nothing."""
    if kappa > 0.0:
        yield from _decayed(mu, kappa)
    else:
        yield from _free(mu)
    x = np.linspace(-LINE, LINE, _POINTS)
    nu = float(decay.shifted(mu, kappa))
    yield from (x, x * (1 + nu - x * x))


def _free(mu: float) -> Iterator[Floats]:
    """Yield the ellipse, the minima, and those that are stable; no points."""
    stable = float(theory.imbalance_bound(mu))
    yield from boundaries.chebyshev(mu, _POINTS).T if 0 < mu <= 2 else _nothing()
    yield from _both(mu, 2 * PLANE**2)
    yield from _both(mu, stable) if stable > 0 else _nothing()
    yield from (*_nothing(), *_nothing())


def _decayed(mu: float, kappa: float) -> Iterator[Floats]:
    """Yield what is bounded on a = b and a = -b, no lines of minima, and what is left of these.

    The two minima a = b = +-sqrt(mu - kappa), or the origin where it attracts: the other points at
    rest are none that training would end at.
    """
    nu = float(decay.shifted(mu, kappa))
    with np.errstate(invalid="ignore"):
        along, across = decay.balanced_bound(mu, kappa), decay.opposite_bound(mu, kappa)
    ends = np.linspace(-1.0, 1.0, _POINTS // 2)
    a = np.concatenate([along * ends * (nu <= 2.0), [np.nan], across * ends])
    yield from (a, np.concatenate([a[: ends.size], [np.nan], -across * ends]))
    yield from (*_nothing(), *_nothing())
    rest = np.full(_POINTS, np.nan)
    rest[:2] = (-np.sqrt(nu), np.sqrt(nu)) if nu > 0.0 else 0.0
    stable = 0.0 < nu < 1.0 or (nu < 0.0 and mu + kappa < 2.0)
    yield from (*_nothing(), rest, rest) if stable else (rest, rest, *_nothing())


def _nothing() -> Floats:
    return np.full((2, _POINTS), np.nan)


def _both(mu: float, reach: float) -> Floats:
    """Return both branches of the minima, with a gap between, shape (2, _POINTS)."""
    half = boundaries.minima(mu, reach, _POINTS // 2)
    return np.concatenate([half, [[np.nan, np.nan]], -half]).T
