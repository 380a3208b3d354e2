"""Curves and points of the phase portrait and the cobweb that are known exactly, without noise."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from lt2f.dynamics import decay, theory
from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.steps import MAP, Step
from lt2f.views import boundaries

PLANE: Final = 2.9  # least half width of the phase portrait; the ellipse reaches to 2 sqrt(2)
LINE: Final = 2.15  # least half width of the cobweb; of the map bounded orbits reach to 2
COLUMNS: Final = "ea", "eb", "ma", "mb", "sa", "sb", "ra", "rb", "qa", "qb", "x", "next"
"""Edges of what is bounded, lines of minima, stable ones; points at rest, stable ones; the map."""

_POINTS: Final = 361  # of each; odd, so that two branches with a gap between have as many


def curves(mu: float, step: Step, strength: float, scale: float = 1.0) -> Iterator[Floats]:
    """Yield the columns at a step size under a law of the step, NaN where there is nothing.

    They reach `scale` times as far as the pictures do at least. On a = b = x a step is
    x' = (q - l'(x^2 - mu)) x under every law.
    """
    if step.name in _KNOWN:
        yield from _KNOWN[step.name](mu, strength)
    else:
        yield from _nothing()
        yield from _minima(mu, scale) if step.fits else (*_nothing(), *_nothing())
        yield from (*_nothing(), *_nothing())
    x = np.linspace(-LINE * scale, LINE * scale, _POINTS)
    slope = step.derivatives(x * x - mu, strength)[0]
    yield from (x, x * (step.kept(strength) - slope))


def _free(mu: float, _: float) -> Iterator[Floats]:
    """Yield the ellipse, the minima, and those that are stable; no points."""
    yield from boundaries.chebyshev(mu, _POINTS).T if 0 < mu <= 2 else _nothing()
    yield from _minima(mu)
    yield from (*_nothing(), *_nothing())


def _minima(mu: float, scale: float = 1.0) -> Iterator[Floats]:
    """Yield the minima ab = mu, and those that are stable, a^2 + b^2 < 2."""
    stable = float(theory.imbalance_bound(mu))
    yield from _both(mu, 2 * (scale * PLANE) ** 2)
    yield from _both(mu, stable) if stable > 0 else _nothing()


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


_KNOWN: Final[dict[str, Callable[[float, float], Iterator[Floats]]]] = {
    MAP.name: _free,
    "decay": _decayed,
}
"""Laws of which more is known than where their minima are."""


def _nothing() -> Floats:
    return np.full((2, _POINTS), np.nan)


def _both(mu: float, reach: float) -> Floats:
    """Return both branches of the minima, with a gap between, shape (2, _POINTS)."""
    half = boundaries.minima(mu, reach, _POINTS // 2)
    return np.concatenate([half, [[np.nan, np.nan]], -half]).T
