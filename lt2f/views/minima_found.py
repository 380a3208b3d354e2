"""Which minima noisy runs find: how sharp and how unbalanced, over noise or batch size."""

from dataclasses import dataclass
from typing import Any, Final

import matplotlib
import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray
from scipy.stats import binom

from lt2f.dynamics import balancing, noise_theory
from lt2f.dynamics.codes import Regime
from lt2f.views import sheet, style
from lt2f.views.raster import Cells, Floats

_HEIGHT, _LOWER = 2.6, 1.7  # of the panels, in inches
MOST: Final = 3
"""Step sizes that are shown, evenly spread."""
BAND: Final = 0.1, 0.9
"""Quantiles between which a band is drawn."""
_LEAST: Final = 1e-12  # imbalance below which a minimum is the flattest one to all digits
_DECADE: Final = 0.1  # of the start's imbalance: where a median is below, the scale is logarithmic
_EDGES: Final = {"almost": "#0b62a8", "mean": "#2d8a70"}


@dataclass(frozen=True)
class Found:
    """Where runs end, |a^2 - b^2| over (mu, level, realization), NaN where one has escaped.

    `mean_square` and `almost_sure` are the edges of stability at each level, NaN if unknown.
    """

    mu: Floats
    level: Cells
    imbalance: Floats
    start: float
    mean_square: Floats
    almost_sure: Floats

    @property
    def sharpness(self) -> Floats:
        """Sharpness of the minimum on the hyperbola where each run ends."""
        return balancing.reached_sharpness(self.imbalance, self.mu[:, np.newaxis, np.newaxis])

    @property
    def shown(self) -> NDArray[np.int64]:
        """Choose step sizes."""
        even = np.linspace(0, self.mu.size - 1, min(MOST, self.mu.size)).round()
        return np.asarray(even.astype(np.int64))


def read(dataset: xr.Dataset) -> Found:
    """Read a map dataset over mu, noise (or batch_size) and realization, from one start."""
    name = "batch_size" if "batch_size" in dataset.sizes else "noise"
    some = dataset[["regime", "imbalance_final"]].transpose("mu", name, "realization")
    gone = some["regime"].values == Regime.DIVERGENT
    ends = np.where(gone, np.nan, np.abs(some["imbalance_final"].values))
    given = {str(key): float(x) for key, x in dataset.coords.items() if x.ndim == 0}
    start = given.get("imbalance", given.get("a", 0.0) ** 2 - given.get("b", 0.0) ** 2)
    level = Cells(name, some[name].values.astype(np.float64))
    return Found(some["mu"].values, level, ends, abs(start), *_edges(dataset, level.values))


def _edges(dataset: xr.Dataset, level: Floats) -> tuple[Floats, Floats]:
    """Return the mean-square and the almost-sure edge at each level."""
    noise, unknown = style.noise_of(dataset), np.full(level.size, np.nan)
    if noise["model"] == "multiplicative":
        law = noise["law"]
        edges = [noise_theory.almost_sure_threshold(s, law) if s else 2.0 for s in level.tolist()]
        return noise_theory.mean_square_threshold(level), np.array(edges)
    if noise["model"] != "prompts":
        return unknown, unknown
    n, single = noise["pool_size"], float(dataset.attrs["prompt_covariance"][0])
    left = 1.0 if noise.get("replacement", True) else (n - level) / max(n - 1, 1)
    sure = np.atleast_1d(dataset.attrs.get("almost_sure_edges", unknown))
    return 2 / (1 + single * left / level), np.asarray(sure, dtype=np.float64)


def median(values: Floats, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return medians over the last axis, of what is no NaN, and the ends of an interval.

    The ends are the order statistics between which the median of any law lies with at least that
    confidence: the number of draws below it is binomial. The whole range where draws are few.
    """
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.isfinite(ordered).sum(axis=-1)
    least = binom.ppf((1 - confidence) / 2, np.maximum(count, 1), 0.5).astype(np.int64) - 1
    low = np.clip(least, 0, None)
    high = np.maximum(count - 1 - low, 0)
    ends = [np.take_along_axis(ordered, k[..., np.newaxis], -1)[..., 0] for k in (low, high)]
    middle = [
        np.take_along_axis(ordered, np.maximum(k, 0)[..., np.newaxis], -1)[..., 0]
        for k in ((count - 1) // 2, count // 2)
    ]
    middle[1] = np.where(count > 0, middle[1], np.nan)
    return (middle[0] + middle[1]) / 2, ends[0], ends[1]


def minima_found(dataset: xr.Dataset, dpi: int = style.DPI) -> Figure:
    """Draw how sharp and how unbalanced the minima are that runs from one start end at.

    Above is, over noise or batch size, the median of the sharpness sqrt(d^2 + 4 mu^2), d the last
    imbalance, with intervals of 95 % and a band from a tenth to nine tenths of the bounded runs,
    between the flattest minimum 2 mu and the edges of mean-square and almost sure stability. Below
    are, at the left, the shares of runs that end no sharper than S at the step size in the middle,
    and at the right the median imbalance, |d|.
    """
    found = read(dataset)
    with rc_context(style.RC):
        figure, (top,) = sheet.make(sheet.most(dpi), [round(_HEIGHT * dpi)], dpi)
        _draw_sharpness(top, found)
        sheet.title(top, "Minima found", dataset)
        left, right = sheet.row(figure, 2, round(_LOWER * dpi))
        _draw_shares(left, found)
        _draw_imbalance(right, found)
        figure.align_ylabels([top, left])
    return figure


def _colours(count: int) -> Floats:
    return np.asarray(matplotlib.colormaps["viridis"](np.linspace(0.0, 0.82, count)))


def _draw_sharpness(axes: Axes, found: Found) -> None:
    x, sharpness, shown = found.level.values, found.sharpness, found.shown
    middle, low, high = median(sharpness)
    for i, colour in zip(shown, _colours(shown.size), strict=True):
        some = np.isfinite(sharpness[i]).any(axis=-1)
        if some.any():
            least, most = np.nanquantile(sharpness[i, some], BAND, axis=-1)
            axes.fill_between(x[some], least, most, color=colour, alpha=0.18, lw=0)
        bars = middle[i] - low[i], high[i] - middle[i]
        name = rf"$\mu$ = {found.mu[i]:g}"
        axes.errorbar(x, middle[i], bars, color=colour, marker="o", ms=3, lw=1.0, label=name)
        axes.axhline(2 * found.mu[i], color=colour, lw=0.8, ls=":")
    words = {"almost": "almost sure edge", "mean": "mean-square edge"}
    for (key, name), edge in zip(
        words.items(), (found.almost_sure, found.mean_square), strict=True
    ):
        dashes = "-" if key == "almost" else (0, (5, 2))
        axes.plot(x, edge, color=_EDGES[key], ls=dashes, lw=1.2, label=name)
    axes.plot([], [], color=style.INK, lw=0.8, ls=":", label=r"flattest minimum, $2\mu$")
    _over_level(axes, found.level)
    least, most = axes.get_ylim()
    axes.set_ylim(max(0.0, least), most + 0.22 * (most - least))  # with room for names
    axes.set_ylabel(r"sharpness $S$ of the minimum")
    axes.legend(loc="upper left", ncols=3, borderpad=0.2, labelspacing=0.25, fontsize=8)


def _draw_shares(axes: Axes, found: Found) -> None:
    i, sharpness = int(found.shown[found.shown.size // 2]), found.sharpness
    for k, colour in enumerate(_colours(found.level.values.size)):
        ends = np.sort(sharpness[i, k][np.isfinite(sharpness[i, k])])
        share = np.arange(1, ends.size + 1) / max(ends.size, 1)
        name = f"{found.level.values[k]:g}"
        axes.step(ends, share, where="post", color=colour, lw=1.0, label=name)
    axes.axvline(2 * found.mu[i], color=style.INK, lw=0.8, ls=":")
    axes.set(xlabel="sharpness $S$", ylabel="share no sharper", ylim=(-0.03, 1.03))
    axes.set_title(rf"At $\mu$ = {found.mu[i]:g}", size=9)
    title = style.SYMBOLS[found.level.name]
    look: dict[str, Any] = {"fontsize": 6.5, "borderpad": 0.2, "labelspacing": 0.1}
    axes.legend(title=title, title_fontsize=7, loc="best", handlelength=1.2, **look)


def _draw_imbalance(axes: Axes, found: Found) -> None:
    x, shown = found.level.values, found.shown
    middle, low, high = (np.maximum(part, _LEAST) for part in median(found.imbalance))
    for i, colour in zip(shown, _colours(shown.size), strict=True):
        bars = middle[i] - low[i], high[i] - middle[i]
        axes.errorbar(x, middle[i], bars, color=colour, marker="o", ms=2.5, lw=0.9)
    axes.axhline(found.start, color=style.INK, lw=0.6, ls=(0, (4, 2)))
    if (middle[shown] < _DECADE * found.start).any():
        axes.set_yscale("log")
    axes.set_title(r"Median of $|a^2-b^2|$; dashed: the start's", size=9)
    _over_level(axes, found.level)


def _over_level(axes: Axes, level: Cells) -> None:
    """Name the axis of noise or batch sizes; the latter double."""
    if level.name == "batch_size":
        axes.set_xscale("log", base=2)
        axes.set_xticks(level.values, labels=[f"{size:g}" for size in level.values])
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(style.label(level.name))
