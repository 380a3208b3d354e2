"""Boundaries whose box-counting dimension is known, as labels on a grid: controls for an estimate.

Each is made by its construction, at the resolution of the grid and a little beyond. Smooth curves
have dimension 1; the snowflake's edge log 4/log 3 (von Koch); the graph of
w(x) = sum of r^k cos(2 pi 3^k x), 1/3 < r < 1, has 2 + log r/log 3 (box-counting: Kaplan, Mallet-
Paret and Yorke, Ergod. Th. Dynam. Sys. 4 (1984) 261); the Julia set of z^2 - 1 has 1.26835
(McMullen, Amer. J. Math. 120 (1998) 691), and is the boundary between runs that stay bounded and
those that do not, as that of the map is.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]

_ROUGHNESS: Final = 3.0**-0.5  # the r of the graph, whose dimension is 3/2
_ESCAPED: Final = 1e4  # |z|^2 from which z^2 - 1 grows for ever


class Control(NamedTuple):
    """A boundary: its name, its dimension, and its labels on a grid of n by n cells."""

    name: str
    dimension: float
    labels: Callable[[int], Labels]


def _plane(n: int, half: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of a grid over [-half, half]^2, next to but not at its symmetric places."""
    ticks = half * (2 * (np.arange(n) + 0.5) / n - 1) + half * 0.003
    x, y = np.meshgrid(ticks, ticks + half * 0.002)
    return x, y


def line(n: int) -> Labels:
    """Return the two sides of a straight line of irrational slope."""
    x, y = _plane(n, 1.0)
    return y > (math.sqrt(5) - 1) / 2 * x


def circle(n: int) -> Labels:
    """Return the inside of a circle."""
    x, y = _plane(n, 1.0)
    return x * x + y * y < 0.75


def snowflake(n: int) -> Labels:
    """Return the inside of von Koch's snowflake, to sides shorter than half a cell."""
    points = np.exp(2j * np.pi * (np.arange(4) / 3 + 0.07))  # askew, so that no side lies in a row
    turn = np.exp(-1j * np.pi / 3)  # outwards, for corners run anticlockwise
    while abs(points[1] - points[0]) > 1.1 / n:
        first, third = points[:-1], np.diff(points) / 3
        new = [first, first + third, first + third + third * turn, first + 2 * third]
        points = np.append(np.stack(new, axis=1).ravel(), points[0])
    scale = n / 2.2
    return inside(scale * points.real + n / 2, scale * points.imag + n / 2, n)


def inside(x: NDArray[np.float64], y: NDArray[np.float64], n: int) -> Labels:
    """Tell which integer places of an n by n grid a closed polygon, x[0] = x[-1], holds.

    Row by row: a place is inside if an odd number of sides cross its row at or before it.
    """
    low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
    first = np.ceil(low).astype(np.int64)
    rows = np.ceil(high).astype(np.int64) - first  # integers in [low, high)
    side = np.repeat(np.arange(rows.size), rows)
    row = np.arange(side.size) - np.repeat(np.cumsum(rows) - rows, rows) + first[side]
    share = (row - y[side]) / (y[side + 1] - y[side])
    column = np.ceil(x[side] + share * (x[side + 1] - x[side])).astype(np.int64)
    toggles = np.zeros((n, n), dtype=np.int64)
    kept = (row >= 0) & (row < n) & (column < n)
    np.add.at(toggles, (row[kept], column[kept].clip(min=0)), 1)
    return np.asarray(np.cumsum(toggles, axis=1) % 2 == 1)


def graph(n: int) -> Labels:
    """Return what lies below the graph of w."""
    x = (np.arange(n) + 0.5) / n
    terms = range(math.ceil(math.log(16 * n) / math.log(3)))
    w = sum(_ROUGHNESS**k * np.cos(2 * np.pi * 3**k * x) for k in terms)
    y = (np.arange(n) + 0.5) / n - 0.5  # the middle of it: where boxes are small against its height
    return np.asarray(y[:, np.newaxis] < w)


def julia(n: int) -> Labels:
    """Return the points that z -> z^2 - 1 does not take to infinity, in 100 steps."""
    x, y = _plane(n, 1.75)
    z, staying = (x + 1j * y).ravel(), np.arange(n * n)
    for _ in range(100):
        z = z * z - 1
        kept = z.real**2 + z.imag**2 < _ESCAPED
        z, staying = z[kept], staying[kept]
    labels = np.zeros(n * n, dtype=np.bool_)
    labels[staying] = True
    return labels.reshape(n, n)


CONTROLS: Final = (
    Control("line", 1.0, line),
    Control("circle", 1.0, circle),
    Control("snowflake", math.log(4) / math.log(3), snowflake),
    Control("Julia set of z² − 1", 1.26835, julia),
    Control("graph of cosines", 2 + math.log(_ROUGHNESS) / math.log(3), graph),
)
