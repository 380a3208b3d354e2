"""The boundary of the bounded starts under weight decay: zooms, boxes counted, and controls."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from lt2f.dynamics import box_counting, decay, theory
from lt2f.dynamics.box_counting import Boxes, Dimension
from lt2f.dynamics.codes import Regime
from lt2f.dynamics.controls import CONTROLS
from lt2f.views import raster, sheet, style, zooms
from lt2f.views.grid import LEFT, Grid, panels_of

CONTROL_CELLS: Final = 1024
"""Cells along a side of each control."""

_SIGMAS: Final = 2.0  # standard errors of the wide bars, which have the drift beside them
_MARKERS: Final = "os^Dv"
_COLOURS: Final = "#1f4e8c", "#c6004f", "#2d8a70", "#9a5b00", "#6b3fa0"
_LEAST: Final = box_counting.SIDE * 2 ** (box_counting.PLACES + 3)
_NONE: Final = f"no square window of {_LEAST} cells\na side or more holds both fates"
_ELLIPSE: Final = "#c6004f"
_GAP: Final = 0.42  # inches between columns: each has values and a name beside it
_POINTS: Final = 301  # along a side of the mesh on which the ellipse is found


class Counted(NamedTuple):
    """A window, its boxes and what was fitted to them; the side of a cell in units of a."""

    zoom: xr.Dataset
    boxes: Boxes
    found: Dimension
    cell: float


def fractal_boundary(*datasets: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw map datasets over a and b with decay: regimes, boxes on their boundary, and controls.

    Datasets share mu and kappa; a frame is the window of the next. Over each lies the ellipse that
    bounds the bounded starts without decay. Below, the numbers of boxes that hold starts of both
    fates, divergent and not, over their side, with fitted lines; and the dimensions beside those of
    boundaries that are known, estimated in the same way, and the limit for kappa -> 0 that is
    argued for. Bars are standard errors, and twice these with the bound of drift. Windows that are
    not square, or too small for boxes of four sizes, are drawn and not counted.
    """
    panels = panels_of(max(2, len(datasets)), 1)
    thinned = [raster.thinned(data[["regime"]], ("a", "b"), panels) for data in datasets]
    windows = [data.transpose("b", "a") for data, _ in thinned]
    omitted = next((words for _, words in thinned if words), "")
    some = [each for data in datasets for each in counted(data)]
    grid = _grid(windows, dpi)
    with rc_context(style.RC):
        figure = grid.sheet()
        for k in range(len(windows)):
            _draw_zoom(figure, grid, k, windows)
        first = len(windows) if len(windows) > 1 else 2
        _draw_counts(zooms.beside(figure, grid, first), some)
        _draw_dimensions(zooms.beside(figure, grid, first + 1), some, float(datasets[0]["mu"]))
        sheet.title(figure.axes[0], f"Boundary of convergence{omitted}", datasets[0])
        _draw_key(figure, grid, windows)
    return figure


def fates(zoom: xr.Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Tell divergent starts from all others, as (a, b): what the counted boundary parts."""
    return np.asarray(zoom["regime"].transpose("a", "b").values == Regime.DIVERGENT)


def counted(zoom: xr.Dataset) -> Iterator[Counted]:
    """Yield the boxes of a window, if it has any."""
    x, y = zooms.axes_of(zoom)
    if not (x.even and y.even and math.isclose(np.ptp(x.edges), np.ptp(y.edges), rel_tol=1e-6)):
        return
    try:
        boxes = box_counting.count_boxes(fates(zoom))
    except ValueError:  # too small, or all of one fate
        return
    cell = float(np.ptp(x.edges)) / x.values.size
    yield Counted(zoom, boxes, box_counting.dimension(boxes), cell)


def _grid(windows: Sequence[xr.Dataset], dpi: int) -> Grid:
    """Choose the grid by the first window: windows above, two panels below."""
    x, y = zooms.axes_of(windows[0])
    ratio = float(np.ptp(y.edges) / np.ptp(x.edges)) if x.even and y.even else 1.0
    shape = x.values.size, y.values.size
    columns = max(2, len(windows))
    grid = Grid.fit(columns, 1, shape, min(1.5, max(0.7, ratio)), dpi, _GAP)
    return dataclasses.replace(grid, count=columns + 2)


def _draw_zoom(figure: Figure, grid: Grid, k: int, windows: Sequence[xr.Dataset]) -> None:
    zoom = windows[k]
    x, y = zooms.axes_of(zoom)
    axes = grid.add(figure, grid.corner(k, 0), grid.width, grid.height)
    image = style.palette()[zoom["regime"].values]
    up, across = (
        np.arange(pixels) * cells // pixels
        for pixels, cells in zip((grid.height, grid.width), image.shape, strict=False)
    )
    raster.draw(axes, image[np.ix_(up, across)], x.edges, y.edges)
    zooms.tick(axes, (x, y), k == 0, True)
    mu = float(zoom["mu"])
    if x.even and y.even and 0 < mu < 2:
        a, b = np.meshgrid(np.linspace(*x.edges, _POINTS), np.linspace(*y.edges, _POINTS))
        side = theory.ellipse(mu, (a + b) / 2, (a - b) / 2)
        if side.min() < 0 < side.max():
            axes.contour(a, b, side, [0.0], colors=_ELLIPSE, linewidths=0.7, linestyles="--")
    zooms.draw_frames(axes, zoom, windows[k + 1 : k + 2])


def _draw_counts(axes: Axes, some: Sequence[Counted]) -> None:
    """Draw the numbers of boxes over their side in units of a, each window with its line."""
    looks = zip(some, _MARKERS * len(some), _COLOURS * len(some), strict=False)
    for k, (each, marker, colour) in enumerate(looks, start=1):
        side, number = each.cell * each.boxes.side, each.boxes.number
        axes.errorbar(
            side, number, each.boxes.error, fmt=marker, ms=3, color=colour, elinewidth=0.8
        )
        x = each.boxes.side[[0, -1]]
        words = rf"window {k}: $D={each.found.value:.2f}\pm{each.found.error:.2f}$, "
        words += f"drift {each.found.drift:.2f}"
        line = math.exp(each.found.height) * x**-each.found.value
        axes.plot(each.cell * x, line, color=colour, lw=1.0, label=words)
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel("side of a box, in units of $a$", size=8, labelpad=1)
    axes.set_title("boxes with both fates", size=9, pad=3)
    axes.tick_params(labelsize=7, length=2.5, pad=1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_minor_locator(NullLocator())
    if some:
        axes.set_ylim(bottom=axes.get_ylim()[0] / 2 ** (1 + len(some)))  # room for the key
        axes.legend(loc="lower left", fontsize=7, handlelength=1.1, borderpad=0.2)
    else:
        axes.text(0.5, 0.5, _NONE, size=8, ha="center", va="center", transform=axes.transAxes)


def _draw_dimensions(axes: Axes, some: Sequence[Counted], mu: float) -> None:
    """Draw the dimensions of windows and controls, a line each, beside what is known."""
    rows = [(f"window {k}", math.nan, each.found) for k, each in enumerate(some, start=1)]
    rows += [
        (each.name, each.dimension, box_counting.box_dimension(each.labels(CONTROL_CELLS)))
        for each in CONTROLS
    ]
    for place, (name, known, found) in enumerate(rows):
        wide = _SIGMAS * found.error + found.drift
        colour = style.INK if place >= len(some) else _COLOURS[place % len(_COLOURS)]
        axes.plot([found.value - wide, found.value + wide], [place] * 2, color=colour, lw=0.8)
        ends = [found.value - found.error, found.value + found.error]
        axes.plot(ends, [place] * 2, color=colour, lw=2.4, solid_capstyle="butt")
        axes.plot([found.value], [place], marker="o", ms=3, color=colour)
        axes.plot([known] * 2, [place - 0.32, place + 0.32], color=_ELLIPSE, lw=1.2)
        text = axes.get_yaxis_transform()
        axes.text(0.985, place - 0.3, name, transform=text, size=6.5, ha="right", va="center")
    if 0 < mu < 2 - 1e-4:
        limit = decay.boundary_dimension(mu).value
        axes.plot([limit] * 2, [-0.5, len(some) - 0.5], color=style.INK, lw=0.9, ls=":")
    axes.axhline(len(some) - 0.5, color=style.INK, lw=0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlim(0.8, 2.0)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlabel("box dimension", size=8, labelpad=1)
    axes.set_title("beside boundaries that are known", size=9, pad=3)
    axes.tick_params(labelsize=7, length=2.5, pad=1)


def _draw_key(figure: Figure, grid: Grid, windows: Sequence[xr.Dataset]) -> None:
    """Explain colours and lines at the bottom of the sheet."""
    seen = np.unique(np.concatenate([zoom["regime"].values.ravel() for zoom in windows]))
    handles: list[Artist] = [
        Patch(facecolor=style.COLOURS[Regime(code)], ec=style.INK, lw=0.5, label=words)
        for code in seen
        if (words := style.WORDS[Regime(code)])
    ]
    lines = {
        r"ellipse of the bounded starts at $\kappa=0$": (_ELLIPSE, "--"),
        "known dimension": (_ELLIPSE, "-"),
        r"limit for $\kappa\to0$ (argued)": (style.INK, ":"),
    }
    handles += [
        Line2D([], [], color=colour, ls=dashes, lw=0.9, label=words)
        for words, (colour, dashes) in lines.items()
    ]
    width, height = grid.size
    figure.legend(
        handles=handles, loc="lower left", ncols=3, borderaxespad=0, borderpad=0, fontsize=8,
        bbox_to_anchor=(grid.pixels(LEFT) / width, grid.pixels(0.08) / height),
        handlelength=1.4, columnspacing=1.0,
    )  # fmt: skip
