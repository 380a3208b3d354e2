"""What the map may be coloured by, and which colour is which value.

A cell without a value, and one that is undecided, keeps the colour of its regime.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.steps import MAP, STEPS
from lt2f.explore.atlas import Cells
from lt2f.views import exponents, style

Key = list[tuple[str, str]]
"""Colours, or kinds of lines, and words."""

_RARE: Final = frozenset({Regime.BOUNDED_NOISE, Regime.COLLAPSED})
"""What becomes of almost no start without noise, where origins repel."""

_REGIMES: Final = tuple(style.COLOURS[code] for code in Regime)
_SHADES: Final = 247  # with the regimes fewer than a byte counts; odd, so that zero has one
_LARGEST: Final = math.log(3)  # of all exponents of the map itself: full chaos
_MARKS: Final = -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0  # that the bar has
_MIDDLE: Final = "#f8f8f6"

# Each odd number, by which a window begins, has a hue, which darkens as the period doubles.
_FAMILIES: Final = {
    1: ("#92b9e0", "#a3dabf", "#5fb795", "#2d8a70", "#0c5240"),
    3: ("#f6c98f", "#e08b36", "#9c5108"),
    5: ("#eeb1d3", "#b9558f"),
    7: ("#d2cdee", "#8a7fca"),
}
_OTHER: Final = "#a08a72"


@dataclass(frozen=True)
class Colouring:
    """Colours of the values of a variable; `place` numbers them, and those of no value too."""

    words: str
    shades: tuple[str, ...] = ()
    place: Callable[[NDArray[Any]], NDArray[Any]] = np.zeros_like
    key: tuple[tuple[str, str], ...] = ()
    bar: tuple[tuple[float, str], ...] = ()
    valueless: frozenset[Regime] = frozenset(Regime)

    @property
    def palette(self) -> list[str]:
        """The colours of `codes`."""
        return [*_REGIMES, *self.shades]

    def codes(self, cells: Cells, name: str) -> NDArray[np.uint8]:
        """Return the place in the palette of each cell, by its regime and a variable."""
        regime, values = cells["regime"], cells[name]
        if not self.shades:
            return np.asarray(regime, np.uint8)
        there = np.isfinite(values) | np.isneginf(values)  # as the exponents of superstable cycles
        there &= ~np.isin(regime, list(self.valueless))
        place = self.place(np.where(there, values, 1)) + len(_REGIMES)
        return np.where(there, place, regime).astype(np.uint8)


def _of_exponents(name: str, words: str) -> Colouring:
    """Colour an exponent by its sign: above zero as its curve in the figure of exponents."""
    shades = _between(style.COLOURS[Regime.PERIODIC], _MIDDLE, exponents.LOOKS[name][1])
    bar = tuple((float(_rooted(mark)), f"{mark:g}".replace("-", "−")) for mark in _MARKS)
    nothing = frozenset({Regime.UNDECIDED, Regime.DIVERGENT})
    return Colouring(words, shades, _shade, bar=bar, valueless=nothing)


def _between(*ends: str) -> tuple[str, ...]:
    """Return shades from the first colour to the last, as far from one to the next."""
    channels = np.array([[int(end[k : k + 2], 16) for k in (1, 3, 5)] for end in ends]).T
    place = np.linspace(0, len(ends) - 1, _SHADES)
    mixed = [
        np.rint(np.interp(place, range(len(ends)), x)).astype(np.uint8).tolist() for x in channels
    ]
    return tuple(
        f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in zip(*mixed, strict=True)
    )


def _shade(exponent: NDArray[Any]) -> NDArray[Any]:
    """Return the place of each exponent among the shades."""
    return np.asarray(np.rint(_rooted(exponent) * (_SHADES - 1)), dtype=int)


def _rooted(exponent: ArrayLike) -> NDArray[Any]:
    """Return a place from 0 to 1 by the root of the size: it is the sign that has to be seen."""
    part = np.asarray(exponent, dtype=np.float64) / _LARGEST
    return np.asarray((1.0 + np.sign(part) * np.sqrt(np.minimum(np.abs(part), 1.0))) / 2.0)


def _of_periods() -> Colouring:
    """Colour periods by their odd part, and by how often that has doubled."""
    each = [colour for family in _FAMILIES.values() for colour in family]
    key = []
    for odd, family in _FAMILIES.items():
        names = [f"{odd << k}" for k in range(len(family))]
        key += list(zip(family, [*names[:-1], f"{names[-1]} …"], strict=True))
    key = [(each[0], "1, converges"), *key[1:], (_OTHER, "others")]
    none = {Regime.MONOTONE, Regime.CATAPULT, Regime.PERIODIC}
    shades = *each, _OTHER
    return Colouring(
        "period of the residual", shades, _family, tuple(key), valueless=frozenset(Regime) - none
    )


def _family(period: NDArray[Any]) -> NDArray[Any]:
    """Return the place of each period among the colours of all families."""
    doubled = period & -period  # the largest power of two in it
    odd, times = period // doubled, np.log2(doubled).astype(int)
    sizes = [len(family) for family in _FAMILIES.values()]
    first = np.cumsum([0, *sizes])
    return np.select(
        [odd == k for k in _FAMILIES],
        [at + np.minimum(times, size - 1) for at, size in zip(first, sizes, strict=False)],
        first[-1],
    )


COLOURINGS: Final = {
    "regime": Colouring("regime"),
    "residual_period": _of_periods(),
    "lyapunov": _of_exponents("lyapunov 1", "largest Lyapunov exponent"),
    "transverse_lyapunov": _of_exponents("transverse_lyapunov", "transverse exponent"),
}
"""How the map is coloured, by the variable that it shows."""


def bar(name: str) -> dict[str, Any] | None:
    """Return the colours from the least to the largest number, with marks between 0 and 1."""
    colouring = COLOURINGS[name]
    if not colouring.bar:
        return None
    some = colouring.shades[:: (_SHADES - 1) // 6]
    words = f"{colouring.words}, nats per step; beyond ± log 3 they stay the same"
    return {"colours": some, "marks": colouring.bar, "words": words}


def swatches(name: str, step: str) -> Key:
    """Return the colours of single values, and those of the regimes that keep theirs."""
    colouring = COLOURINGS[name]
    rare: frozenset[Regime] = frozenset()
    if step in ("none", *STEPS):
        rare = _RARE if STEPS.get(step, MAP).fits else _RARE - {Regime.COLLAPSED}
    kept = [code for code in Regime if code in colouring.valueless and code not in rare]
    return [*colouring.key, *((style.COLOURS[code], style.WORDS[code]) for code in kept)]
