"""Lyapunov exponents along one axis, over a strip of the regimes."""

from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import Regime
from lt2f.views import annotate, raster, sheet, style
from lt2f.views.raster import Columns, Floats

STRIP: Final = 0.16
"""Height of a strip of regimes, in inches."""
_HEIGHT: Final = 2.0  # of the panel, in inches
_DEEPEST: Final = -2.0  # superstable cycles lie at -infinity
_FEW: Final = 50  # values, each of which gets a dot
_BAND: Final = 2.0  # standard errors to either side

# The transverse exponent is dashed over the others: often it is one of them.
LOOKS: Final = {
    "lyapunov 1": (r"largest $\lambda_1$", "#37295f", "-"),
    "lyapunov 2": (r"second $\lambda_2$", "#6f9fd0", "-"),
    "transverse_lyapunov": (r"transverse $\lambda_\perp$", "#d9541e", (0, (3, 2))),
}


def exponents(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the exponents of a map dataset with one axis, with bands of two standard errors.

    Below is a strip in the colours of the regimes; it alone is drawn if no exponent was recorded.
    """
    name = axis_of(dataset)
    values = dataset[name].values.astype(np.float64)
    columns = Columns.over(values, dpi)
    scale, dpi = sheet.fit(columns.count, dpi)
    rows = marked(dataset, columns)
    with rc_context(style.RC):
        top = annotate.room(rows)
        figure, panels = sheet.make(scale * columns.count, heights(dataset, dpi), dpi, top)
        draw(panels, dataset, columns)
        mark(panels[:1], rows)
        sheet.title(panels[0], "Lyapunov exponents", dataset)
        style.name_axis(panels[-1].xaxis, name)
        sheet.margins(figure)
    return figure


def heights(dataset: xr.Dataset, dpi: int) -> list[int]:
    """Return the heights in pixels of the panels that a dataset needs."""
    return [round(_HEIGHT * dpi)] * bool(_curves(dataset)) + [round(STRIP * dpi)]


def draw(panels: list[Axes], dataset: xr.Dataset, columns: Columns) -> None:
    """Draw a dataset into its panels."""
    if len(panels) == 2:
        _draw_exponents(panels[0], dataset, columns)
    sheet.key(panels[-1], strip(panels[-1], dataset, columns))


def axis_of(dataset: xr.Dataset) -> str:
    """Name the axis of a dataset that has one: the first dimension of whatever it holds."""
    return str(next(iter(dataset.data_vars.values())).dims[0])


def marked(dataset: xr.Dataset, columns: Columns) -> list[thresholds.Threshold]:
    """List the thresholds between the ends of the columns, if they run over mu without noise."""
    if axis_of(dataset) != "mu" or style.noise_of(dataset)["model"] != "none":
        return []
    return [row for row in thresholds.table() if columns.low <= row.mu <= columns.high]


def mark(panels: list[Axes], rows: list[thresholds.Threshold]) -> None:
    """Draw thresholds through panels and name them above the first."""
    for panel in panels:
        for row in rows:
            panel.axvline(row.mu, color=style.INK, lw=0.5, ls=(0, (1, 2)), zorder=1.5)
    annotate.thresholds(panels[0], rows, np.array([row.mu for row in rows]))


def _curves(dataset: xr.Dataset) -> dict[str, tuple[Floats, Floats]]:
    """Return the exponents that a dataset has, with their standard errors."""
    found = {}
    if "lyapunov" in dataset:
        pair, errors = dataset["lyapunov"].values, dataset["lyapunov_error"].values
        found = {f"lyapunov {k + 1}": (pair[..., k], errors[..., k]) for k in range(2)}
    if "transverse_lyapunov" in dataset:
        name = "transverse_lyapunov"
        found[name] = dataset[name].values, dataset[f"{name}_error"].values
    return found


def _draw_exponents(axes: Axes, dataset: xr.Dataset, columns: Columns) -> None:
    """Draw the exponents into a panel, cut off below where they fall without bound."""
    x = dataset[axis_of(dataset)].values
    seen = (columns.low <= x) & (x <= columns.high)
    low, high = -0.5, 0.5
    axes.axhline(0, color=style.INK, lw=0.5)
    for name, (values, errors) in _curves(dataset).items():
        values = np.maximum(values, 2 * _DEEPEST)
        curve(axes, columns, x, values, errors, LOOKS[name])
        low = min(low, np.nanmin(values[seen], initial=low))
        high = max(high, np.nanmax(values[seen], initial=high))
    low = max(low, _DEEPEST)
    room = 0.22 * (high - low)  # for the names of the curves
    axes.set(xlim=(columns.low, columns.high), ylim=(low - 0.05 * (high - low), high + room))
    axes.set_ylabel("nats per step")
    axes.legend(loc="upper left", ncols=3, borderpad=0.2, handlelength=1.8)


def curve(
    axes: Axes,
    columns: Columns,
    x: Floats,
    values: Floats,
    errors: Floats,
    look: tuple[str, str, Any],
) -> None:
    """Draw values with a band of two standard errors; `look` is words, colour and dashes."""
    words, colour, dashes = look
    errors = np.nan_to_num(errors)
    some = extremes(columns.of(x), values)
    band = (values - _BAND * errors, values + _BAND * errors)
    dot = "o" if x.size < _FEW else ""
    axes.fill_between(x[some], band[0][some], band[1][some], color=colour, alpha=0.3, lw=0)
    axes.plot(x[some], values[some], color=colour, ls=dashes, marker=dot, ms=3, label=words)


def extremes(column: NDArray[np.int64], values: Floats) -> NDArray[np.int64]:
    """Return the indices of the least and the largest value in each column of pixels.

    A line through these looks the same as through all, and files stay small.
    """
    order = np.lexsort((values, column))
    last = np.append(np.diff(column[order]) != 0, True)
    first = np.append(True, last[:-1])
    return np.unique(order[first | last])


def strip(axes: Axes, dataset: xr.Dataset, columns: Columns) -> list[Artist]:
    """Draw the regimes as a strip; a column with anything undecided in it is undecided.

    It is white beyond the data. Returned are those that have no room for their names, for the key.
    """
    x, codes = dataset[axis_of(dataset)].values, dataset["regime"].values
    shown = codes[columns.nearest(x)]
    places = columns.of(x[codes == Regime.UNDECIDED])
    shown[places[(places >= 0) & (places < columns.count)]] = Regime.UNDECIDED
    height, width = (round(pixels) for pixels in axes.get_window_extent().size[::-1])
    size = height, width // columns.count
    image = raster.blocks(shown[np.newaxis], *size)
    free = raster.blocks(columns.covered(x)[np.newaxis], *size)
    colours = np.where(free[..., np.newaxis], style.palette()[image], np.uint8(255))
    raster.draw(axes, colours, (columns.low, columns.high), (0.0, 1.0))
    axes.set_yticks([])
    seen = (columns.low <= x) & (x <= columns.high)
    return annotate.regimes(axes, image, free, codes[seen], size=7.5, enough=0.99)
