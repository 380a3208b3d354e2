"""Where the residual goes in the long run, over effective step size."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lt2f.dynamics.codes import Regime
from lt2f.views import annotate, raster, sheet, spread, style
from lt2f.views import exponents as lines
from lt2f.views.raster import Columns, Floats

Bools = NDArray[np.bool_]

_HEIGHT: Final = 2.9  # of the upper panel, in inches
_PIXELS: Final = 2  # per bin of the residual: a cycle would be too thin a line with one


def orbit_diagram(
    orbit: xr.Dataset, exponents: xr.Dataset | None = None, dpi: int = style.DPI
) -> Figure:
    """Draw how often each residual occurs, from an orbit dataset over mu.

    Realizations, if they are an axis, are pooled. A column of pixels shows one mu, or several next
    to each other if there are more than pixels, darker where the residual was more often, on a
    logarithmic scale. Below come the quantiles of the imbalance, if it was recorded, and the
    exponents of a map dataset over mu, if it is given.
    Where every orbit has escaped the panels are grey.
    """
    orbit = orbit.transpose("mu", ...)
    mu = orbit["mu"].values
    columns = Columns.over(mu, dpi)
    scale, dpi = sheet.fit(columns.count, dpi)
    bins = round(_HEIGHT * dpi / _PIXELS)
    span = span_of(orbit)
    counts = density(mu, slabs(orbit), columns, bins, span)
    rows = lines.marked(orbit, columns)
    heights = [bins * _PIXELS]
    imbalance = spread.name_of(orbit)
    if imbalance is not None:
        heights.append(round(spread.HEIGHT * dpi))
    if exponents is not None:
        heights += lines.heights(exponents, dpi)
    with rc_context(style.RC):
        top = annotate.room(rows)
        figure, panels = sheet.make(scale * columns.count, heights, dpi, top)
        image = raster.blocks(shade(counts), _PIXELS, scale)
        raster.draw(panels[0], image, (columns.low, columns.high), span)
        panels[0].set_ylabel("residual $e=ab-\\mu$")
        if imbalance is not None:
            spread.draw(panels[1], orbit, imbalance, columns)
        if exponents is not None:
            lower = panels[1 + (imbalance is not None) :]
            lines.draw(lower, exponents, columns)
            if _is_noisy(orbit) and not _is_noisy(exponents):
                _say_without_noise(lower)
        upper = panels[: 1 + (imbalance is not None)]
        _shade_escaped(upper, columns, counts.sum(axis=0) == 0, heights[0])
        lines.mark(panels if exponents is None else panels[:-1], rows)
        sheet.title(panels[0], _words(orbit), orbit)
        style.name_axis(panels[-1].xaxis, "mu")
        figure.align_ylabels(panels if exponents is None else panels[:-1])
        sheet.margins(figure)
    return figure


def _say_without_noise(panels: list[Axes]) -> None:
    """Say of the exponents, if they are there, and of the strip that they are those of no noise."""
    if len(panels) == 2:
        panels[0].set_ylabel("without noise: nats per step")
    look: dict[str, Any] = {
        "rotation": 0,
        "size": 7,
        "ha": "right",
        "va": "center",
        "linespacing": 0.9,
    }
    panels[-1].set_ylabel("without\nnoise", labelpad=3, **look)


def _shade_escaped(panels: list[Axes], columns: Columns, gone: Bools, rows: int) -> None:
    """Shade the columns in which every orbit has escaped, and say so where there is room."""
    if gone.all() or not gone.any():
        return
    edges = np.linspace(columns.low, columns.high, columns.count + 1)
    turns = np.flatnonzero(np.diff(np.concatenate([[False], gone, [False]])))
    for first, last in turns.reshape(-1, 2):
        for panel in panels:
            panel.axvspan(
                edges[first], edges[last], fc=style.COLOURS[Regime.DIVERGENT], lw=0, zorder=0.5
            )
    width = round(panels[0].get_window_extent().width) // columns.count
    free = np.broadcast_to(gone.repeat(width), (rows, gone.size * width))
    for turned in (0, 90):
        if annotate.in_region(panels[0], free, "escaped", 0.99, rotation=turned, color=style.INK):
            return


def _is_noisy(dataset: xr.Dataset) -> bool:
    return bool(style.noise_of(dataset)["model"] != "none")


def _words(orbit: xr.Dataset) -> str:
    steps = style.sweep_of(orbit)["iterations"]
    pooled = orbit.sizes.get("realization", 1)
    of = f"{pooled:,} realizations of " if pooled > 1 else ""
    return f"Orbit diagram, {of}{steps['samples']:,} steps after {steps['transient']:,}"


def slabs(orbit: xr.Dataset) -> Iterator[tuple[slice, Floats]]:
    """Yield rows of the residual, (mu, samples), as many as fit into memory at ease."""
    yield from raster.pooled(orbit["residual"])


def span_of(orbit: xr.Dataset) -> tuple[float, float]:
    """Return where an axis of the residual begins and ends."""
    ends = [(np.nanmin(e, initial=np.inf), np.nanmax(e, initial=-np.inf)) for _, e in slabs(orbit)]
    low, high = float(min(a for a, _ in ends)), float(max(b for _, b in ends))
    if not low <= high:  # nothing is bounded
        low, high = -2.0, 2.0
    margin = 0.03 * max(high - low, 1e-3)
    return low - margin, high + margin


def density(
    x: Floats,
    parts: Iterable[tuple[slice, Floats]],
    columns: Columns,
    bins: int,
    span: tuple[float, float],
) -> NDArray[np.int64]:
    """Count values, (places, samples) in parts, in bins over a span and columns over x.

    Of shape (bins, columns); a column without any x shows the nearest.
    """
    low, high = span
    counts = np.zeros(bins * columns.count, dtype=np.int64)
    for rows, values in parts:
        row = (values - low) / (high - low) * bins
        place = np.broadcast_to(columns.of(x[rows])[:, np.newaxis], values.shape)
        seen = (row >= 0) & (row < bins)
        flat = row[seen].astype(np.int64) * columns.count + place[seen]
        counts += np.bincount(flat, minlength=counts.size)
    table = counts.reshape(bins, columns.count)
    filled = np.bincount(columns.of(x), minlength=columns.count) > 0
    source = np.where(filled, np.arange(columns.count), columns.of(x)[columns.nearest(x)])
    return table[:, source]


def shade(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Colour counts from white, for none, to dark, for all of a column, by their logarithm."""
    total = np.maximum(2, counts.sum(axis=0))
    level = (np.log1p(counts) / np.log1p(total)) ** 1.4
    dark = np.array(to_rgb(style.COLOURS[Regime.CHAOTIC]))
    pale = np.array([0.78, 0.83, 0.93])
    blend = pale + (dark - pale) * level[..., np.newaxis]
    blend[counts == 0] = 1.0
    shades: NDArray[np.uint8] = np.round(255 * blend).astype(np.uint8)
    return shades
