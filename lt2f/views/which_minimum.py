"""Which minimum a start reaches: zooms towards the ellipse, and how finely it has to be known."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from lt2f.dynamics import theory
from lt2f.dynamics.codes import Branch, Regime
from lt2f.views import raster, shades, sheet, style
from lt2f.views.displaced import draw_shares
from lt2f.views.grid import LEFT, TICKS, Grid, panels_of
from lt2f.views.shades import Shades
from lt2f.views.zooms import axes_of, beside, draw_frames, tick

BRANCHES: Final = {Branch.POSITIVE: "#f0a202", Branch.NEGATIVE: "#1f4e8c"}
"""Orange and blue, of different lightness: they are told apart in grey and by any eye."""

_CURVES: Final[dict[str, dict[str, Any]]] = {
    "bounded": {"colors": "#c6004f", "linewidths": 0.9},
    "minima": {"colors": style.INK, "linewidths": 0.9, "linestyles": "--"},
}
_WORDS: Final = {
    "bounded": r"ellipse $a^2+b^2-\mu ab=4-\mu^2$, beyond it unbounded",
    "minima": r"minima $ab=\mu$",
}
_SLOW: Final = (Regime.MONOTONE, Regime.CATAPULT)  # on their way, unless they have a branch
_TICKED: Final = 0.24  # inches between columns: each window has values of its own beside it
_POINTS: Final = 301  # along a side of the mesh on which curves are found


def which_minimum(*datasets: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw map datasets over a and b side by side, and the uncertain share of displaced starts.

    A column shows, for each dataset over a and b and each of its mu, the imbalance at the end
    (where it was recorded) above the branch of the minima that is reached, with the ellipse and
    the minima; a frame is the window of another column. A dataset with an axis `perturbation` makes
    a column of its own: of starts that converge both displaced by epsilon and not, the share f that
    reaches the other branch if displaced, with standard errors, its fitted slope, and the slope
    that the escape rate of the ellipse predicts.
    `branch` must be recorded in every dataset. The dpi is raised as far as cells need it.
    """
    apart = [data for data in datasets if "perturbation" in data.dims]
    if len(apart) == len(datasets) == 1:
        return _shares_alone(apart[0], dpi)
    zoomed = [data for data in datasets if "perturbation" not in data.dims]
    rows = 2 if zoomed and all("imbalance_final" in data for data in zoomed) else 1
    panels = panels_of(len(apart) + sum(data.sizes.get("mu", 1) for data in zoomed), rows)
    some = [raster.thinned(data, ("a", "b"), panels) for data in zoomed]
    zooms = [zoom for data, _ in some for zoom in _each(data)]
    grid = _grid(zooms, len(apart), rows, dpi)
    with rc_context(style.RC):
        figure = grid.sheet()
        several = any("mu" in data.dims for data in datasets)
        columns = [_draw_zoom(figure, grid, k, zooms, several) for k in range(len(zooms))]
        for k, data in enumerate(apart, start=len(zooms)):
            draw_shares(beside(figure, grid, k), data)
        omitted = next((words for _, words in some if words), "")
        sheet.title(figure.axes[0], f"Which minimum is reached{omitted}", datasets[0])
        _draw_key(figure, grid, zooms, set().union(*columns))
    return figure


def _each(dataset: xr.Dataset) -> Iterator[xr.Dataset]:
    """Yield a map dataset mu by mu, as (b, a)."""
    some = dataset.drop_dims([name for name in dataset.dims if name not in ("mu", "a", "b")])
    some = some if "mu" in some.dims else some.expand_dims("mu")
    for k in range(some.sizes["mu"]):
        yield some.isel(mu=k).transpose("b", "a")


def _grid(zooms: Sequence[xr.Dataset], apart: int, rows: int, dpi: int) -> Grid:
    """Choose the grid by the first zoom."""
    x, y = axes_of(zooms[0])
    ratio = float(np.ptp(y.edges) / np.ptp(x.edges)) if x.even and y.even else 1.0
    shape = x.values.size, y.values.size
    return Grid.fit(len(zooms) + apart, rows, shape, min(2.0, max(0.5, ratio)), dpi, _TICKED)


# Zooms


def _draw_zoom(
    figure: Figure, grid: Grid, k: int, zooms: Sequence[xr.Dataset], several: bool
) -> set[str]:
    """Draw a column: the imbalance at the end if there are two rows, and the branch.

    Above it is mu if there are several; the names of the curves that it shows are returned.
    """
    zoom, shown = zooms[k], set()
    mu, (x, y) = float(zoom["mu"]), axes_of(zoom)
    scale, words = _imbalance_scale(mu)
    images = [_imbalance(zoom, scale)] if grid.rows > 1 else []
    for row, image in enumerate([*images, _branches(zoom)]):
        axes = grid.add(figure, grid.corner(k, row), grid.width, grid.height)
        up, across = (
            np.arange(pixels) * cells // pixels
            for pixels, cells in zip((grid.height, grid.width), image.shape, strict=False)
        )
        raster.draw(axes, image[np.ix_(up, across)], x.edges, y.edges)
        tick(axes, (x, y), k == 0, row == grid.rows - 1)
        if style.noise_of(zoom)["model"] == "none" and x.even and y.even:
            shown |= set(_draw_curves(axes, mu))
        draw_frames(axes, zoom, zooms)
        if row == 0 and several:
            axes.set_title(f"{style.SYMBOLS['mu']} = {mu:g}", pad=4)
    if grid.rows > 1:
        left, low = grid.corner(k, 1)
        corner = left, low - grid.pixels(TICKS)
        bar = grid.add(figure, corner, grid.width, grid.pixels(0.07))
        scale.bar(bar, words, (scale.low / 1.2, 0.0, scale.high / 1.2))
    return shown


def _imbalance_scale(mu: float) -> tuple[Shades, str]:
    """Return a symmetric scale that ends beyond the bound of stable minima, and its name."""
    most = float(theory.imbalance_bound(mu)) if mu < 1 else 1.0
    bound = "\n" + r"within $\pm2\sqrt{1-\mu^2}$" if mu < 1 else ""
    return Shades(shades.SIGNED, -1.2 * most, 1.2 * most), "final imbalance $a^2-b^2$" + bound


def _imbalance(zoom: xr.Dataset, scale: Shades) -> NDArray[np.uint8]:
    image: NDArray[np.uint8]
    gone = (zoom["regime"].values == Regime.DIVERGENT)[..., np.newaxis]
    values = scale.of(zoom["imbalance_final"].values)
    image = np.where(gone, style.palette()[Regime.DIVERGENT], values)
    return image


def _branches(zoom: xr.Dataset) -> NDArray[np.uint8]:
    """Colour branches, and where no minimum is reached regimes; white is what comes too slowly."""
    image: NDArray[np.uint8] = style.palette()[zoom["regime"].values]
    image[np.isin(zoom["regime"].values, _SLOW)] = 255
    for code, colour in BRANCHES.items():
        image[zoom["branch"].values == code] = np.round(255 * np.array(to_rgb(colour)))
    return image


def _draw_curves(axes: Axes, mu: float) -> Iterator[str]:
    """Draw the ellipse and the minima, found on a mesh of the window: sharp at any depth.

    Yields the names of those that cross it.
    """
    x, y = (np.linspace(*limits, _POINTS) for limits in (axes.get_xlim(), axes.get_ylim()))
    a, b = np.meshgrid(x, y)
    curves = {"minima": a * b - mu}
    if 0 < mu < 2:
        curves["bounded"] = theory.ellipse(mu, (a + b) / 2, (a - b) / 2)
    for name, values in curves.items():
        if values.min() < 0 < values.max():
            axes.contour(x, y, values, [0.0], **_CURVES[name])
            yield name


# The share of starts that end elsewhere


def _shares_alone(dataset: xr.Dataset, dpi: int) -> Figure:
    """Draw the shares of displaced starts as a figure of their own."""
    with rc_context(style.RC):
        figure, (axes,) = sheet.make(round(4.2 * dpi), [round(3.0 * dpi)], dpi)
        draw_shares(axes, dataset)
        sheet.title(axes, "Starts that end at the other minimum if displaced", dataset)
    return figure


def _draw_key(
    figure: Figure, grid: Grid, zooms: Sequence[xr.Dataset], curves: Collection[str]
) -> None:
    """Explain colours and curves at the bottom of the sheet."""
    words = {Branch.POSITIVE: "ends where $a+b>0$", Branch.NEGATIVE: "ends where $a+b<0$"}
    handles: list[Artist] = [
        Patch(facecolor=colour, edgecolor=style.INK, lw=0.5, label=words[code])
        for code, colour in BRANCHES.items()
    ]
    left = np.concatenate([zoom["regime"].values[zoom["branch"].values == 0] for zoom in zooms])
    handles += [
        Patch(facecolor=style.COLOURS[code], ec=style.INK, lw=0.5, label=_named(code, int(count)))
        for code, count in zip(Regime, np.bincount(left, minlength=len(Regime)), strict=True)
        if count and code not in _SLOW
    ]
    if slow := int(np.isin(left, _SLOW).sum()):
        name = _counted("not yet at a minimum", slow)
        handles.append(Patch(facecolor="white", ec=style.INK, lw=0.5, label=name))
    looks = {name: (look["colors"], look.get("linestyles", "-")) for name, look in _CURVES.items()}
    handles += [
        Line2D([], [], color=colour, ls=dashes, lw=0.9, label=_WORDS[name])
        for name, (colour, dashes) in looks.items()
        if name in curves
    ]
    width, height = grid.size
    figure.legend(
        handles=handles, loc="lower left", ncols=3, borderaxespad=0, borderpad=0, fontsize=8,
        bbox_to_anchor=(grid.pixels(LEFT) / width, grid.pixels(0.08) / height),
        handlelength=1.4, columnspacing=1.0,
    )  # fmt: skip


def _named(code: Regime, count: int) -> str:
    """Name what reaches no minimum, and count what does not escape either."""
    words = style.WORDS[code]
    return words if code == Regime.DIVERGENT else _counted(words, count)


def _counted(words: str, count: int) -> str:
    return f"{words} ({count:,} cell{'s' * (count > 1)})"
