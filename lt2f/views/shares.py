"""How often each outcome comes about over step size and noise, beside what is exact of it.

The noise is a standard deviation or, where prompts are drawn from a pool, the size of a batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from lt2f.dynamics.codes import Regime
from lt2f.views import boundaries, raster, shades, sheet, style
from lt2f.views.boundaries import Boundary
from lt2f.views.raster import Cells, Floats
from lt2f.views.shades import Shades

_MAP, _CUT = 1.25, 1.1  # heights of panels in inches, as near as whole pixels come
_LINE, _BAR = 0.175, 0.4  # of the key and the colour bar above them
_FINE: Final = 601  # points along each side, between which curves are linear

_SHARE: Final = Shades(shades.SHARE, 0.0, 1.0)
_HALO: Final[list[patheffects.AbstractPathEffect]] = [
    patheffects.withStroke(linewidth=2.2, foreground="white")
]
_MARK: Final[dict[str, Any]] = {
    "ls": "", "marker": ">", "ms": 6, "color": style.INK, "mec": "w", "mew": 0.5
}  # fmt: skip
_LINES: Final = "////"

_CONVERGED: Final = (Regime.MONOTONE, Regime.CATAPULT)
_GONE: Final = (Regime.DIVERGENT, Regime.COLLAPSED)
_REST: Final = tuple(code for code in Regime if code not in (*_CONVERGED, *_GONE))


@dataclass(frozen=True)
class Outcome:
    """Regimes that are counted as one, and the look of their share in a cut."""

    words: str
    regimes: tuple[Regime, ...]
    colour: str
    dashes: Any = "-"

    def of(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count it, from counts of regimes along the last axis."""
        some: NDArray[np.int64] = counts[..., list(self.regimes)].sum(axis=-1)
        return some


OUTCOMES: Final = (
    Outcome("converged", _CONVERGED, "#5b8fc7"),
    Outcome("bounded, not converged", _REST, "#98437f"),
    Outcome("found chaotic among these", (Regime.CHAOTIC,), "#37295f", (0, (2, 1.2))),
    Outcome("divergent", (Regime.DIVERGENT,), "#8a8a8a"),
    Outcome("collapsed", (Regime.COLLAPSED,), "#161616", (0, (5, 2))),
)
"""What training comes to, from above."""


@dataclass(frozen=True)
class _Curve:
    """A boundary within the panels: its heights at points (noise, mu), and its look."""

    boundary: Boundary
    height: Floats
    look: dict[str, Any]


def shares(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw the shares of outcomes over mu and noise, a block of pixels per cell.

    From a map dataset over mu, noise (or batch_size) and realization, or one that counts
    realizations. There is a
    panel for each outcome that noise brings about anywhere. Below come cuts with Wilson intervals
    of 95 %, at half of the largest noise and where outcomes are most mixed; triangles mark these
    levels. Where most runs are undecided cells are hatched. Curves, and upright lines in the cuts,
    are exact for independent draws. The dpi is raised as far as cells need it; sides of more than
    `raster.MOST` cells are thinned, and the title says so.
    """
    counts, x, y, thinned = _read(dataset)
    noisy = counts[y.values > 0] if y.values[-1] > 0 else counts  # a batch is never of size 0
    seen = [outcome for outcome in OUTCOMES if outcome.of(noisy).any()]
    curves = list(_curves(dataset, x, y))
    cuts = _cuts(counts, y.values, seen)
    across, dpi = sheet.fit(x.values.size, dpi)
    down = max(1, round(_MAP * dpi / y.values.size))
    heights = [down * y.values.size] * len(seen) + [round(_CUT * dpi)] * len(cuts)
    hatched = False
    with rc_context(style.RC):
        top = max(_BAR, _LINE * len(curves) + 0.1)
        figure, panels = sheet.make(across * x.values.size, heights, dpi, top)
        for axes, outcome in zip(panels, seen, strict=False):
            part = outcome.of(counts) / counts.sum(axis=-1)
            raster.draw(axes, raster.blocks(_SHARE.of(part), down, across), x.edges, y.edges)
            _dress_map(axes, y, outcome.words, y.values[cuts])
            _draw_curves(axes, x, y, curves)
            hatched |= Regime.UNDECIDED in outcome.regimes and _hatch(axes, x, y, counts)
        for axes, k in zip(panels[len(seen) :], cuts, strict=True):
            _draw_cut(axes, x, counts[k], seen)
            _draw_lines(axes, x, y.name, float(y.values[k]), curves)
            _aside(axes, f"{style.SYMBOLS[y.name]} = {y.values[k]:g}")
        x.tick(panels[-1].xaxis)
        figure.align_ylabels(panels)
        sheet.title(panels[0], f"Shares of outcomes{thinned}", dataset)
        _draw_keys(figure, panels, curves, seen, int(counts[0, 0].sum()))
        _explain(panels[-1], seen, hatched)
        sheet.margins(figure)
    return figure


def wilson(count: ArrayLike, total: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the ends of the Wilson score interval of a share, count of total, elementwise.

    They are the shares p at which |count/total - p| is z standard errors sqrt(p (1 - p)/total), z
    the normal quantile of the level: the roots of a quadratic (Wilson, JASA 22 (1927) 209).
    """
    k, n = np.asarray(count, dtype=np.float64), np.asarray(total, dtype=np.float64)
    z = ndtri((1 + level) / 2)
    middle, half = k + z * z / 2, z * np.sqrt(k * (n - k) / n + z * z / 4)
    # 0 and 1 are ends exactly, which rounding would miss.
    low = np.where(k == 0, 0.0, (middle - half) / (n + z * z))
    return low, np.where(k == n, 1.0, (middle + half) / (n + z * z))


def _read(dataset: xr.Dataset) -> tuple[NDArray[np.int64], Cells, Cells, str]:
    """Return counts (noise, mu, regime), the axes mu and noise, and words on omissions."""
    names = "mu", "batch_size" if "batch_size" in dataset.sizes else "noise"
    some, words = raster.thinned(dataset, names)
    x, y = (Cells(name, some[name].values.astype(np.float64)) for name in names)
    if "regime_count" in some:
        return some["regime_count"].transpose(y.name, "mu", "outcome").values, x, y, words
    codes = some["regime"].transpose(y.name, "mu", "realization").values
    return np.stack([(codes == code).sum(axis=-1) for code in Regime], axis=-1), x, y, words


def _cuts(counts: NDArray[np.int64], noise: Floats, seen: list[Outcome]) -> list[int]:
    """Choose levels of noise: the middle, and that of the largest sum of variances p (1 - p)."""
    parts = np.stack([outcome.of(counts) for outcome in seen]) / counts.sum(axis=-1)
    mixed = (parts * (1 - parts)).sum(axis=(0, 2))
    return sorted({int(np.abs(noise - noise[-1] / 2).argmin()), int(mixed.argmax())})


# Maps


def _curves(dataset: xr.Dataset, x: Cells, y: Cells) -> Iterator[_Curve]:
    """Yield the boundaries that cross the panels."""
    mu, noise = x.spread(_FINE)[1], y.spread(_FINE)[1].clip(0)[:, np.newaxis]
    for boundary, colour in zip(boundaries.under_noise(dataset), style.EDGES, strict=False):
        height = np.broadcast_to(boundary.beyond({"mu": mu, y.name: noise}), (_FINE, _FINE))
        if (height < 0).any() and (height > 0).any():
            look = {"color": colour, "ls": "-", "lw": 1.1}  # dashes in a halo look striped
            yield _Curve(boundary, height, look)


def _draw_curves(axes: Axes, x: Cells, y: Cells, curves: list[_Curve]) -> None:
    across, up = x.spread(_FINE)[0], y.spread(_FINE)[0]
    for curve in curves:
        look = curve.look
        drawn = axes.contour(
            across, up, curve.height, [0.0],
            colors=look["color"], linestyles=look["ls"], linewidths=look["lw"],
        )  # fmt: skip
        drawn.set_path_effects(_HALO)


def _dress_map(axes: Axes, y: Cells, words: str, cuts: Floats) -> None:
    """Name a map and its axis, and mark at both sides where the cuts are."""
    y.tick(axes.yaxis)
    axes.set_ylabel(style.label(y.name) if y.name != "noise" else f"noise {style.SYMBOLS['noise']}")
    if y.even:
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], prune="upper"))
    _aside(axes, words)
    edge = axes.get_yaxis_transform()
    axes.plot(np.zeros(cuts.size), y.place(cuts), transform=edge, clip_on=False, **_MARK)


def _hatch(axes: Axes, x: Cells, y: Cells, counts: NDArray[np.int64]) -> bool:
    """Hatch the cells in which most runs are undecided; tell whether there are any."""
    most = 2 * counts[..., Regime.UNDECIDED] > counts.sum(axis=-1)
    if most.any():
        # Each cell by two points a side, or its edges would be slanted.
        across, up = (_sides(cells) for cells in (x, y))
        heights = most.repeat(2, axis=0).repeat(2, axis=1).astype(np.float64)
        hatch = axes.contourf(across, up, heights, [0.5, 1.5], colors="none", hatches=[_LINES])
        hatch.set_edgecolor("w")
        hatch.set_linewidth(0)
    return bool(most.any())


def _sides(cells: Cells) -> Floats:
    """Return where each cell begins and ends, a little inside."""
    places, size = cells.place(cells.values), np.ptp(cells.edges) / cells.values.size
    sides: Floats = (places[:, np.newaxis] + 0.499 * size * np.array([-1, 1])).ravel()
    return sides


def _aside(axes: Axes, words: str) -> None:
    """Write beside a panel, at its right."""
    corner = axes.transAxes + ScaledTranslation(0.015, 0, axes.figure.dpi_scale_trans)
    axes.text(1, 0.5, words, transform=corner, rotation=270, ha="left", va="center", size=7.5)


# Cuts


def _draw_cut(axes: Axes, x: Cells, counts: NDArray[np.int64], seen: list[Outcome]) -> None:
    """Draw shares against mu, from counts (mu, regime), with their intervals."""
    total, places = counts.sum(axis=-1), x.place(x.values)
    for outcome in seen:
        count = outcome.of(counts)
        axes.fill_between(places, *wilson(count, total), color=outcome.colour, alpha=0.2, lw=0)
        axes.plot(places, count / total, color=outcome.colour, ls=outcome.dashes, lw=1.2)
    axes.set(xlim=x.edges, ylim=(-0.04, 1.04), yticks=[0, 0.5, 1], ylabel="share")


def _draw_lines(axes: Axes, x: Cells, name: str, noise: float, curves: list[_Curve]) -> None:
    for curve in curves:
        for mu in crossings(curve.boundary, noise, x.spread(_FINE)[1], name):
            axes.axvline(float(x.place(mu)), zorder=1.5, **curve.look)


def crossings(boundary: Boundary, noise: float, mu: Floats, name: str = "noise") -> list[float]:
    """Find where a boundary crosses a level of noise, between increasing values of mu.

    The noise is the coordinate `name`.
    """

    def beyond(mu: ArrayLike) -> Any:
        return boundary.beyond({"mu": np.asarray(mu, dtype=np.float64), name: np.array(noise)})

    height = beyond(mu)
    between = np.flatnonzero(height[:-1] * height[1:] < 0)
    met = [float(mu[k]) for k in np.flatnonzero(height == 0)]
    return sorted(met + [brentq(beyond, mu[k], mu[k + 1], xtol=1e-12) for k in between])


def _draw_keys(
    figure: Figure, panels: list[Axes], curves: list[_Curve], seen: list[Outcome], total: int
) -> None:
    """Explain curves and shades above the panels, and the outcomes of the cuts below."""
    box, dpi = panels[0].get_window_extent(), figure.dpi
    width, height = figure.bbox.size
    lines = [Line2D([], [], label=curve.boundary.words, **curve.look) for curve in curves]
    if lines:
        panels[0].legend(
            handles=lines, loc="lower left", bbox_to_anchor=(0.0, 1 + 0.06 * dpi / box.height),
            fontsize=8.5, borderaxespad=0, borderpad=0, handlelength=2.4, labelspacing=0.3,
        )  # fmt: skip
    side, low = 1.25 * dpi, box.y1 + 0.22 * dpi
    place = (box.x1 - side) / width, low / height, side / width, 0.08 * dpi / height
    bar = figure.add_axes(place)
    _SHARE.bar(bar, "", (0, 0.5, 1))
    words = f"share of {total:,} realization{'s' * (total > 1)}"
    bar.set_title(words, loc="right", size=9, pad=3)


def _explain(axes: Axes, seen: list[Outcome], hatched: bool) -> None:
    """Explain what maps and cuts have in common, below them."""
    handles: list[Artist] = [
        Line2D([], [], color=o.colour, ls=o.dashes, lw=1.2, label=o.words) for o in seen
    ]
    handles += [Patch(color="#8a8a8a", alpha=0.3, lw=0, label="95 % Wilson intervals")]
    handles += [Line2D([], [], **{**_MARK, "ms": 5}, label="levels of the cuts")]
    if hatched:
        words = "most runs undecided"
        handles.append(Patch(fc="#8d5a97", ec="w", hatch=_LINES, lw=0, label=words))
    sheet.key(axes, handles)
