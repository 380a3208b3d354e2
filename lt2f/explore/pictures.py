"""Four pictures of an orbit: loss, residual, phase portrait and cobweb."""

import math
from typing import Any, Final

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, LogTickFormatter, Range1d, Title
from bokeh.plotting import figure
from numpy.typing import NDArray

from lt2f.dynamics.lanes import Floats
from lt2f.dynamics.steps import MAP, Step
from lt2f.explore import exact
from lt2f.explore.cell import Cell, Orbit
from lt2f.explore.view import View
from lt2f.views import style

PICTURES: Final = "loss", "residual", "portrait", "cobweb"

_EARLY, _LATE, _MINIMA = "#3d6fb5", "#d9541e", "#c6004f"
_LEAST, _MOST = 1e-32, 1e6  # ends of what is in sight of a loss
_BEYOND = 1e100  # where a line that leaves the picture goes, so that it is drawn
_LOSSES: Final = {True: "Loss e²/2", False: "Loss above its least value"}  # of the map; of others


def panel(title: str, x: str, y: str, **more: Any) -> figure:
    """Make a picture in the project's look."""
    made = figure(
        toolbar_location=None, sizing_mode="stretch_both", x_axis_label=x, y_axis_label=y,
        title=title, min_border=4, output_backend="canvas", **more,
    )  # fmt: skip
    # Bokeh repaints but half of the first column of pixels, so nothing may be drawn there.
    made.add_layout(Title(text=" ", text_font_size="3px", standoff=0), "left")
    made.title.text_font_size, made.title.text_color = "13px", style.INK
    made.title.text_font = made.axis.axis_label_text_font = "system-ui, sans-serif"
    made.axis.axis_label_text_font_style, made.axis.axis_label_text_font_size = "normal", "13px"
    made.axis.major_label_text_font_size, made.axis.axis_label_text_color = "12px", style.INK
    made.axis.major_label_text_color = style.INK
    made.axis.minor_tick_line_color = None
    made.grid.grid_line_color = "#e8ebef"
    made.outline_line_color = "#8b939c"
    return made


class Pictures:
    """Loss, residual, phase portrait and cobweb of an orbit."""

    def __init__(self) -> None:
        self.steps, self.losses = Range1d(0, 1), Range1d(1e-3, 1)
        self.residuals = Range1d(-2.2, 2.2)
        self.sides = {side: [Range1d(), Range1d()] for side in (exact.PLANE, exact.LINE)}
        plane, line = ({"x_range": x, "y_range": y, "tools": ""} for x, y in self.sides.values())
        log = {"y_axis_type": "log", "y_range": self.losses, "x_range": self.steps, "tools": ""}
        flat = {"x_range": self.steps, "y_range": self.residuals, "tools": ""}
        self.figures = {
            "loss": panel("", "step", "", **log),
            "residual": panel("Orbit: residual e = ab − μ", "step", "", **flat),
            "portrait": panel("Phase portrait", "a", "b", **plane),
            "cobweb": panel("Cobweb of (a + b)/2", "now", "next", **line),
        }
        for name, made in self.figures.items():
            made.name = name
        self.decades = FixedTicker()
        self.figures["loss"].yaxis.update(ticker=self.decades, formatter=LogTickFormatter())
        self.sources = {name: ColumnDataSource() for name in _SOURCES}
        for name, columns in _SOURCES.items():
            self.sources[name].data = {column: [] for column in columns}
        for place, name, x, y, look in _LOOKS:
            made = self.figures[place]
            (made.scatter if "size" in look else made.line)(x, y, source=self.sources[name], **look)
        self.known: tuple[float, Step, float, float] | None = None

    def show(self, view: View, cell: Cell) -> None:
        """Show a cell."""
        early, late, shown = cell.early, cell.late, _shown(cell)
        step = np.arange(early.a.size)[:shown]
        loss = np.clip(early.loss[:shown], _LEAST, _BEYOND)
        self.steps.update(start=-0.02 * shown, end=1.02 * shown)
        known = loss[np.isfinite(loss)]
        low, high = known.min(initial=1.0) / 3, 3 * min(known.max(initial=1e-3), _MOST)
        self.losses.update(start=low, end=high)
        self.decades.ticks = _decades(low, high)
        most = max(np.abs(early.residual[:1]).max(initial=2.0), _largest(late.residual))
        self.residuals.update(start=-1.1 * min(most, 20.0), end=1.1 * min(most, 20.0))
        first = np.arange(early.a.size) == 0
        a, b = _drawn(early.a, early.b)
        columns: dict[str, tuple[NDArray[Any], ...]] = {
            "steps": (step, loss, early.residual[:shown]),
            "way": (a, b, np.where(first, a, np.nan), np.where(first, b, np.nan)),
            "end": _drawn(late.a, late.b),
            "web": _web(early),
            "web_end": _web(late, 160),
        }
        step_size, (law, strength), scale = view.point["mu"], view.descent, _scale(late)
        if self.known != (sought := (step_size, law, strength, scale)):
            self._stretch(scale)
            self.known = sought
            self.figures["loss"].title.text = _LOSSES[law is MAP]
            columns["known"] = tuple(exact.curves(*sought))
        for name, values in columns.items():
            self.sources[name].data = dict(zip(_SOURCES[name], values, strict=True))

    def _stretch(self, scale: float) -> None:
        """Make the pictures of the weights some times as wide as they are at least."""
        for side, ranges in self.sides.items():
            for one in ranges:
                one.update(start=-scale * side, end=scale * side)


_SOURCES: Final = {
    "steps": ("step", "loss", "residual"),
    "way": ("a", "b", "a0", "b0"),
    "end": ("a", "b"),
    "web": ("now", "next"),
    "web_end": ("now", "next"),
    "known": exact.COLUMNS,
}
"""What travels together: each is one message."""
_FAINT: Final = {"line_color": _EARLY, "line_width": 0.7, "line_alpha": 0.6}
_LOOKS: Final[tuple[tuple[str, str, str, str, dict[str, Any]], ...]] = (
    ("loss", "steps", "step", "loss", {"line_color": _EARLY, "line_width": 1.3}),
    ("loss", "steps", "step", "loss", {"color": _EARLY, "size": 3.5}),
    ("residual", "steps", "step", "residual", _FAINT),
    ("residual", "steps", "step", "residual", {"color": _EARLY, "size": 4}),
    ("portrait", "known", "ea", "eb", {"line_color": style.INK, "line_width": 1.3}),
    ("portrait", "known", "ma", "mb", {"line_color": style.INK, "line_dash": [6, 4]}),
    ("portrait", "known", "sa", "sb", {"line_color": _MINIMA, "line_width": 2.4}),
    ("portrait", "way", "a", "b", _FAINT),
    ("portrait", "end", "a", "b", {"color": _LATE, "size": 4}),
    ("portrait", "known", "ra", "rb", {"size": 8, "fill_color": "white", "line_color": _MINIMA}),
    ("portrait", "known", "qa", "qb", {"size": 8, "color": _MINIMA}),
    ("portrait", "way", "a0", "b0", {"size": 9, "fill_color": "white", "line_color": style.INK}),
    ("cobweb", "known", "x", "x", {"line_color": "#8b939c"}),
    ("cobweb", "known", "x", "next", {"line_color": style.INK, "line_width": 1.5}),
    ("cobweb", "web", "now", "next", _FAINT),
    ("cobweb", "web_end", "now", "next", {"line_color": _LATE, "line_alpha": 0.8}),
)
"""Where each curve is drawn, from which columns and how, the lowest first."""


def _decades(low: float, high: float) -> list[float]:
    """Return powers of ten between two losses, five at most."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, math.ceil((last - first) / 4))
    return [10.0**k for k in range(last, first - 1, -step)]


def _shown(cell: Cell) -> int:
    """Choose how many steps to show: until the loss has settled, or a hundred."""
    settled = int(cell.number("steps"))
    return min(max(int(1.3 * settled), 30) if settled >= 0 else 100, cell.early.a.size)


def _scale(orbit: Orbit) -> float:
    """Return how much further an orbit reaches than those of the map, in quarters from 1 to 8."""
    reach = max(_largest(orbit.half_sum), _largest(orbit.a) / 2**0.5, _largest(orbit.b) / 2**0.5)
    return min(max(math.ceil(2.0 * reach - 1e-9) / 4.0, 1.0), 8.0)  # the map's may reach to 2


def _largest(values: Floats) -> float:
    """Return the largest size; of what has escaped 0."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _drawn(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Leave out what is far outside a picture."""
    near = (np.abs(a) < 1e3) & (np.abs(b) < 1e3)
    return np.where(near, a, np.nan), np.where(near, b, np.nan)


def _web(orbit: Orbit, most: int | None = None) -> tuple[Floats, Floats]:
    """Return the staircase (U, U') -> (U', U') -> (U', U'') of an orbit."""
    now = orbit.half_sum[:most]
    corners = now.repeat(2)
    return _drawn(corners[:-1], corners[1:])
