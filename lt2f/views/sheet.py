"""Sheets: panels below each other whose edges are whole pixels, their captions and their files."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import xarray as xr
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from lt2f.views import style
from lt2f.views.files import whole

_WIDTHS: Final = 5.0, 5.8  # of panels, in inches
_LEFT, _RIGHT, _TITLE, _GAP = 0.62, 0.14, 0.34, 0.08
_HAIR: Final = 0.03  # inches at least between words and the edge of a sheet
_BELOW: Final = 0.5  # inches for the name of the horizontal axis
_HEAD, _BESIDE = 0.26, 0.66  # above and between panels of a row, which have names of their own
_UNDATED: Final = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
_CAPTIONED: Final = {"png": "Description", "pdf": "Subject", "svg": "Description"}


def most(dpi: int) -> int:
    """Return the most pixels that a panel may be wide."""
    return math.floor(_WIDTHS[1] * dpi)


def fit(cells: int, dpi: int) -> tuple[int, int]:
    """Choose pixels per cell across a panel, and the dpi at which the panel has its usual width.

    The dpi is raised only if no whole number of pixels fits.
    """
    low, high = _WIDTHS
    scale = math.floor(high * dpi / cells)
    if scale * cells >= low * dpi:
        return scale, dpi
    return scale + 1, math.ceil((scale + 1) * cells / high)


def make(width: int, heights: list[int], dpi: int, top: float = 0.0) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels below each other, all of `width` and of `heights` pixels.

    `top` is what they need above them, in inches. Panels share their horizontal axis; they
    begin and end at whole pixels, so that a raster of as many pixels is drawn one to one.
    """
    left, right, below, above, between = (
        round(inches * dpi) for inches in (_LEFT, _RIGHT, _BELOW, top + _TITLE, _GAP)
    )
    columns = left + width + right
    rows = below + sum(heights) + between * (len(heights) - 1) + above
    # A hair more than whole: the canvas is cut down to whole pixels.
    size = (columns + 1e-6) / dpi, (rows + 1e-6) / dpi
    figure = Figure(figsize=size, dpi=dpi)
    panels: list[Axes] = []
    edge = rows - above
    for height in heights:
        edge -= height
        box = (left / columns, edge / rows, width / columns, height / rows)
        panels.append(figure.add_axes(box, sharex=panels[0] if panels else None))
        edge -= between
    for panel in panels[:-1]:
        panel.tick_params(labelbottom=False)
    return figure, panels


def title(axes: Axes, words: str, dataset: xr.Dataset) -> None:
    """Write at the top of a figure: words, and what is fixed in a dataset.

    In one line if it fits there, else smaller, else in two.
    """
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)
    parts = [words, *style.conditions(dataset)]
    corner = blended_transform_factory(axes.transAxes, figure.transFigure)
    room = figure.bbox.width - axes.get_window_extent().x0 - _HAIR * figure.dpi
    for lines, size, above in _settings_of(parts):
        place = corner + ScaledTranslation(0, -above, figure.dpi_scale_trans)
        text = axes.text(0, 1, lines, transform=place, va="top", size=size, linespacing=1.1)
        if text.get_window_extent(_renderer(figure)).width <= room:
            return
        text.remove()
    axes.add_artist(text)  # the smallest


def _settings_of(parts: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    """Yield ways to set a title, the best first: lines, size, and inches above them."""
    for size in (10.0, 9.0, 8.0):
        yield ", ".join(parts), size, 0.12
    splits = [(", ".join(parts[:k]) + ",", ", ".join(parts[k:])) for k in range(1, len(parts))] or [
        (parts[0], "")
    ]
    halves = min(splits, key=lambda lines: max(map(len, lines)))
    for size in (8.5, 7.5, 6.5, 5.5):
        yield "\n".join(halves), size, 0.05


def margins(figure: Figure) -> None:
    """Widen a figure at its sides until nothing that its panels say is cut off.

    All panels keep their sizes; a label longer than its panel is high is made smaller.
    """
    renderer, edge = _renderer(figure), _HAIR * figure.dpi
    for panel in figure.axes:
        label = panel.yaxis.label
        excess = label.get_window_extent(renderer).height / panel.get_window_extent().height
        if label.get_rotation() == 90 and excess > 1:
            label.set_fontsize(max(6.0, float(label.get_fontsize()) / excess))
    boxes = [box for panel in figure.axes if (box := panel.get_tightbbox(renderer)) is not None]
    left = math.ceil(max(0.0, edge - min(box.x0 for box in boxes)))
    right = math.ceil(max(0.0, max(box.x1 for box in boxes) + edge - figure.bbox.width))
    width, height = (round(pixels) for pixels in figure.bbox.size)
    places = [panel.get_position().bounds for panel in figure.axes]
    wide = width + left + right
    figure.set_size_inches((wide + 1e-6) / figure.dpi, (height + 1e-6) / figure.dpi)
    for panel, (x, y, w, h) in zip(figure.axes, places, strict=True):
        panel.set_position(((x * width + left) / wide, y, w * width / wide, h))


def _renderer(figure: Figure) -> RendererAgg:
    return FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call, no-any-return]


def key(axes: Axes, handles: Sequence[Artist]) -> None:
    """Explain what has no words of its own on a figure, below its lowest panel."""
    figure = axes.get_figure(root=True)
    if not handles or not isinstance(figure, Figure):
        return
    lines = -(-len(handles) // 3)
    _lengthen(figure, round(0.2 * lines * figure.dpi))
    below = -_BELOW * figure.dpi / axes.get_window_extent().height
    axes.legend(
        handles=handles, loc="upper right", bbox_to_anchor=(1.0, below),
        ncols=3, borderaxespad=0, borderpad=0, handlelength=1.2,
    )  # fmt: skip


def row(
    figure: Figure,
    count: int,
    height: int,
    above: float = _HEAD,
    beside: float = _BESIDE,
    below: float = _BELOW,
) -> list[Axes]:
    """Add panels of `height` pixels beside each other below all others, as wide as the first.

    `above`, `beside` and `below` are what lies above, between and below them, in inches.
    """
    dpi = figure.dpi
    below, above, between = (round(inches * dpi) for inches in (below, above, beside))
    _lengthen(figure, height + below + above)
    columns, rows = figure.bbox.size
    first = figure.axes[0].get_window_extent()
    width = (first.width - (count - 1) * between) / count
    return [
        figure.add_axes(
            (
                (first.x0 + k * (width + between)) / columns,
                below / rows,
                width / columns,
                height / rows,
            )
        )
        for k in range(count)
    ]


def _lengthen(figure: Figure, more: int) -> None:
    """Add so many rows of pixels at the foot of a figure; all panels keep their sizes."""
    width, height = (round(pixels) for pixels in figure.bbox.size)
    boxes = [panel.get_position().bounds for panel in figure.axes]
    figure.set_size_inches((width + 1e-6) / figure.dpi, (height + more + 1e-6) / figure.dpi)
    for panel, (x, y, w, h) in zip(figure.axes, boxes, strict=True):
        shrink = height / (height + more)
        panel.set_position((x, 1 - (1 - y) * shrink, w, h * shrink))


def save(figure: Figure, stem: Path, formats: list[str], caption: str = "") -> None:
    """Write a figure as stem.format, each file whole or not at all, the same bytes every time.

    Each carries the caption among its metadata.
    """
    for kind in formats:
        path = stem.with_name(f"{stem.name}.{kind}")  # the stem may have dots of its own
        with whole(path) as draft, rc_context(style.RC):
            metadata = {**_UNDATED[kind], _CAPTIONED[kind]: caption}
            figure.savefig(draft, format=kind, metadata=metadata)
