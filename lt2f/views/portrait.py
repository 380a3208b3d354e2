"""What becomes of every start in the plane of both factors, for a few step sizes side by side."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import patheffects, rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Regime
from lt2f.views import boundaries, raster, shades, sheet, style
from lt2f.views.grid import LEFT, RIGHT, TICKS, Grid, panels_of
from lt2f.views.raster import Cells, Floats
from lt2f.views.shades import Shades

_FEW: Final = 0.01  # of all cells: so few are easily overlooked

_SHOWN: Final = {"imbalance_final", "loss_peak_ratio", "steps"}
_HALO: Final = patheffects.withStroke(linewidth=2.0, foreground="white")
_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "bounded": {"color": style.INK, "lw": 0.8},
    "minima": {"color": style.INK, "lw": 0.8, "ls": (0, (3, 2)), "path_effects": [_HALO]},
    "stable": {"color": "#c6004f", "lw": 1.6, "path_effects": [_HALO]},
}
_WORDS: Final = {
    "bounded": r"bounded inside $a^2+b^2-\mu ab=4-\mu^2$",
    "minima": r"minima $ab=\mu$",
    "stable": r"stable ones, $a^2+b^2<2$",
}


def portrait(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw a map dataset over a and b, and mu if it is an axis: a block of pixels per cell.

    The upper panels show regimes; over them lie, without noise, the ellipse inside which starts
    are bounded and the minima. The lower panels show, where all of it was recorded, the steps
    until an orbit escapes and what bounded orbits do: the imbalance that they end with up to
    mu = 1, beyond it the largest loss on their way. The dpi is raised as far as cells need it;
    sides of more than `raster.MOST` cells, or sheets of more than `raster.SHEET`, are thinned, and
    the title says so.
    """
    cells, x, y, thinned = _read(dataset)
    grid = _grid(cells, x, y, dpi)
    with rc_context(style.RC):
        figure = grid.sheet()
        escape = Shades(shades.ESCAPE, 1, _slowest(cells), logarithmic=True)
        for k in range(grid.count):
            _draw_column(figure, grid, k, cells.isel(mu=k), (x, y), escape)
            if "mu" in dataset.dims:
                words = f"{style.SYMBOLS['mu']} = {cells['mu'].values[k]:g}"
                figure.axes[-1 if grid.rows == 1 else -3].set_title(words, pad=4)
        sheet.title(figure.axes[0], f"Regimes of training over both factors{thinned}", dataset)
        _draw_key(figure, grid, cells)
        if grid.rows > 1:
            _draw_escape(figure, grid, escape)
    return figure


def _read(dataset: xr.Dataset) -> tuple[xr.Dataset, Cells, Cells, str]:
    """Return the cells as (mu, b, a), the axes a and b, and words on omissions."""
    panels = panels_of(dataset.sizes.get("mu", 1), 2 if set(dataset.data_vars) >= _SHOWN else 1)
    some, words = raster.thinned(dataset, ("a", "b"), panels)
    if "mu" not in some.dims:
        some = some.expand_dims("mu")
    cells = some.drop_dims([name for name in some.dims if name not in ("mu", "a", "b")])
    x, y = (Cells(name, some[name].values.astype(np.float64)) for name in ("a", "b"))
    return cells.transpose("mu", "b", "a"), x, y, words


def _grid(cells: xr.Dataset, x: Cells, y: Cells, dpi: int) -> Grid:
    """Choose the grid, with a and b to the same scale if both are even."""
    ratio = float(np.ptp(y.edges) / np.ptp(x.edges)) if x.even and y.even else 1.0
    rows = 2 if set(cells.data_vars) >= _SHOWN else 1
    shape = x.values.size, y.values.size
    return Grid.fit(cells.sizes["mu"], rows, shape, min(2.0, max(0.5, ratio)), dpi)


def _draw_column(
    figure: Figure, grid: Grid, k: int, cell: xr.Dataset, xy: tuple[Cells, Cells],
    escape: Shades,
) -> None:  # fmt: skip
    """Draw all panels of one mu, and a colour bar below the second."""
    mu, quiet = float(cell["mu"]), style.noise_of(cell)["model"] == "none"
    images = [style.palette()[cell["regime"].values]]
    if grid.rows > 1:
        values, scale, words, marks = _peak(cell) if mu > 1 else _imbalance(cell, quiet)
        gone = (cell["regime"].values == Regime.DIVERGENT)[..., np.newaxis]
        images.append(np.where(gone, escape.of(cell["steps"].values), scale.of(values)))
    for row, image in enumerate(images):
        axes = grid.add(figure, grid.corner(k, row), grid.width, grid.height)
        size = grid.height // image.shape[0], grid.width // image.shape[1]
        raster.draw(axes, raster.blocks(image, *size), xy[0].edges, xy[1].edges)
        _tick(axes, xy, k % grid.columns == 0, row == grid.rows - 1)
        if quiet:
            _draw_curves(axes, mu, *xy)
    if grid.rows > 1:
        left, low = grid.corner(k, 1)
        corner = left, low - grid.pixels(TICKS)
        scale.bar(grid.add(figure, corner, grid.width, grid.pixels(0.07)), words, marks)


def _tick(axes: Axes, xy: tuple[Cells, Cells], leftmost: bool, lowest: bool) -> None:
    """Give a panel ticks, and words to them only at the left and below."""
    for axis, cells in zip((axes.xaxis, axes.yaxis), xy, strict=True):
        cells.tick(axis)
        axis.set_label_text(style.SYMBOLS[cells.name])
        axis.labelpad = 1
        if cells.even:
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=8, length=2.5, pad=2, labelleft=leftmost, labelbottom=lowest)
    axes.xaxis.label.set_visible(lowest)
    axes.yaxis.label.set_visible(leftmost)


# What the lower panels show: values, their scale, its name and its marks

_Shown = tuple[Floats, Shades, str, tuple[float, ...]]


def _imbalance(cell: xr.Dataset, quiet: bool) -> _Shown:
    """Show the final imbalance to a symmetric scale, marked at its bound without noise."""
    values = cell["imbalance_final"].values
    bound = float(theory.imbalance_bound(float(cell["mu"]))) if quiet else 0.0
    settled = np.isin(cell["regime"].values, [Regime.MONOTONE, Regime.CATAPULT])
    most = bound or float(np.abs(values[settled]).max(initial=0.0)) or 1.0
    words = "final imbalance $a^2-b^2$" + "\n" + r"within $\pm2\sqrt{1-\mu^2}$" * (bound > 0)
    return values, Shades(shades.SIGNED, -1.2 * most, 1.2 * most), words, (-most, 0.0, most)


def _peak(cell: xr.Dataset) -> _Shown:
    """Show the largest loss on the way; inside the ellipse |e| < 2, so that it is below 2."""
    first = (cell["a"] * cell["b"] - cell["mu"]) ** 2 / 2
    values = (cell["loss_peak_ratio"] * first).transpose("b", "a").values
    seen = values[np.isfinite(values) & (cell["regime"].values != Regime.DIVERGENT)]
    low, high = float(seen.min(initial=1.9)), float(seen.max(initial=2.0))
    marks = MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high)
    return values, Shades(shades.LOSS, low, high), "largest loss $e^2/2$", tuple(marks)


def _slowest(cells: xr.Dataset) -> float:
    """Return the most steps that any orbit took to escape, 2 at least."""
    gone = cells["regime"] == Regime.DIVERGENT
    return max(2.0, float(cells["steps"].where(gone, 0).max())) if "steps" in cells else 2.0


# Curves and keys


def _draw_curves(axes: Axes, mu: float, x: Cells, y: Cells) -> None:
    """Draw what is known exactly over a panel."""
    limits = axes.get_xlim(), axes.get_ylim()
    for name, curve in _curves(mu, x, y):
        for a, b in (curve.T, -curve.T):
            axes.plot(_place(x, a), _place(y, b), **_LOOKS[name])
    axes.set(xlim=limits[0], ylim=limits[1])


def _place(cells: Cells, values: Floats) -> Floats:
    """Tell where values are drawn; NaN, a gap, for those beyond the ends of uneven cells."""
    low, high = cells.values[[0, -1]]
    inside = cells.even | ((low <= values) & (values <= high))
    return np.where(inside, cells.place(values), np.nan)


def _curves(mu: float, x: Cells, y: Cells) -> Iterator[tuple[str, Floats]]:
    """Yield curves by name; the negative of each is one as well."""
    reach = max(float(np.square(cells.values).max()) for cells in (x, y))
    yield "minima", boundaries.minima(mu, reach)
    if mu < 1:
        yield "stable", boundaries.minima(mu, float(theory.imbalance_bound(mu)))
    if 0 < mu <= 2:
        yield "bounded", boundaries.chebyshev(mu)


def _named(counts: NDArray[np.int64]) -> Iterator[tuple[Regime, str]]:
    """Name the regimes that are there, with the number of cells where it is small."""
    for code in Regime:
        count = int(counts[code])
        few = f" ({count:,} cell{'s' * (count > 1)})" if count < _FEW * counts.sum() else ""
        if count:
            yield code, style.WORDS[code] + few


def _draw_key(figure: Figure, grid: Grid, cells: xr.Dataset) -> None:
    """Explain colours and curves at the bottom of the sheet."""
    counts = np.bincount(cells["regime"].values.ravel(), minlength=len(Regime))
    handles: list[Artist] = [
        Patch(facecolor=style.COLOURS[code], edgecolor=style.INK, lw=0.5, label=words)
        for code, words in _named(counts)
    ]
    if style.noise_of(cells)["model"] == "none":
        some = {"bounded", "minima"} | ({"stable"} if (cells["mu"] < 1).any() else set())
        handles += [
            Line2D([], [], label=_WORDS[name], **_LOOKS[name]) for name in _LOOKS if name in some
        ]
    width, height = grid.size
    figure.legend(
        handles=handles, loc="lower left", ncols=3, borderaxespad=0, borderpad=0, fontsize=8,
        bbox_to_anchor=(grid.pixels(LEFT) / width, grid.pixels(0.08) / height),
        handlelength=1.4, columnspacing=1.0,
    )  # fmt: skip


def _draw_escape(figure: Figure, grid: Grid, escape: Shades) -> None:
    """Draw the colour bar that all panels share, at the bottom right."""
    side = grid.pixels(1.05)
    corner = grid.size[0] - grid.pixels(RIGHT) - side, grid.pixels(0.42)
    marks = (1, 2, 5, 10, 20, 50, 200, 1000, 10000)
    escape.bar(grid.add(figure, corner, side, grid.pixels(0.07)), "steps until escape", marks)
