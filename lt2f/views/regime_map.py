"""The regime of every cell over effective step size and one more coordinate."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from lt2f.dynamics.thresholds import Threshold
from lt2f.views import annotate, boundaries, raster, sheet, style
from lt2f.views.raster import Cells, Floats

_HEIGHT, _TALLEST = 3.6, 5.4  # of the panel, in inches, as near as whole pixels come
_FINE = 601  # points along each side, some two pixels apart, between which boundaries are linear

Bools = NDArray[np.bool_]


def regime_map(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw a map dataset with two axes, mu across if it is one of them: a block of pixels per cell.

    Over it lie the boundaries that are known exactly. The dpi is raised if the figure would not
    have its usual size otherwise; sides of more than `raster.MOST` cells are thinned, and the title
    says so.
    """
    x, y, some, thinned = read(dataset)
    codes: NDArray[np.uint8] = some["regime"].values
    across, down, dpi = scales(codes.shape, dpi)
    image = raster.blocks(codes, down, across)
    rows = crossed(dataset, x)
    with rc_context(style.RC):
        top = annotate.room(rows)
        figure, (axes,) = sheet.make(image.shape[1], [image.shape[0]], dpi, top)
        raster.draw(axes, style.palette()[image], x.edges, y.edges)
        x.tick(axes.xaxis)
        y.tick(axes.yaxis)
        sheet.title(axes, f"Regimes of training{thinned}", dataset)
        taken = np.zeros(image.shape, dtype=np.bool_)
        draw_lines(axes, x, y, dataset, rows, taken)
        key = draw_curves(axes, x, y, dataset, taken, image)
        key += annotate.regimes(axes, image, ~taken, codes)
        sheet.key(axes, key)
        sheet.margins(figure)
    return figure


def read(dataset: xr.Dataset) -> tuple[Cells, Cells, xr.Dataset, str]:
    """Return the two axes, mu the first if it is one, the cells as (second, first), and omissions.

    The latter are words.
    """
    first, other = sorted(map(str, dataset["regime"].dims), key=lambda name: name != "mu")
    some, words = raster.thinned(dataset, (first, other))
    some = some.transpose(other, first, ...)
    x, y = (Cells(name, some[name].values.astype(np.float64)) for name in (first, other))
    return x, y, some, words


def crossed(dataset: xr.Dataset, x: Cells) -> list[Threshold]:
    """List the thresholds on mu between the ends of an axis, if it is mu."""
    return [row for row in boundaries.lines(dataset) if x.name == "mu" and x.covers(row.mu)]


def scales(shape: tuple[int, ...], dpi: int) -> tuple[int, int, int]:
    """Choose pixels per cell, across and down, and the dpi: raised while the panel is too tall."""
    while True:
        across, fine = sheet.fit(shape[1], dpi)
        down = max(1, round(_HEIGHT * fine / shape[0]))
        if down * shape[0] <= _TALLEST * fine:
            return across, down, fine
        dpi = fine + 1


def draw_lines(
    axes: Axes, x: Cells, y: Cells, dataset: xr.Dataset, rows: list[Threshold], taken: Bools
) -> None:
    """Draw thresholds on mu where starts are bounded, and name them."""
    places = x.place([row.mu for row in rows])
    annotate.thresholds(axes, rows, places)
    up, other = y.spread(_FINE)
    for row, place in zip(rows, places, strict=True):
        point = boundaries.fixed(dataset) | {"mu": np.array(row.mu), y.name: other}
        seen = np.where(boundaries.ellipse(point) < 0, up, np.nan)
        axes.plot(np.full(up.size, place), seen, ls=":", lw=0.7, color="w")
        _take(axes, taken, np.column_stack([np.full(up.size, place), up]))


def draw_curves(
    axes: Axes,
    x: Cells,
    y: Cells,
    dataset: xr.Dataset,
    taken: Bools,
    image: NDArray[np.uint8] | None = None,
) -> list[Artist]:
    """Draw the boundaries and write along them; what finds no room is returned, for the key."""
    key: list[Artist] = []
    (across, first), (up, other) = x.spread(_FINE), y.spread(_FINE)
    point = boundaries.fixed(dataset) | {x.name: first, y.name: other[:, np.newaxis]}
    for boundary in boundaries.curves(dataset):
        height = np.broadcast_to(boundary.beyond(point), (up.size, across.size))
        if not (height < 0).any() or not (height > 0).any():
            continue
        look: dict[str, Any] = {"colors": style.INK, "linewidths": 0.8}
        look["linestyles"] = boundary.dashes
        path = axes.contour(across, up, height, [0.0], **look).get_paths()[0]
        vertices = np.asarray(path.vertices)
        if not vertices.size:  # the signs do not meet
            continue

        def beyond(place: Floats, height: Floats = height) -> bool:
            column, row = np.searchsorted(across, place[0]), np.searchsorted(up, place[1])
            return bool(height[row.clip(max=up.size - 1), column.clip(max=across.size - 1)] > 0)

        box = annotate.on_curve(
            axes, _longest(path), boundary.words, beyond, image, size=8.5, color=style.INK
        )
        _take(axes, taken, vertices, box)
        if box is None:
            line = Line2D([], [], lw=0.8, color=style.INK, ls=boundary.dashes)
            line.set_label(boundary.words)
            key.append(line)
    return key


def _longest(path: Path) -> Floats:
    """Return the vertices of the longest piece of a path."""
    vertices = np.asarray(path.vertices)
    if path.codes is None:
        return vertices
    pieces = np.split(vertices, np.flatnonzero(path.codes == Path.MOVETO)[1:])
    return max(pieces, key=lambda piece: len(piece))


def _take(axes: Axes, taken: Bools, curve: Floats, box: Bbox | None = None) -> None:
    """Mark the pixels that other words should leave free, around a curve and in a box of words."""
    corner = axes.get_window_extent().p0
    column, row = (axes.transData.transform(curve) - corner).round().astype(int).T
    for aside in range(-3, 4):
        columns = (column + aside).clip(0, taken.shape[1] - 1)
        taken[row.clip(0, taken.shape[0] - 1), columns] = True
    if box is not None:
        (left, low), (right, high) = (np.asarray(box) - corner).clip(0).astype(int)
        taken[low : high + 1, left : right + 1] = True
