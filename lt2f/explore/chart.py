"""The map as it is drawn: cells, exact boundaries over them, and one cell marked."""

from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    LinearColorMapper,
    PanTool,
    Range1d,
    WheelZoomTool,
)
from contourpy import contour_generator

from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.thresholds import Threshold
from lt2f.explore.atlas import Cells, Map
from lt2f.explore.colours import COLOURINGS
from lt2f.explore.pictures import panel
from lt2f.explore.view import View, Window
from lt2f.explore.window import Grid
from lt2f.views import boundaries, style
from lt2f.views.words import PLAIN

_INK: Final = {"line_color": style.INK, "line_width": 1.4}
_DASHES: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "-": (_INK,),
    "--": ({**_INK, "line_dash": [7, 4]},),
    "-.": ({**_INK, "line_dash": [7, 3, 2, 3]},),
    # White, on a shadow: what is below may be dark or light.
    ":": (
        {"line_color": style.INK, "line_width": 2.6, "line_alpha": 0.35, "line_dash": [2, 3]},
        {"line_color": "white", "line_width": 1.2, "line_dash": [2, 3]},
    ),
}
"""How boundaries of each kind are drawn, the lowest line first."""
_FINE: Final = 161  # points along a side of a window, between which boundaries are linear


class Chart:
    """The map: the dataset's cells, finer ones over them, exact boundaries, and one cell marked."""

    def __init__(self) -> None:
        self.x, self.y = Range1d(0, 1), Range1d(0, 1)
        self.figure = panel("", "", "", x_range=self.x, y_range=self.y, name="map", tools="")
        self.figure.grid.visible = False
        self.figure.background_fill_color = "#f3f5f8"
        self.boxes, self.moves, wheel = BoxZoomTool(), PanTool(), WheelZoomTool()
        self.figure.add_tools(self.boxes, self.moves, wheel)
        self.figure.toolbar.active_drag = self.boxes
        self.figure.toolbar.active_scroll = wheel
        self.base, self.fine = ColumnDataSource(_nothing()), ColumnDataSource(_nothing())
        self.colours = LinearColorMapper(palette=["white"])
        for source in (self.base, self.fine):
            self.figure.image(source=source, color_mapper=self.colours)
        self.lines = {dashes: ColumnDataSource({"xs": [], "ys": []}) for dashes in _DASHES}
        self._draw_lines()

    def _draw_lines(self) -> None:
        for dashes, look in _DASHES.items():
            for line in look:
                self.figure.multi_line("xs", "ys", source=self.lines[dashes], **line)
        self.mark = ColumnDataSource({"x": [], "y": []})
        for width, colour in ((5, "#111111"), (2.2, "white")):
            self.figure.scatter(
                "x", "y", source=self.mark, size=17, fill_alpha=0.0, line_color=colour,
                line_width=width,
            )  # fmt: skip

    def show(self, found: Map, view: View, rows: list[Threshold]) -> None:
        """Show a view: its window, the dataset where it applies, boundaries and the point."""
        window, names = view.window, (found.x, found.y)
        for range_, ends in ((self.x, window[:2]), (self.y, window[2:])):
            range_.update(start=ends[0], end=ends[1])
        for axis, name in zip((self.figure.xaxis, self.figure.yaxis), names, strict=True):
            axis.axis_label = f"{style.NAMES[name]} {PLAIN[name]}"
        for dashes, source in self.lines.items():
            source.data = _curves(found, view, rows, dashes)

    def point(self, x: float, y: float) -> None:
        """Mark a point."""
        self.mark.data = {"x": [x], "y": [y]}

    def show_dataset(self, found: Map, view: View) -> None:
        """Show the dataset's cells, or none where it has other ones than those of the view."""
        palette = COLOURINGS[view.colour].palette
        self.colours.update(palette=palette, low=-0.5, high=len(palette) - 0.5)
        cells = found.cells(view) if found.has(view) else None
        self.base.data = _image(cells, view.colour, found.edges) if cells else _nothing()

    def show_grid(self, grid: Grid | None, view: View) -> None:
        """Lay finer cells over a window, or take them away."""
        self.fine.data = _image(grid.cells, view.colour, grid.window) if grid else _nothing()


def _image(cells: Cells, colour: str, window: Window) -> dict[str, Any]:
    left, right, low, high = window
    place = {"x": [left], "y": [low], "dw": [right - left], "dh": [high - low]}
    return {"image": [COLOURINGS[colour].codes(cells, colour)], **place}


def _nothing() -> dict[str, Any]:
    return {name: [] for name in ("image", "x", "y", "dw", "dh")}


def _curves(found: Map, view: View, rows: list[Threshold], dashes: str) -> dict[str, Any]:
    """Return the exact boundaries of one dash in a window, as lines between close points."""
    left, right, low, high = view.window
    x, y = np.linspace(left, right, _FINE), np.linspace(low, high, _FINE)
    fixed = {name: np.asarray(value) for name, value in view.point.items()}
    point = fixed | {found.x: x, found.y: y[:, np.newaxis]}
    lines: list[Floats] = []
    if dashes == ":" and view.step == "none":
        lines = list(_thresholds(found, view, rows, y))
    else:
        noise = {"model": view.step, "law": view.law}
        for boundary in boundaries.under(noise):
            if (boundary.dashes if boundary.dashes in _DASHES else "-") == dashes:
                height = np.broadcast_to(boundary.beyond(point), (y.size, x.size))
                known = np.ma.masked_invalid(height)
                lines += cast("list[Floats]", contour_generator(x, y, known).lines(0.0))
    return {"xs": [line[:, 0] for line in lines], "ys": [line[:, 1] for line in lines]}


def _thresholds(found: Map, view: View, rows: list[Threshold], y: Floats) -> Iterator[Floats]:
    """Yield the thresholds on mu in a window, where starts are bounded."""
    left, right = view.window[:2]
    if found.x != "mu":
        return
    for row in rows:
        if left < row.mu < right:
            fixed = {name: np.asarray(value) for name, value in view.point.items()}
            h = boundaries.ellipse(fixed | {"mu": np.asarray(row.mu), found.y: y})
            yield np.column_stack([np.full(y.size, row.mu), np.where(h < 0, y, np.nan)])
