"""Cells of a grid as blocks of pixels, none lost and none blended."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from numpy.typing import ArrayLike, NDArray

from lt2f.views import sheet, style

Floats = NDArray[np.float64]

SLAB: Final = 2**22
"""Samples in memory at a time."""

MOST: Final = 4096
"""Cells along a side of a panel beyond which a picture shows every second, third ... one."""

SHEET: Final = 8192
"""The same of all panels that share a side of a sheet: larger pictures few programs open."""

_ESCAPED: Final = 1e6  # beyond, the cube of the weights lets nothing come back
_EVEN: Final = 1e-6  # relative; axes are rounded decimals


@dataclass(frozen=True)
class Cells:
    """The cells along one axis of a raster.

    Even ones keep their values as coordinates. Uneven ones are drawn equally wide, at 0, 1, 2 ...,
    with their values written beside them: otherwise narrow cells would vanish.
    """

    name: str
    values: Floats

    @cached_property
    def even(self) -> bool:
        """Whether the values are equally spaced."""
        steps = np.diff(self.values)
        return steps.size == 0 or bool(np.ptp(steps) <= _EVEN * steps.mean())

    @cached_property
    def edges(self) -> tuple[float, float]:
        """Where the first cell begins and the last one ends, as drawn."""
        n = self.values.size
        if not self.even:
            return -0.5, n - 0.5
        first, last = float(self.values[0]), float(self.values[-1])
        half = (last - first) / (n - 1) / 2 if n > 1 else 0.5
        return first - half, last + half

    def covers(self, value: float) -> bool:
        """Tell whether a value lies between the ends."""
        low, high = self.edges if self.even else (self.values[0], self.values[-1])
        return bool(low <= value <= high)

    def place(self, values: ArrayLike) -> Floats:
        """Tell where values are drawn."""
        x = np.asarray(values, dtype=np.float64)
        return x if self.even else np.interp(x, self.values, np.arange(self.values.size))

    def spread(self, count: int) -> tuple[Floats, Floats]:
        """Return points from edge to edge, or from first to last if uneven: as drawn, as values."""
        if self.even:
            x = np.linspace(*self.edges, count)
            return x, x
        places = np.linspace(0, self.values.size - 1, count)
        return places, np.interp(places, np.arange(self.values.size), self.values)

    def tick(self, axis: Axis) -> None:
        """Name an axis of a panel, and write the values beside uneven cells."""
        style.name_axis(axis, self.name)
        if not self.even:
            some = np.arange(0, self.values.size, -(-self.values.size // 12))
            axis.set_ticks(some, labels=[f"{self.values[i]:g}" for i in some])


@dataclass(frozen=True)
class Columns:
    """Columns of pixels from `low` to `high`, and the samples that each one shows."""

    low: float
    high: float
    count: int

    @classmethod
    def over(cls, values: Floats, dpi: int) -> "Columns":
        """Choose columns for a panel: one per sample if they are even and fit, else several."""
        cells = Cells("", values)
        most = sheet.most(dpi)
        if not cells.even:
            return cls(float(values[0]), float(values[-1]), most)
        group = -(-values.size // most)
        count = -(-values.size // group)
        low, high = cells.edges
        return cls(low, low + (high - low) * count * group / values.size, count)

    def of(self, values: Floats) -> NDArray[np.int64]:
        """Return the column in which each value falls, from -1 and to `count` for those outside."""
        place = np.floor((values - self.low) / (self.high - self.low) * self.count)
        place[values == self.high] = self.count - 1
        return place.clip(-1, self.count).astype(np.int64)

    def covered(self, values: Floats) -> NDArray[np.bool_]:
        """Tell which columns show any of these values, or lie between them and half a step beyond.

        The step is that between the last two values at either end.
        """
        edge = (self.high - self.low) / self.count
        middle = self.low + edge * (np.arange(self.count) + 0.5)
        before, after = np.diff(values)[[0, -1]] / 2 if values.size > 1 else (edge, edge)
        between = (middle >= values[0] - before) & (middle <= values[-1] + after)
        places = self.of(values)
        between[places[(places >= 0) & (places < self.count)]] = True
        covered: NDArray[np.bool_] = between
        return covered

    def nearest(self, values: Floats) -> NDArray[np.int64]:
        """Return the index of the value nearest to the middle of each column."""
        middle = self.low + (self.high - self.low) * (np.arange(self.count) + 0.5) / self.count
        after = np.searchsorted(values, middle).clip(1, max(1, values.size - 1))
        after = np.minimum(after, values.size - 1)
        before = np.maximum(after - 1, 0)
        closer: NDArray[np.int64] = np.where(
            middle - values[before] <= values[after] - middle, before, after
        )
        return closer


def thinned(
    dataset: xr.Dataset, names: tuple[str, str], panels: tuple[int, int] = (1, 1)
) -> tuple[xr.Dataset, str]:
    """Return the cells that can be drawn, and words on the others: empty, or in parentheses.

    So many panels lie beside and below each other; both sides are thinned alike if these ask for
    it, so that panels keep their shape.
    """
    shared = max(n * dataset.sizes[name] for n, name in zip(panels, names, strict=True))
    together = -(-shared // SHEET) if max(panels) > 1 else 1
    steps = {name: max(together, -(-dataset.sizes[name] // MOST)) for name in names}
    some = dataset.isel({name: slice(None, None, step) for name, step in steps.items()})
    omitted = [f"one {name} in {step}" for name, step in steps.items() if step > 1]
    return some, f" ({' and '.join(omitted)})" if omitted else ""


def slabs(count: int, samples: int) -> Iterator[slice]:
    """Yield rows of `samples` values each, as many as fit into memory at ease."""
    step = max(1, SLAB // samples)
    return (slice(first, first + step) for first in range(0, count, step))


def pooled(samples: xr.DataArray) -> Iterator[tuple[slice, Floats]]:
    """Yield rows of what was sampled along the first dimension, all other dimensions as one.

    The last dimension is that of an orbit's samples; an orbit that escapes among them is NaN, or
    what it was on its way would be all that a picture shows.
    """
    count = samples.shape[0]
    for rows in slabs(count, samples.size // count):
        values = samples[rows].values
        bounded = (np.abs(values) < _ESCAPED).all(axis=-1, keepdims=True)
        values = np.where(bounded, values, np.nan)
        yield rows, values.reshape(values.shape[0], -1)


def draw(
    axes: Axes, image: NDArray[np.uint8], x: tuple[float, float], y: tuple[float, float]
) -> None:
    """Fill a panel with an image, (rows, columns, RGB) from the bottom, of as many pixels."""
    extent = (*x, *y)
    axes.imshow(image, origin="lower", extent=extent, aspect="auto", interpolation="none")


def blocks(image: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Repeat every element of an image over rows and columns of pixels."""
    return image.repeat(rows, axis=0).repeat(columns, axis=1)
