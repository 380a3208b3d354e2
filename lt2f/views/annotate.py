"""Words on figures where they belong: thresholds above a panel, names on curves and in regions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.optimize import isotonic_regression

from lt2f.dynamics.codes import Regime
from lt2f.dynamics.thresholds import Threshold
from lt2f.views.style import COLOURS, INK, WORDS, palette

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SHORT: Final = {
    "monotone_end": "some balanced catapults",
    "doubling_1": "edge of stability",
    "accumulation": "period ∞",
    "bands_merge_2_to_1": "bands merge",
    "attractor_merging": "attractors merge",
    "antisymmetric_birth": "cycle of both signs",
    "antisymmetric_split": "that cycle splits",
    "chebyshev": "full chaos",
}


def short(threshold: Threshold) -> str:
    """Name a threshold in a few words, with its place to four decimals."""
    kind, _, order = threshold.id.partition("doubling_")
    words = f"period {2 ** int(order)}" if not kind and order.isdigit() else threshold.id
    words = _SHORT.get(threshold.id, words.replace("_", " "))
    mu = f"{threshold.mu:.0f}" if threshold.mu.is_integer() else f"{threshold.mu:.4f}"
    return f"{mu}  {words}"


def room(rows: Sequence[Threshold]) -> float:
    """Return the inches above a panel that the names of thresholds take, by the longest."""
    return 0.3 + 0.03 * max(len(short(row)) for row in rows) if rows else 0.0


def thresholds(
    axes: Axes,
    rows: Sequence[Threshold],
    places: Floats,
    name: Callable[[Threshold], str] = short,
) -> None:
    """Name thresholds above a panel, each joined to its place by a line that makes room."""
    if not rows:
        return
    figure = axes.get_figure(root=True)
    assert figure is not None
    panel = axes.get_window_extent()
    slant: dict[str, Any] = {"rotation": 40, "rotation_mode": "anchor", "size": 8.5}
    texts = [axes.text(0, 0, name(row), transform=axes.transAxes, **slant) for row in rows]
    low, high = axes.get_xlim()
    here = panel.x0 + panel.width * (places - low) / (high - low)
    widths = np.array([_measure(axes, text).width for text in texts])
    aside = apart(here, 0.2 * figure.dpi, figure.bbox.width - 0.05 * figure.dpi - widths)
    heights = 1 + np.array([0.0, 0.04, 0.11, 0.15]) * figure.dpi / panel.height
    for text, *ends in zip(texts, here, aside, strict=True):
        x, beside = (float(end - panel.x0) / panel.width for end in ends)
        text.set_position((beside, heights[-1]))
        line = Line2D([x, x, beside, beside], heights, color=INK, lw=0.5, transform=axes.transAxes)
        line.set_clip_on(False)
        axes.add_line(line)


def apart(places: Floats, gap: float, most: Floats) -> Floats:
    """Move places as little as it takes to be a gap apart in order, and none beyond its `most`."""
    order = gap * np.arange(places.size)
    # With the gaps taken off this is a monotone regression, below bounds made monotone as well.
    bounds = np.minimum.accumulate((most - order)[::-1])[::-1]
    free: Floats = isotonic_regression(places - order).x
    moved: Floats = np.minimum(free, bounds) + order
    return moved


def _measure(axes: Axes, text: Text) -> Bbox:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return text.get_window_extent(FigureCanvasAgg(figure).get_renderer())  # type: ignore[no-untyped-call]


def on_curve(
    axes: Axes,
    curve: Floats,
    words: str,
    beyond: Callable[[Floats], bool],
    image: NDArray[np.uint8] | None = None,
    **font: Any,
) -> Bbox | None:
    """Write along a curve, where it is straightest, on the side where `beyond` holds.

    The curve, (n, 2), and the argument of `beyond` are in data coordinates. On an image of regimes,
    a pixel each from the bottom, the words are white where most of it is dark. Returns the box in
    pixels, or None where no place is large enough.
    """
    text = axes.text(0, 0, words, ha="center", va="center", **font)
    box = _measure(axes, text)
    to_data = axes.transData.inverted().transform
    places = [
        (bend, to_data(middle), angle)
        for bend, middle, angle in _places(axes.transData.transform(curve), box.width, box.height)
        if _holds(axes.get_window_extent(), middle, angle, box) and beyond(to_data(middle))
    ]
    if not places:
        text.remove()
        return None
    _, (x, y), angle = min(places, key=lambda place: place[0] + box.height * abs(place[2]))
    text.set(position=(x, y), rotation=np.degrees(angle), rotation_mode="anchor")
    if image is not None:
        text.set_color(_ink(axes, image, (x, y), angle, box.width))
    return _measure(axes, text)


def _ink(
    axes: Axes, image: NDArray[np.uint8], place: Sequence[float], angle: float, width: float
) -> str:
    """Choose the colour of words of a width at a place, by the regimes below their middle line."""
    centre = axes.transData.transform(place) - axes.get_window_extent().p0
    way = np.array([np.cos(angle), np.sin(angle)])
    points = centre + np.linspace(-width, width, 65)[:, np.newaxis] / 2 * way
    columns, rows = points.astype(np.int64).T
    tall, wide = image.shape
    below = image[rows.clip(0, tall - 1), columns.clip(0, wide - 1)]
    return "w" if np.mean(_dark()[below]) > 0.5 else INK


def _dark() -> Bools:
    """Tell of which regimes the colour asks for white words."""
    return np.asarray(palette() @ [0.2126, 0.7152, 0.0722] < 130)


def _places(points: Floats, width: float, height: float) -> Iterator[tuple[float, Floats, float]]:
    """Yield how much a curve bends, the middle and the angle of words beside it, in pixels."""
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    every = np.arange(0.0, arc[-1], 2.0)
    points = np.column_stack([np.interp(every, arc, x) for x in points.T])
    length = round(width / 2)  # in points
    for first in range(0, len(points) - length, 2):
        part = points[first : first + length + 1]
        aside = 0.02 * abs(first + length / 2 - len(points) / 2)  # rather in the middle
        if part[0, 0] > part[-1, 0]:  # words run from left to right
            part = part[::-1]
        chord = part[-1] - part[0]
        along = chord / max(1e-9, float(np.hypot(*chord)))
        across = np.array([-along[1], along[0]])
        off = (part - part[0]) @ across
        for side in (1.0, -1.0):
            middle = part[0] + chord / 2 + side * ((side * off).max() + 0.75 * height) * across
            yield float(np.ptp(off)) + aside, middle, float(np.arctan2(along[1], along[0]))


def _holds(panel: Bbox, middle: Floats, angle: float, box: Bbox) -> bool:
    """Tell whether words of a box's size fit into a panel at this place and angle."""
    c, s = abs(np.cos(angle)), abs(np.sin(angle))
    reach = np.array([c * box.width + s * box.height, s * box.width + c * box.height]) / 2 + 3
    return bool((middle - reach > panel.p0).all() and (middle + reach < panel.p1).all())


def in_region(axes: Axes, free: Bools, words: str, enough: float = 0.9, **font: Any) -> Bbox | None:
    """Write into a region of a panel, given as its free pixels, (rows, columns) from the bottom.

    With much room around if there is; returns the box in pixels, or None where less than `enough`
    of it would lie on the region.
    """
    text = axes.text(0, 0, words, transform=axes.transAxes, ha="center", va="center", **font)
    box = _measure(axes, text)
    for room, least in ((4.0, 0.99), (2.0, 0.99), (1.2, 0.99), (1.0, enough)):
        size = [int(room * box.height) | 1, int(room * box.width) | 1]
        share = uniform_filter(free.astype(np.float32), size, mode="constant")
        if share.max() >= least:
            break
    else:
        text.remove()
        return None
    row, column = np.nonzero(share >= share.max() - 1e-3)
    # Of equally good places the one nearest to their middle.
    best = np.argmin(np.hypot(row - row.mean(), column - column.mean()))
    rows, columns = free.shape
    text.set_position((float(column[best] + 0.5) / columns, float(row[best] + 0.5) / rows))
    return _measure(axes, text)


def regimes(
    axes: Axes,
    image: NDArray[np.uint8],
    free: Bools,
    codes: NDArray[np.uint8],
    size: float = 11,
    enough: float = 0.9,
) -> list[Artist]:
    """Write each regime into its region of an image; those too small are returned, for the key."""
    key: list[Artist] = []
    dark = _dark()
    for code in Regime:
        count = int((codes == code).sum())
        colour = "w" if dark[code] else INK
        if not count or in_region(
            axes, (image == code) & free, WORDS[code], enough, size=size, color=colour
        ):
            continue
        words = f"{WORDS[code]} ({count:,} cell{'s' * (count > 1)})"
        key.append(Patch(facecolor=COLOURS[code], edgecolor=INK, lw=0.5, label=words))
    return key
