"""Windows of the plane of starts beside each other: their ticks, and frames about the next one."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lt2f.views import style
from lt2f.views.grid import Grid
from lt2f.views.raster import Cells


def axes_of(zoom: xr.Dataset) -> tuple[Cells, Cells]:
    """Return the cells of a window along a and b."""
    x, y = (Cells(name, zoom[name].values.astype(np.float64)) for name in ("a", "b"))
    return x, y


def tick(axes: Axes, xy: tuple[Cells, Cells], leftmost: bool, lowest: bool) -> None:
    """Give a panel few ticks with all their digits: windows may be narrow."""
    for axis, cells in zip((axes.xaxis, axes.yaxis), xy, strict=True):
        cells.tick(axis)
        axis.set_label_text(style.SYMBOLS[cells.name])
        axis.labelpad = 1
        if cells.even:
            inside = round_values(*cells.edges)
            names = [f"{tick:.8g}".replace("-", "\N{MINUS SIGN}") for tick in inside]
            axis.set_ticks(inside, labels=names)
    axes.tick_params(labelsize=7, length=2.5, pad=2, labelbottom=lowest)
    axes.tick_params(axis="y", labelrotation=90)
    for words in axes.yaxis.get_ticklabels():
        words.set_verticalalignment("center")
    axes.xaxis.label.set_visible(lowest)
    axes.yaxis.label.set_visible(leftmost)


def round_values(low: float, high: float) -> list[float]:
    """Choose two or three round values well inside an interval."""
    inside: list[float] = []
    for bins in range(5, 20):
        ticks = MaxNLocator(bins, steps=[1, 2, 5, 10]).tick_values(low, high)
        inside = [float(tick) for tick in ticks if 0.08 < (tick - low) / (high - low) < 0.92]
        if len(inside) > 1:
            break
    return inside[:: -(-len(inside) // 3) or 1]


def draw_frames(axes: Axes, zoom: xr.Dataset, zooms: Sequence[xr.Dataset]) -> None:
    """Frame what other columns of the same mu show of this one."""
    x, y = axes_of(zoom)
    limits = axes.get_xlim(), axes.get_ylim()
    for other in zooms:
        across, up = axes_of(other)
        smaller = np.ptp(across.edges) < np.ptp(x.edges)
        inside = all(
            outer.even and inner.even and outer.covers(sum(inner.edges) / 2)
            for outer, inner in ((x, across), (y, up))
        )
        if smaller and inside and float(other["mu"]) == float(zoom["mu"]):
            corner = across.edges[0], up.edges[0]
            size = float(np.ptp(across.edges)), float(np.ptp(up.edges))
            axes.add_patch(Rectangle(corner, *size, fill=False, ec="black", lw=1.0))
    axes.set(xlim=limits[0], ylim=limits[1])  # a frame may stand out


def beside(figure: Figure, grid: Grid, k: int) -> Axes:
    """Add a panel as high as column k, with room for what is written to its left."""
    left, low = grid.corner(k, grid.rows - 1)
    room = grid.pixels(0.32)
    height = grid.corner(k, 0)[1] + grid.height - low
    return grid.add(figure, (left + room, low), grid.width - room, height)
